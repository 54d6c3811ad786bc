//! Identities of this process.

use pikoci_model::id::{Incarnation, NodeId};

/// A new node id: what it is, and random bits.
pub fn fresh_node(kind: &str) -> NodeId {
    NodeId(format!("{kind}-{}", uuid::Uuid::new_v4().simple()))
}

/// A new life of a worker.
pub fn fresh_incarnation() -> Incarnation {
    Incarnation(uuid::Uuid::new_v4().as_u64_pair().0)
}
