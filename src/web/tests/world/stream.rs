//! Reads server-sent events.

use std::time::Duration;

use futures::{StreamExt, stream::BoxStream};
use serde_json::Value;

/// Longer than anything takes; only a test that fails waits so long.
const DEADLINE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<i64>,
    pub data: Value,
}

/// An open stream.
pub struct EventStream {
    bytes: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl EventStream {
    pub fn new(answer: reqwest::Response) -> Self {
        Self { bytes: answer.bytes_stream().boxed(), buffer: Vec::new() }
    }

    /// The next event; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..at + 2).collect();
                match parse(&String::from_utf8(block).unwrap()) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let piece = tokio::time::timeout(DEADLINE, self.bytes.next()).await.expect("no event in time");
            self.buffer.extend_from_slice(&piece?.ok()?);
        }
    }

    /// The next event of this name, however many others come before it.
    pub async fn next_named(&mut self, name: &str) -> Event {
        let found = async {
            while let Some(event) = self.next().await {
                if event.name == name {
                    return event;
                }
            }
            panic!("the stream ended before `{name}`")
        };
        tokio::time::timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("no `{name}` in time"))
    }

    /// All events up to and with `end`.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(Event {
        name: field("event")?.to_owned(),
        id: field("id").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}
