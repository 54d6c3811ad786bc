//! The panic boundary round every handler and every spawned future.
//!
//! actix swallows the payload of a panic; a hook therefore records message and place together with the name of the
//! actor that was running on the thread. Outside a boundary the hook that was installed before does its work.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};

thread_local! {
    static RUNNING: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught: its message and, where known, its place in the source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Panic(pub String);

/// The name of the actor that runs on this thread right now; none outside every boundary.
#[must_use]
pub fn running() -> Option<Arc<str>> {
    RUNNING.with(|running| running.borrow().clone())
}

/// Runs `act` for the actor `name`; a panic becomes a value.
pub(super) fn catch<T>(name: &Arc<str>, act: impl FnOnce() -> T) -> Result<T, Panic> {
    install_hook();
    let before = RUNNING.with(|running| running.replace(Some(Arc::clone(name))));
    let outcome = panic::catch_unwind(AssertUnwindSafe(act));
    RUNNING.with(|running| running.replace(before));
    outcome.map_err(|payload| Panic(describe(payload.as_ref())))
}

/// A future whose panic becomes a value. Use it for every task that is not bound to an actor's life; what an actor
/// spawns through [`Life::spawn`](super::Life::spawn) is inside a boundary already.
pub async fn shielded<F: Future>(name: Arc<str>, future: F) -> Result<F::Output, Panic> {
    Shield { name, future: Box::pin(future) }.await
}

struct Shield<F> {
    name: Arc<str>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Shield<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match catch(&this.name, || this.future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

fn describe(payload: &(dyn Any + Send)) -> String {
    let message = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a payload that is not text".to_owned());
    match PLACE.with(RefCell::take) {
        Some(place) => format!("{message} (at {place})"),
        None => message,
    }
}

fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let running = RUNNING.with(|running| running.borrow().clone());
            let Some(name) = running else { return before(info) };
            let place = info.location().map(ToString::to_string);
            let backtrace = std::backtrace::Backtrace::capture();
            tracing::error!(actor = %name, place = place.as_deref(), %backtrace, "actor `{name}` panicked");
            PLACE.with(|cell| cell.replace(place));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_place() {
        let name: Arc<str> = "x".into();
        let panic = catch(&name, || panic!("broken {}", 7)).unwrap_err();
        assert!(panic.0.starts_with("broken 7 (at "), "{panic}");
        assert!(panic.0.contains("boundary.rs"), "{panic}");
        assert_eq!(catch(&name, || 3), Ok(3));
    }

    #[test]
    fn a_panic_after_a_wake_up_is_caught_too() {
        let later = async {
            tokio::task::yield_now().await;
            panic!("late");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panic = runtime.block_on(shielded::<_>("y".into(), later)).map(|(): ()| ()).unwrap_err();
        assert!(panic.0.starts_with("late"), "{panic}");
    }
}
