//! What servers of one installation say to each other, and to workers that have lost theirs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Message, Speaker};
use crate::{
    id::{JobId, NodeId, PipelineId, ResourceId},
    port::Topic,
};

/// Server → all servers: I am alive. Every two seconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerBeat {
    /// When it started.
    pub started: DateTime<Utc>,
    /// Version of the program.
    pub version: String,
    /// It stops: what it looked after is the others' from now on.
    #[serde(default)]
    pub leaving: bool,
    /// It has just come and would like to hear from all others at once.
    #[serde(default)]
    pub new: bool,
}

impl Message for ServerBeat {
    const NAME: &'static str = "server.beat";
    const BY: Speaker = Speaker::Server;
}

/// Server → all servers: these changed; wake who watches them. Rings of 20 ms together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rang {
    /// What changed.
    pub topics: Vec<Topic>,
}

impl Message for Rang {
    const NAME: &'static str = "server.rang";
    const BY: Speaker = Speaker::Server;
}

/// Server → all servers: builds are queued or places became free; homes with idle workers look at the store.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Doorbell {
    /// More than new builds: a build is queued again, workers came or went.
    #[serde(default)]
    pub redraw: bool,
}

impl Message for Doorbell {
    const NAME: &'static str = "doorbell";
    const BY: Speaker = Speaker::Server;
}

/// Server → the server that leads a pipeline: look what is due there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nudge {
    /// Which.
    pub pipeline: PipelineId,
    /// Why.
    pub news: News,
}

impl Message for Nudge {
    const NAME: &'static str = "server.nudge";
    const BY: Speaker = Speaker::Server;
}

/// What may make something due in a pipeline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// Its definition, a version, or a build that scheduling has to look at.
    Changed,
    /// A build's status was fixed as one that passes.
    Passed {
        /// Name of its job.
        job: String,
    },
    /// A build left the queue.
    Started {
        /// Its job.
        job: JobId,
    },
    /// A check was asked for.
    CheckAsked,
    /// A check has ended.
    Checked {
        /// It found new versions.
        new: bool,
    },
}

/// Server → the home of workers that can: this check is due. Said again while it is due and not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckWanted {
    /// Which.
    pub resource: ResourceId,
    /// What the worker must have.
    pub tags: Vec<String>,
    /// Whose.
    pub team: String,
}

impl Message for CheckWanted {
    const NAME: &'static str = "check.wanted";
    const BY: Speaker = Speaker::Server;
}

/// Server → all workers: who has no home announces itself to any server; so does whose home is lost; and whose home is
/// the sender announces itself there again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hail {
    /// Servers that are gone, or going.
    pub lost: Vec<NodeId>,
}

impl Message for Hail {
    const NAME: &'static str = "worker.hail";
    // All workers can open what is for all of them, and seal it too.
    const BY: Speaker = Speaker::Anyone;
}

/// Server → a worker: I do not take you in. The worker says so and tries again, less and less often.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// Why, and what would be right, for people.
    pub reason: String,
}

impl Message for Refused {
    const NAME: &'static str = "worker.refused";
    const BY: Speaker = Speaker::Server;
}
