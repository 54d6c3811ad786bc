//! A build's log as it grows, over the build's event stream. A stream that breaks is opened again after the last event
//! that was printed: nothing is lost, nothing printed twice.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use reqwest::Method;
use serde::Deserialize;

use super::{
    Failure,
    events::{Event, Parser},
    exchange::{Exchange, said},
    print,
};
use crate::cli::console;

/// The server says something at least every 15 s: after three times that the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// Tries to open the stream again, a second apart.
const TRIES: u32 = 120;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
/// A line that is longer is printed before its end.
const LONG_LINE: usize = 64 * 1024;

/// How the build ended.
pub(super) struct Followed {
    pub(super) status: String,
}

#[derive(Deserialize)]
struct LogSaid {
    step: String,
    text: String,
}

#[derive(Deserialize)]
struct StepSaid {
    step: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct EndSaid {
    status: String,
}

/// Prints the log of a build, or of one of its steps, until the build has ended.
pub(super) async fn follow(
    exchange: &Exchange,
    build: &str,
    only: Option<&str>,
) -> Result<Followed, Failure> {
    let mut tail = Tail { only: only.map(str::to_owned), ..Tail::default() };
    let mut tries = 0;
    loop {
        let before = tail.last.clone();
        match stream(exchange, build, &mut tail).await {
            Ok(Some(followed)) => {
                tail.flush_all()?;
                return Ok(followed);
            }
            Ok(None) => {}
            Err(failure) if !failure.is_passing() || tail.is_broken || tries >= TRIES => return Err(failure),
            Err(failure) => console::say(format_args!("{}; trying again", failure.said())),
        }
        tries = if tail.last == before { tries + 1 } else { 0 };
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// One connection: the end of the build, or none if the stream ended before it.
async fn stream(exchange: &Exchange, build: &str, tail: &mut Tail) -> Result<Option<Followed>, Failure> {
    let mut request = exchange.request(Method::GET, &format!("{build}/events"));
    if let Some(last) = &tail.last {
        request = request.header("last-event-id", last);
    }
    let mut bytes = exchange.send(request).await?.bytes_stream();
    let mut parser = Parser::default();
    loop {
        let piece = match tokio::time::timeout(SILENCE, bytes.next()).await {
            Err(_) => return Err(Failure::failed("the server says nothing")),
            Ok(None) => return Ok(None),
            Ok(Some(piece)) => piece.map_err(|error| Failure::failed(said(&error)))?,
        };
        for event in parser.take(&piece) {
            if let Some(followed) = tail.event(&event)? {
                return Ok(Some(followed));
            }
        }
    }
}

/// What was printed and what waits for the end of its line.
#[derive(Default)]
struct Tail {
    only: Option<String>,
    /// Id of the last event that was taken.
    last: Option<String>,
    titles: BTreeMap<String, String>,
    /// The step whose lines were printed last.
    current: String,
    unfinished: BTreeMap<String, String>,
    /// Standard output is gone.
    is_broken: bool,
}

impl Tail {
    fn event(&mut self, event: &Event) -> Result<Option<Followed>, Failure> {
        match event.name.as_str() {
            "log" => self.log(&read(&event.data)?)?,
            "step" => {
                let said: StepSaid = read(&event.data)?;
                self.titles.insert(said.step, format!("{} {}", said.kind, said.name));
            }
            "end" => return Ok(Some(Followed { status: read::<EndSaid>(&event.data)?.status })),
            _ => {}
        }
        if event.id.is_some() {
            self.last.clone_from(&event.id);
        }
        Ok(None)
    }

    /// Prints whole lines: steps and services write at the same time, and their lines must not mix.
    fn log(&mut self, said: &LogSaid) -> Result<(), Failure> {
        if self.only.as_ref().is_some_and(|only| *only != said.step) {
            return Ok(());
        }
        let line = self.unfinished.entry(said.step.clone()).or_default();
        line.push_str(&said.text);
        let end = match line.rfind('\n') {
            Some(at) => at + 1,
            None if line.len() > LONG_LINE => line.len(),
            None => return Ok(()),
        };
        let rest = line.split_off(end);
        let whole = std::mem::replace(line, rest);
        self.print(&said.step, &whole)
    }

    fn print(&mut self, step: &str, text: &str) -> Result<(), Failure> {
        if self.current != step && self.only.is_none() {
            console::say(format_args!("==> {}", self.titles.get(step).map_or(step, String::as_str)));
        }
        step.clone_into(&mut self.current);
        print::bytes(text.as_bytes()).map(drop).inspect_err(|_| self.is_broken = true)
    }

    fn flush_all(&mut self) -> Result<(), Failure> {
        for (step, text) in std::mem::take(&mut self.unfinished) {
            if !text.is_empty() {
                self.print(&step, &text)?;
            }
        }
        Ok(())
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Failure> {
    serde_json::from_str(data)
        .map_err(|error| Failure::usage(format!("the server sent what is no event: {error}")))
}
