//! "Something changed": wake-ups inside one server, for pages and streams.
//!
//! A signal carries nothing: who is woken looks at the store. Several rings may arrive as one; none is lost to a
//! subscriber that exists.

use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::id::{BuildId, PipelineId};

/// What changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A build's row, steps, services or log.
    Build(BuildId),
    /// Any build or resource of a pipeline, or its definition.
    Pipeline(PipelineId),
    /// Any pipeline.
    Everything,
}

/// Rings and wakes.
pub trait Signals: Send + Sync + 'static {
    /// Wakes every subscriber of the topic. A ring of `Build` does not ring `Pipeline`.
    fn ring(&self, topic: Topic);
    /// Yields once after each ring (or several rings together), from now on.
    fn subscribe(&self, topic: Topic) -> BoxStream<'static, ()>;
}
