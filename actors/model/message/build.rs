//! A running build: go, events, acknowledgement, cancel.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EnvelopeError, Message, OfferId, Speaker};
use crate::{
    build::BuildEvent,
    id::{BuildId, Fence, Incarnation, NodeId},
    plan::BuildPlan,
};

/// Home → worker: the claim is yours; run this.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GoBuild {
    /// The offer that was accepted.
    pub offer: OfferId,
    /// The life that the claim was made for; any other ignores it.
    pub incarnation: Incarnation,
    /// Where events go.
    pub tracker: NodeId,
    /// What to run.
    pub plan: BuildPlan,
}

impl Message for GoBuild {
    const NAME: &'static str = "build.go";
    const BY: Speaker = Speaker::Server;
}

/// Worker → tracker: what happened, in order. Resent until acknowledged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Events {
    /// Whose.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Highest number whose acknowledgement has arrived; the worker holds nothing up to it any more. A server that
    /// adopts the build goes on there: log events are acknowledged without a trace in the build's row.
    #[serde(default)]
    pub acknowledged: u64,
    /// Numbered from 1 per (build, fence), without gaps inside one message.
    pub events: Vec<Numbered>,
}

impl Message for Events {
    const NAME: &'static str = "build.events";
    const BY: Speaker = Speaker::Worker;

    fn encoded_size(&self) -> usize {
        let bytes = self.events.iter().map(|numbered| match &numbered.event {
            BuildEvent::Log(chunk) => chunk.bytes.len(),
            _ => 0,
        });
        256 * (self.events.len() + 1) + bytes.sum::<usize>()
    }
}

/// An event with its number.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Numbered {
    /// From 1 per (build, fence).
    pub number: u64,
    /// What happened.
    pub event: BuildEvent,
}

impl Numbered {
    /// As it is kept until it can be sent.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn to_record(&self) -> Result<Bytes, EnvelopeError> {
        let encoded = rmp_serde::to_vec_named(self).map_err(|error| unreadable(&error))?;
        Ok(Bytes::from(encoded))
    }

    /// The event that was kept.
    ///
    /// # Errors
    /// These bytes are none.
    pub fn of_record(record: &[u8]) -> Result<Self, EnvelopeError> {
        rmp_serde::from_slice(record).map_err(|error| unreadable(&error))
    }
}

fn unreadable(reason: &dyn std::fmt::Display) -> EnvelopeError {
    EnvelopeError::Body { name: "event".to_owned(), reason: reason.to_string() }
}

/// Tracker → worker: the effect of every event up to `through` is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Whose.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Highest contiguous number; 0 = nothing yet.
    pub through: u64,
    /// Somebody asked for the build's end; repeats a lost [`Cancel`].
    pub cancel: Option<String>,
}

impl Message for Acknowledge {
    const NAME: &'static str = "build.ack";
    const BY: Speaker = Speaker::Server;
}

/// Server → worker: end this build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cancel {
    /// Which.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Why.
    pub reason: String,
}

impl Message for Cancel {
    const NAME: &'static str = "build.cancel";
    const BY: Speaker = Speaker::Server;
}

/// Server → worker: this claim is void; end the build with its services and report nothing more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Void {
    /// Which.
    pub build: BuildId,
    /// The old claim.
    pub fence: Fence,
}

impl Message for Void {
    const NAME: &'static str = "build.void";
    const BY: Speaker = Speaker::Server;
}
