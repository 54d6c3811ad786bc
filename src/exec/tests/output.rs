//! Output: order, masking, capture, back-pressure.

use std::sync::{Arc, Condvar, Mutex};

use pikoci_model::log::{Chunk, Stream};
use pikoci_model::outcome::Ended;
use pikoci_model::port::{LogSink, Spawn};
use pikoci_model::text::SecretValue;

use crate::fixture::{DEADLINE, Kept, command, launcher, launcher_with, open, run, settings, shell, within};

#[tokio::test(flavor = "multi_thread")]
async fn each_stream_arrives_whole_and_in_order() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let kept = Arc::<Kept>::default();
    run(&item, shell("seq 1 200000; seq 1 1000 >&2", Some(&kept))).await;
    let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(kept.out(), expected);
    assert_eq!(kept.bytes(Stream::Err).len(), 3893);
    let chunks = kept.0.lock().unwrap();
    let mut offset = 0;
    for chunk in chunks.iter() {
        assert_eq!(chunk.offset, offset);
        offset += chunk.bytes.len() as u64;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_masked_in_both_streams_and_kept_for_parsing() {
    let launcher = launcher();
    let item = open(&launcher).await;
    item.mask(&[SecretValue::new("hunter2-hunter2"), SecretValue::new("x")]);
    let kept = Arc::<Kept>::default();
    let mut spawn = shell(
        "printf 'a hunter2-hun'; sleep 0.1; echo \"ter2 b\"; echo $S | base64 >&2; echo $S",
        Some(&kept),
    );
    spawn.env.insert("S".into(), "hunter2-hunter2".into());
    let end = run(&item, spawn).await;
    assert_eq!(kept.out(), "a *** b\n***\n");
    assert_eq!(kept.bytes(Stream::Err), b"***\n");
    assert_eq!(end.captured.last_line.as_deref(), Some(&b"hunter2-hunter2"[..]));
    let expected = b"warning: a secret value shorter than 3 characters is not masked\n";
    assert!(kept.bytes(Stream::Note).is_empty() || kept.bytes(Stream::Note) == expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_can_be_kept_out_of_the_log() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let kept = Arc::<Kept>::default();
    let spawn = Spawn { hide_stdout: true, ..shell("echo {}; echo oops >&2", Some(&kept)) };
    let end = run(&item, spawn).await;
    assert_eq!(kept.out(), "");
    assert_eq!(kept.bytes(Stream::Err), b"oops\n");
    assert_eq!(end.captured.last_line.as_deref(), Some(&b"{}"[..]));
    assert_eq!(end.captured.last_mixed_line.as_deref(), Some(&b"oops"[..]));
}

/// A log that takes nothing until it is let.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
    taken: Mutex<u64>,
}

impl LogSink for Gate {
    fn accept(&self, chunk: Chunk) {
        let waited = self.changed.wait_timeout_while(self.open.lock().unwrap(), DEADLINE, |open| !*open);
        drop(waited);
        *self.taken.lock().unwrap() += chunk.bytes.len() as u64;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_take_stops_the_writer_and_loses_nothing() {
    const SIZE: u64 = 30_000_000;
    let launcher = launcher();
    let item = open(&launcher).await;
    let gate = Arc::<Gate>::default();
    let mut spawn = command(&["head", "-c", &SIZE.to_string(), "/dev/zero"], None);
    spawn.sink = Some(Arc::clone(&gate) as _);
    spawn.capture = false;
    let process = item.spawn(spawn).await.unwrap();
    // The writer cannot end while nothing is taken; an unhindered one ends before this other command does.
    run(&item, command(&["head", "-c", &SIZE.to_string(), "/dev/zero"], None)).await;
    assert!(futures::FutureExt::now_or_never(process.wait()).is_none());
    *gate.open.lock().unwrap() = true;
    gate.changed.notify_all();
    assert_eq!(within(process.wait()).await.ended, Ended::Exited(0));
    assert_eq!(*gate.taken.lock().unwrap(), SIZE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_over_its_limit_is_cut_and_the_process_goes_on() {
    let mut settings = settings();
    settings.output_limit = Some(1 << 20);
    let launcher = launcher_with(settings);
    let item = open(&launcher).await;
    let kept = Arc::<Kept>::default();
    let end = run(&item, shell("head -c 5000000 /dev/zero; echo; echo done", Some(&kept))).await;
    assert_eq!(end.ended, Ended::Exited(0));
    assert_eq!(end.captured.last_line.as_deref(), Some(&b"done"[..]));
    assert_eq!(kept.bytes(Stream::Out).len(), 1 << 20);
    assert_eq!(kept.bytes(Stream::Note), "\n… log truncated at 1 MiB\n".as_bytes());
}
