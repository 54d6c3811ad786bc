//! Steps: their ends, their output, what they get.

use std::{sync::Arc, time::Duration};

use super::{Act, Kept, LauncherWorld, exited, open, run, spawn};
use crate::{
    id::StepPath,
    log::Stream,
    outcome::Ended,
    port::{HandedFile, Item, LogSink, Spawn},
    text::SecretValue,
};

/// A log, and a spawn that writes to it.
fn logged(world: &dyn LauncherWorld, kept: &Arc<Kept>, act: Act<'_>) -> Spawn {
    Spawn { sink: Some(Arc::clone(kept) as Arc<dyn LogSink>), ..spawn(world, act) }
}

pub async fn every_end_has_its_name(world: &dyn LauncherWorld) {
    let item = open(world).await;
    for code in [0, 1, 7] {
        assert_eq!(run(&*item, spawn(world, Act::Exit(code))).await.ended, exited(code));
    }
    let missing = spawn(world, Act::Missing);
    let name = missing.argv[0].clone();
    let ended = run(&*item, missing).await.ended;
    assert!(matches!(&ended, Ended::NotFound { program, .. } if *program == name), "{ended}");
    assert_eq!(item.close().await, Ok(()));
}

pub async fn the_environment_is_what_was_given(world: &dyn LauncherWorld) {
    let (item, kept) = (open(world).await, Arc::default());
    let mut command = logged(world, &kept, Act::Show("GIVEN"));
    command.env.insert("GIVEN".to_owned(), "a b  'c'".to_owned());
    assert_eq!(run(&*item, command).await.ended, exited(0));
    assert_eq!(kept.text(Stream::Out), "GIVEN=a b  'c'\n");
}

pub async fn a_private_file_is_handed_over(world: &dyn LauncherWorld) {
    let (item, kept) = (open(world).await, Arc::default());
    let mut command = logged(world, &kept, Act::Read("@file"));
    assert!(command.argv.contains(&"@file".to_owned()), "the placeholder is an element of its own");
    let content = SecretValue::new("what only it can read\n");
    command.files.push(HandedFile { placeholder: "@file".to_owned(), content });
    assert_eq!(run(&*item, command).await.ended, exited(0));
    assert_eq!(kept.text(Stream::Out), "what only it can read\n");
}

pub async fn streams_are_told_apart_and_numbered(world: &dyn LauncherWorld) {
    let (item, kept) = (open(world).await, Arc::default());
    for (attempt, act) in [(1, Act::Say("first")), (2, Act::Complain("second")), (3, Act::Say("third"))] {
        let end = run(&*item, Spawn { attempt, ..logged(world, &kept, act) }).await;
        assert_eq!((end.ended, end.leaked_output), (exited(0), false));
    }
    let chunks = kept.chunks();
    let numbers: Vec<_> = chunks.iter().map(|chunk| (chunk.attempt, chunk.offset, chunk.line)).collect();
    assert_eq!(numbers, [(1, 0, 1), (2, 6, 2), (3, 13, 3)]);
    assert_eq!(
        (kept.text(Stream::Out), kept.text(Stream::Err)),
        ("first\nthird\n".into(), "second\n".into())
    );
    let other = Spawn { step: StepPath::of_plan(1), ..logged(world, &kept, Act::Say("other")) };
    run(&*item, other).await;
    assert_eq!(kept.chunks().last().map(|chunk| (chunk.offset, chunk.line)), Some((0, 1)));
}

pub async fn secrets_are_masked_and_kept_for_parsing(world: &dyn LauncherWorld) {
    let (item, kept) = (open(world).await, Arc::default());
    item.mask(&[SecretValue::new("hunter2-hunter2")]);
    item.mask(&[SecretValue::new("another-secret")]);
    let said = run(&*item, logged(world, &kept, Act::Say("a hunter2-hunter2 b another-secret"))).await;
    run(&*item, logged(world, &kept, Act::Complain("hunter2-hunter2"))).await;
    assert_eq!(kept.text(Stream::Out), "a *** b ***\n");
    assert_eq!(kept.text(Stream::Err), "***\n");
    assert_eq!(said.captured.last_line.as_deref(), Some(&b"a hunter2-hunter2 b another-secret"[..]));
    let masker = item.masker();
    item.mask(&[SecretValue::new("given later")]);
    drop(item);
    assert_eq!(masker.masked("hunter2-hunter2, ä, given later"), "***, ä, ***");
}

pub async fn an_answer_can_be_kept_out_of_the_log(world: &dyn LauncherWorld) {
    let (item, kept) = (open(world).await, Arc::default());
    let hidden = |act| Spawn { hide_stdout: true, ..logged(world, &kept, act) };
    let answer = run(&*item, hidden(Act::Say("{}"))).await.captured;
    assert_eq!(answer.last_line.as_deref(), Some(&b"{}"[..]));
    let complaint = run(&*item, hidden(Act::Complain("oops"))).await.captured;
    assert_eq!((complaint.last_line, complaint.last_mixed_line.as_deref()), (None, Some(&b"oops"[..])));
    assert_eq!((kept.text(Stream::Out), kept.text(Stream::Err)), (String::new(), "oops\n".to_owned()));
}

pub async fn termination_ends_it_for_all_who_wait(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let process = item.spawn(spawn(world, Act::Hang)).await.unwrap();
    process.terminate(Duration::from_secs(30));
    let (one, other) = futures::join!(process.wait(), process.wait());
    assert_eq!((one.ended, other.ended), (Ended::Signalled(15), Ended::Signalled(15)));
    process.terminate(Duration::ZERO);
    assert_eq!(process.wait().await.ended, Ended::Signalled(15));
    let another = item.spawn(spawn(world, Act::Hang)).await.unwrap();
    assert_eq!(item.close().await, Ok(()));
    assert!(matches!(another.wait().await.ended, Ended::Signalled(_)), "closing ends what runs");
}

pub async fn a_closed_item_takes_nothing_more(world: &dyn LauncherWorld) {
    let item = open(world).await;
    assert_eq!(item.close().await, Ok(()));
    assert_eq!(item.close().await, Ok(()));
    assert!(item.spawn(spawn(world, Act::Exit(0))).await.is_err());
}

pub async fn a_name_must_fit_a_directory(world: &dyn LauncherWorld) {
    for name in ["", "../x", "a/b", ".", "a b"] {
        let opened = world
            .launcher()
            .open(Item { name: name.to_owned(), workdir: world.directory(), build: None })
            .await;
        assert!(opened.is_err(), "`{name}` was taken");
    }
}
