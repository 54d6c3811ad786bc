//! Waiting that the runtime's own threads must not do. Not its blocking pool: the runtime's end waits for that, and a
//! lock may be held for hours.

use std::thread;

use tokio::sync::oneshot;

/// Runs it in a thread of its own; none if there was no thread to be had, or it panicked.
pub async fn off_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let spawned = thread::Builder::new().name(name.into()).spawn(move || {
        // Nobody waits any more: then nobody needs to know.
        let _ = tell.send(work());
    });
    spawned.ok()?;
    told.await.ok()
}
