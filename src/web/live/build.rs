//! The stream of one build: what it is, its steps and services, and its log to the last byte.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::try_join;
use pikoci_model::{
    build::{Build, Phase, ServiceRecord, StepRecord},
    id::{BuildId, StepPath},
    log::{NumberedChunk, Stream},
    port::StoreError,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    drive::{Feed, Look, event},
    said::{BuildSaid, EndSaid, LogSaid, ServiceSaid, StepSaid},
    text::Carries,
};
use crate::{site::Site, standing};

/// Log bytes of one look.
const LOOK_BYTES: usize = 128 * 1024;

/// The state of one client's stream.
pub(super) struct BuildFeed {
    site: Arc<Site>,
    id: BuildId,
    /// The last chunk that was said.
    after: i64,
    /// The client knows earlier chunks that this stream has not seen.
    resumed: bool,
    until: Until,
    carries: Carries,
    said: Said,
}

/// When the stream of a build is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Until {
    /// When the build is done.
    #[default]
    Done,
    /// When, besides, every service of every run is stopped.
    Stopped,
}

/// What the client knows already.
#[derive(Default)]
struct Said {
    build: Vec<u8>,
    /// Run and number of the last stored event: only with another can a step or service of a running build differ.
    rows: Option<(u32, u64, Phase)>,
    steps: BTreeMap<String, Vec<u8>>,
    services: BTreeMap<String, Vec<u8>>,
}

/// What is stored beside a build's row: its steps, and its services by run.
struct Records {
    steps: Vec<StepRecord>,
    services: Vec<(u32, ServiceRecord)>,
}

fn rows(build: &Build) -> (u32, u64, Phase) {
    (build.run, build.events_through, build.phase)
}

/// Writes the event if it differs from what was said before under this name.
fn say(out: &mut Vec<u8>, name: &str, said: &mut Vec<u8>, data: &impl Serialize) {
    let mut fresh = Vec::new();
    event(&mut fresh, name, None, data);
    if *said != fresh {
        out.extend_from_slice(&fresh);
        *said = fresh;
    }
}

impl BuildFeed {
    pub(super) fn new(site: Arc<Site>, id: BuildId, after: i64, until: Until) -> Self {
        Self {
            site,
            id,
            after,
            resumed: after > 0,
            until,
            carries: Carries::default(),
            said: Said::default(),
        }
    }

    /// The steps of the newest run and the services of all, if they can differ from what was said.
    async fn records(&self, build: &Build) -> Result<Option<Records>, StoreError> {
        if self.said.rows == Some(rows(build)) && self.until == Until::Done {
            return Ok(None);
        }
        let store = &self.site.deps.store;
        // A lost run's services may be stopped, and reported, while a later one goes on.
        let (steps, services) =
            try_join(store.steps(build.id, build.run), store.services_of_runs(build.id)).await?;
        Ok(Some(Records { steps, services }))
    }

    fn say_state(&mut self, build: &Build, records: Option<Records>, out: &mut Vec<u8>) {
        say(out, "build", &mut self.said.build, &BuildSaid::of(&self.site, build));
        let Some(Records { steps, services }) = records else { return };
        for step in &steps {
            say(out, "step", self.said.steps.entry(step.path.0.clone()).or_default(), &StepSaid::from(step));
        }
        for (run, service) in &services {
            let known = self.said.services.entry(service.instance.to_string()).or_default();
            say(out, "service", known, &ServiceSaid::of(*run, service));
        }
        self.said.rows = Some(rows(build));
    }

    /// Whether a chunk is stored and its step is not yet: it waits, so that a reader knows what the bytes belong to.
    fn is_early(&self, build: &Build, numbered: &NumberedChunk) -> bool {
        let known = self.said.steps.contains_key(&numbered.chunk.step.0);
        build.phase != Phase::Done && numbered.run == build.run && !known
    }

