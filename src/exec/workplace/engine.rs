//! Whether a container engine answers.

use std::{
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// How long an answer is believed. An engine that was started a moment ago is found at the latest after this.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long an engine may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(2);

/// Remembers the last answer for a short while.
#[derive(Default)]
pub(super) struct EngineProbe {
    last: Mutex<Option<(Instant, bool)>>,
}

impl EngineProbe {
    /// Whether an engine answers at this socket.
    pub(super) async fn answers(&self, socket: &Path) -> bool {
        let remembered = self.last.lock().ok().and_then(|last| *last);
        if let Some((at, answer)) = remembered
            && at.elapsed() < BELIEVED
        {
            return answer;
        }
        let answer = matches!(tokio::time::timeout(PATIENCE, ping(socket)).await, Ok(Ok(true)));
        if let Ok(mut last) = self.last.lock() {
            *last = Some((Instant::now(), answer));
        }
        answer
    }
}

async fn ping(socket: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n").await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    Ok(answer.ends_with(b" 200"))
}
