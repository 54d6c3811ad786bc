//! What all streams have in common: waking, heartbeats, the server's stop, and the form of an event.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    web::Bytes,
};
use futures::{StreamExt, stream, stream::BoxStream};
use pikoci_model::port::StoreError;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::site::Site;

/// A client that hears nothing for longer knows that the connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream waits before it asks a store again that could not answer.
const STORE_DOWN: Duration = Duration::from_secs(1);

/// What a stream says, one look at the store at a time.
pub(super) trait Feed {
    /// Looks at the store and writes what changed since the last look.
    async fn look(&mut self, out: &mut Vec<u8>) -> Result<Look, StoreError>;
}

/// What follows a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// There may be more already.
    Again,
    /// There is more when the signal rings.
    Wait,
    /// There will be no more.
    End,
}

/// Writes one event.
pub(super) fn event(out: &mut Vec<u8>, name: &str, id: Option<i64>, data: &impl Serialize) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(format!("\nid: {id}").as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    // JSON has no line breaks of its own, so one `data:` line holds it. Types of ours serialise without fail.
    if serde_json::to_writer(&mut *out, data).is_err() {
        tracing::error!(event = name, "an event could not be written");
    }
    out.extend_from_slice(b"\n\n");
}

/// The answer that streams a feed.
pub(super) fn respond(
    site: Arc<Site>,
    wakes: BoxStream<'static, ()>,
    apart: Duration,
    feed: impl Feed + 'static,
) -> HttpResponse {
    let now = Instant::now();
    let state = Driven {
        feed,
        wakes,
        closing: site.closing.clone(),
        apart,
        site,
        next: Next::Look,
        not_before: now,
        silent_since: now,
        is_new: true,
    };
    let body = stream::unfold(state, |mut state| async move {
        let bytes = state.pull().await?;
        Some((Ok::<_, actix_web::Error>(bytes), state))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        // Compressed events would wait in the compressor.
        .insert_header((CONTENT_ENCODING, "identity"))
        .streaming(body)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Look,
    Wait,
    End,
}

struct Driven<F> {
    feed: F,
    wakes: BoxStream<'static, ()>,
    closing: watch::Receiver<bool>,
    apart: Duration,
    site: Arc<Site>,
    next: Next,
    /// The next look is not before this.
    not_before: Instant,
    silent_since: Instant,
    is_new: bool,
}

#[derive(Serialize)]
struct Heartbeat {
    now: chrono::DateTime<chrono::Utc>,
}

impl<F: Feed> Driven<F> {
    /// The next bytes of the stream; none = it is over.
    async fn pull(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if std::mem::take(&mut self.is_new) {
            // Reconnect after a second. It also makes the answer's head leave at once.
            out.extend_from_slice(b"retry: 1000\n\n");
        }
        while self.next != Next::End {
            if *self.closing.borrow() {
                self.next = Next::End;
                break;
            }
            match self.next {
                Next::Look => self.look(&mut out).await,
                Next::Wait | Next::End => self.wait(&mut out).await,
            }
            if !out.is_empty() {
                self.silent_since = Instant::now();
                break;
            }
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }

    async fn look(&mut self, out: &mut Vec<u8>) {
        self.next = match self.feed.look(out).await {
            Ok(Look::Again) => Next::Look,
            Ok(Look::Wait) => {
                self.not_before = Instant::now() + self.apart;
                Next::Wait
            }
            Ok(Look::End) => Next::End,
            Err(error) if error.is_passing() => {
                self.not_before = Instant::now() + STORE_DOWN;
                self.pause().await;
                Next::Look
            }
            Err(error) => {
                tracing::error!(%error, "a stream ends");
                Next::End
            }
        };
    }

    /// Waits for a signal, and then for the moment of the next look; or says that the stream is alive.
    async fn wait(&mut self, out: &mut Vec<u8>) {
        tokio::select! {
            wake = self.wakes.next() => {
                self.next = if wake.is_some() { Next::Look } else { Next::End };
                self.pause().await;
            }
            () = sleep_until(self.silent_since + HEARTBEAT) => {
                event(out, "heartbeat", None, &Heartbeat { now: self.site.deps.clock.now() });
                // Level-triggered: whatever a lost signal would have told is seen now.
                self.next = Next::Look;
            }
            _ = self.closing.changed() => {}
        }
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = sleep_until(self.not_before) => {}
            _ = self.closing.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_data() {
        let mut out = Vec::new();
        event(&mut out, "log", Some(17), &"a\nb\u{2028}");
        assert_eq!(String::from_utf8(out).unwrap(), "event: log\nid: 17\ndata: \"a\\nb\u{2028}\"\n\n");
    }
}