    async fn say_chunk(&mut self, numbered: &NumberedChunk, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let chunk = &numbered.chunk;
        if self.resumed && chunk.offset > 0 && !self.carries.knows(numbered.run, &chunk.step) {
            self.learn(numbered.run, &chunk.step, chunk.offset).await?;
        }
        let Some(piece) = self.carries.next(numbered.run, &chunk.step, chunk.offset, &chunk.bytes) else {
            return Ok(());
        };
        let said = LogSaid {
            run: numbered.run,
            step: &chunk.step.0,
            attempt: chunk.attempt,
            stream: match chunk.stream {
                Stream::Out => "stdout",
                Stream::Err => "stderr",
                Stream::Note => "note",
            },
            offset: chunk.offset.saturating_sub(piece.before),
            bytes: piece.bytes,
            line: chunk.line,
            t: chunk.t,
            text: &piece.text,
        };
        event(out, "log", Some(numbered.number), &said);
        Ok(())
    }

    /// Learns what an earlier stream held back of this log.
    async fn learn(&mut self, run: u32, step: &StepPath, offset: u64) -> Result<(), StoreError> {
        let from = offset.saturating_sub(3);
        let length = usize::try_from(offset - from).unwrap_or_default();
        let before = self.site.deps.store.step_log(self.id, run, step, from, length).await?;
        self.carries.learn(run, step, offset, &before.bytes);
        Ok(())
    }

    /// Every log that a build may have.
    async fn logs_of(&self, build: &Build) -> Result<Vec<StepPath>, StoreError> {
        let store = &self.site.deps.store;
        let mut paths: Vec<StepPath> =
            store.steps(build.id, build.run).await?.into_iter().map(|step| step.path).collect();
        for service in store.services(build.id, build.run).await? {
            paths.extend(["start", "ready", "stop"].map(|part| StepPath::of_service(&service.name, part)));
        }
        Ok(paths)
    }

    /// The end: bytes that will never become a character, then `end`.
    async fn say_end(&mut self, build: &Build, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.site.deps.store);
        if self.resumed {
            for step in self.logs_of(build).await? {
                if !self.carries.knows(build.run, &step) {
                    let total = store.step_log(self.id, build.run, &step, 0, 0).await?.total;
                    self.learn(build.run, &step, total).await?;
                }
            }
        }
        for (run, step, held) in self.carries.rest() {
            let log = store.step_log(self.id, run, &step, 0, 0).await?;
            let index = store.log_index(self.id, run, &step).await?;
            let said = LogSaid {
                run,
                step: &step.0,
                attempt: 1,
                stream: "stdout",
                offset: log.total.saturating_sub(held.len() as u64),
                bytes: held.len() as u64,
                line: index.lines,
                t: index.marks.last().map_or(0, |(_, _, ms)| *ms),
                text: &String::from_utf8_lossy(&held),
            };
            event(out, "log", None, &said);
        }
        event(out, "end", None, &EndSaid { status: build.status.word() });
        Ok(())
    }
}

impl Feed for BuildFeed {
    /// The row is read before the chunks: when it says done, the chunks that follow are all there will be.
    async fn look(&mut self, out: &mut Vec<u8>) -> Result<Look, StoreError> {
        let Some(build) = self.site.deps.store.build(self.id).await? else { return Ok(Look::End) };
        let chunks = self.site.deps.store.chunks_after(self.id, self.after, LOOK_BYTES);
        let (records, mut chunks) = try_join(self.records(&build), chunks).await?;
        self.say_state(&build, records, out);
        if let Some(early) = chunks.iter().position(|numbered| self.is_early(&build, numbered)) {
            chunks.truncate(early);
        }
        for numbered in &chunks {
            self.say_chunk(numbered, out).await?;
            self.after = numbered.number;
        }
        if !chunks.is_empty() {
            return Ok(Look::Again);
        }
        let store = self.site.deps.store.as_ref();
        if build.phase != Phase::Done
            || (self.until == Until::Stopped && !standing::of_build(store, &build).await?.is_empty())
        {
            return Ok(Look::Wait);
        }
        self.say_end(&build, out).await?;
        Ok(Look::End)
    }
}
