//! Steps: their ends, what they leave, what they inherit.

use std::fs;
use std::time::Duration;

use pikoci_model::outcome::Ended;
use pikoci_model::port::{HandedFile, Item, LaunchError, Launcher, Spawn};
use pikoci_model::text::SecretValue;

use crate::fixture::{Holders, command, directory, launcher, open, run, shell, within};

#[tokio::test(flavor = "multi_thread")]
async fn every_end_has_its_name() {
    let launcher = launcher();
    let item = open(&launcher).await;
    assert_eq!(run(&item, command(&["true"], None)).await.ended, Ended::Exited(0));
    assert_eq!(run(&item, shell("exit 7", None)).await.ended, Ended::Exited(7));
    assert_eq!(run(&item, shell("kill -SEGV $$", None)).await.ended, Ended::Signalled(11));
    let missing = run(&item, command(&["no-such-program-here", "x"], None)).await.ended;
    assert_eq!(
        missing.to_string(),
        "program \"no-such-program-here\" not found in PATH (/usr/local/bin:/usr/bin:/bin)"
    );
    let lost = Spawn { dir: "/no/such/place".into(), ..shell("true", None) };
    let text = run(&item, lost).await.ended.to_string();
    assert!(text.contains("/no/such/place") && text.contains("No such file"), "{text}");
    let denied = run(&item, command(&["/etc/passwd"], None)).await.ended;
    assert!(matches!(&denied, Ended::NotStarted { reason, .. } if reason.contains("denied")), "{denied}");
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_without_or_with_a_missing_interpreter_are_told_apart() {
    let place = directory();
    let script = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let launcher = launcher();
    let item = open(&launcher).await;
    let plain = script("plain", "test \"$1\" = word\n");
    assert_eq!(run(&item, command(&[&plain, "word"], None)).await.ended, Ended::Exited(0));
    let broken = script("broken", "#!/no/such/interpreter\n");
    let ended = run(&item, command(&[&broken], None)).await.ended;
    assert!(matches!(&ended, Ended::NotStarted { reason, .. } if reason.contains("interpreter")), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_exactly_what_it_was_given() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let mut spawn = command(
        &["sh", "-c", "env; pwd; umask; ulimit -c; readlink /proc/self/fd/0; cat /proc/self/oom_score_adj"],
        None,
    );
    spawn.env.insert("ONLY".into(), "this".into());
    spawn.dir = "/usr".into();
    let kept = std::sync::Arc::default();
    spawn.sink = Some(std::sync::Arc::clone(&kept) as _);
    assert_eq!(run(&item, spawn).await.ended, Ended::Exited(0));
    let text = crate::fixture::Kept::out(&kept);
    let mut seen: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("PWD=") && !line.starts_with('_')).collect();
    let tail = seen.split_off(2);
    seen.sort_unstable();
    assert_eq!(seen, ["ONLY=this", "PATH=/usr/local/bin:/usr/bin:/bin"]);
    assert_eq!((tail[0], tail[3], tail[4]), ("/usr", "/dev/null", "0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_environment_arrives_whole() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let mut spawn = shell("env | wc -c", None);
    for number in 0..30 {
        spawn.env.insert(format!("BIG_{number}"), "x".repeat(10_000));
    }
    let end = run(&item, spawn).await;
    let size: usize = String::from_utf8(end.captured.last_line.unwrap()).unwrap().trim().parse().unwrap();
    assert!(size > 300_000, "{size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argument_too_long_is_an_outcome() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let ended = run(&item, command(&["true", &"x".repeat(200_000)], None)).await.ended;
    assert!(
        matches!(&ended, Ended::NotStarted { program, reason } if program == "true" && reason.contains("too long")),
        "{ended}"
    );
    let ended = run(&item, command(&["true", "a\0b"], None)).await.ended;
    assert!(matches!(&ended, Ended::NotStarted { reason, .. } if reason.contains("zero byte")), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_file_is_read_and_never_an_argument() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let mut spawn = command(&["sh", "@script"], None);
    let script = "tr '\\0' ' ' < /proc/$$/cmdline; echo; sh $AGAIN hidden-token\n";
    spawn.files = vec![
        HandedFile { placeholder: "@script".into(), content: SecretValue::new(script) },
        HandedFile { placeholder: "@again".into(), content: SecretValue::new("echo inner $1") },
    ];
    spawn.env.insert("AGAIN".into(), "@again".into());
    let kept = std::sync::Arc::<crate::fixture::Kept>::default();
    spawn.sink = Some(std::sync::Arc::clone(&kept) as _);
    assert_eq!(run(&item, spawn).await.ended, Ended::Exited(0));
    assert_eq!(kept.out(), "sh /proc/self/fd/3 \ninner hidden-token\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_step_leaves_ends_with_it() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let script = format!(
        "{}; mkfifo '{up}'; setsid sh -c 'trap \"\" TERM; echo up >\"$0\"; sleep 1000' '{up}' & read x <'{up}'; exit 3",
        holders.hold(),
        up = place.path().join("up").display()
    );
    let end = run(&item, shell(&script, None)).await;
    assert_eq!(end.ended, Ended::Exited(3));
    assert!(end.killed >= 1, "{end:?}");
    holders.wait_until_gone();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_successful_step_leaves_ends_with_the_item() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let script = format!("{}; setsid sh -c 'echo up >&9; sleep 1000' >/dev/null 2>&1 &", holders.hold());
    assert_eq!(run(&item, shell(&script, None)).await.ended, Ended::Exited(0));
    holders.wait_for_lines(1);
    let check = format!("test -e /proc/1 && test -p {}", holders.path.display());
    assert_eq!(run(&item, shell(&check, None)).await.ended, Ended::Exited(0));
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
}

#[tokio::test(flavor = "multi_thread")]
async fn termination_is_asked_for_first() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let script = format!(
        "{}; trap 'echo bye >&9; exit 0' TERM; echo up >&9; while :; do sleep 0.05; done",
        holders.hold()
    );
    let process = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(1);
    process.terminate(Duration::from_secs(30));
    assert_eq!(within(process.wait()).await.ended, Ended::Exited(0));
    holders.wait_until_gone();
    assert_eq!(holders.heard(), "up\nbye\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_ignores_termination_is_killed_with_all_it_started() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let script = format!(
        "{}; trap '' TERM; setsid sh -c 'setsid sleep 1000 & echo up >&9; sleep 1000' & sleep 1000 & echo up >&9; wait",
        holders.hold()
    );
    let process = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(2);
    process.terminate(Duration::from_millis(100));
    assert_eq!(within(process.wait()).await.ended, Ended::Signalled(9));
    holders.wait_until_gone();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_chain_is_ended() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let chain = place.path().join("chain");
    fs::write(&chain, "echo up >&9\nsetsid sh $0 &\nexit 0\n").unwrap();
    let launcher = launcher();
    let item = open(&launcher).await;
    let script =
        format!("{}; for i in 1 2 3 4; do sh {} & done; sleep 1000", holders.hold(), chain.display());
    let process = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(200);
    process.terminate(Duration::ZERO);
    within(process.wait()).await;
    holders.wait_until_gone();
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn output_held_open_does_not_hold_the_step() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let kept = std::sync::Arc::<crate::fixture::Kept>::default();
    let end = run(&item, shell("echo before; sleep 1000 & echo after", Some(&kept))).await;
    assert_eq!(end.ended, Ended::Exited(0));
    assert!(end.leaked_output);
    assert_eq!(kept.out(), "before\nafter\n");
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_has_a_name_fit_for_a_directory() {
    let launcher = launcher();
    let refused = launcher.open(Item { name: "../x".into(), workdir: "/".into(), build: None }).await;
    assert!(matches!(refused.err(), Some(LaunchError::Refused(reason)) if reason.contains("../x")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_item_takes_nothing_more() {
    let launcher = launcher();
    let item = open(&launcher).await;
    within(item.close()).await.unwrap();
    within(item.close()).await.unwrap();
    assert!(item.spawn(shell("true", None)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_steps_run_side_by_side() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let runs = (0..40).map(|number| {
        let item = std::sync::Arc::clone(&item);
        async move { run(&item, shell(&format!("exit {number}"), None)).await.ended }
    });
    let ends = futures::future::join_all(runs).await;
    assert_eq!(ends, (0..40).map(Ended::Exited).collect::<Vec<_>>());
}
