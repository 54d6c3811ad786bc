//! Which servers live, and which of them does what one alone should do.
//!
//! Every server computes it for itself from the beats it hears. Two may disagree for some seconds: then something is
//! looked at twice, and the store's conditions decide, as always.

use std::collections::BTreeMap;
use std::time::Duration;

use pikoci_model::id::{NodeId, PipelineId};
use pikoci_model::port::Monotonic;
use sha2::{Digest as _, Sha256};

/// A server says this often that it lives.
pub const BEAT: Duration = Duration::from_secs(2);
/// A server that was not heard for this long is gone.
pub const SILENT: Duration = Duration::from_secs(6);

/// What one server alone looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter<'a> {
    /// The checks and the scheduling of a pipeline.
    Pipeline(PipelineId),
    /// A worker whose home is gone.
    Worker(&'a NodeId),
}

/// The living server that a matter belongs to, the same wherever it is computed from the same list: the one whose name
/// hashes highest together with the matter's. When a server comes or goes, only what it gains or had changes hands.
pub fn leader<'a>(living: impl IntoIterator<Item = &'a NodeId>, matter: Matter<'_>) -> Option<&'a NodeId> {
    living.into_iter().max_by_key(|node| (weight(node, matter), *node))
}

fn weight(node: &NodeId, matter: Matter<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(node.0.as_bytes());
    match matter {
        Matter::Pipeline(id) => {
            digest.update(b"\0pipeline\0");
            digest.update(id.0.to_be_bytes());
        }
        Matter::Worker(worker) => {
            digest.update(b"\0worker\0");
            digest.update(worker.0.as_bytes());
        }
    }
    digest.finalize().into()
}

/// The servers that live, as one of them knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    me: NodeId,
    /// This one stops: what it led is the others', if there are any.
    leaving: bool,
    /// The others, and when each was heard last.
    others: BTreeMap<NodeId, Monotonic>,
}

impl Members {
    /// Nobody else is known.
    pub fn alone(me: NodeId) -> Self {
        Self { me, leaving: false, others: BTreeMap::new() }
    }

    /// Another server says that it lives; true if that is new.
    pub fn heard(&mut self, node: &NodeId, now: Monotonic) -> bool {
        *node != self.me && self.others.insert(node.clone(), now).is_none()
    }

    /// Another server says that it goes; true if it was there.
    pub fn left(&mut self, node: &NodeId) -> bool {
        self.others.remove(node).is_some()
    }

    /// This server stops.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// Forgets who was silent for too long, and says who that is.
    pub fn sweep(&mut self, now: Monotonic) -> Vec<NodeId> {
        let silent = |heard: &Monotonic| now.saturating_sub(*heard) >= SILENT;
        let gone: Vec<NodeId> =
            self.others.iter().filter(|(_, heard)| silent(heard)).map(|(node, _)| node.clone()).collect();
        self.others.retain(|_, heard| !silent(heard));
        gone
    }

    /// This server itself stood still: what it did not hear says nothing of the others.
    pub fn be_patient(&mut self, now: Monotonic) {
        self.others.values_mut().for_each(|heard| *heard = now);
    }

    /// How many servers live beside this one.
    pub fn others(&self) -> usize {
        self.others.len()
    }

    /// Whether a server lives, as far as is known here.
    pub fn lives(&self, node: &NodeId) -> bool {
        *node == self.me || self.others.contains_key(node)
    }

    /// Who looks after a matter.
    pub fn leader(&self, matter: Matter<'_>) -> &NodeId {
        let stays = !self.leaving || self.others.is_empty();
        let candidates = self.others.keys().chain(stays.then_some(&self.me));
        leader(candidates, matter).unwrap_or(&self.me)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId(name.into())
    }

    fn leaders(living: &[NodeId]) -> Vec<&NodeId> {
        (0..300).map(|id| leader(living, Matter::Pipeline(PipelineId(id))).unwrap()).collect()
    }

    #[test]
    fn each_matter_has_one_leader_and_all_servers_their_share() {
        let (ab, ba) = ([node("a"), node("b"), node("c")], [node("c"), node("b"), node("a")]);
        assert_eq!(leaders(&ab), leaders(&ba));
        for server in &ab {
            let share = leaders(&ab).into_iter().filter(|leader| *leader == server).count();
            assert!((60..140).contains(&share), "{server}: {share} of 300");
        }
    }

    #[test]
    fn only_what_a_lost_server_led_changes_hands() {
        let (three, two) = ([node("a"), node("b"), node("c")], [node("a"), node("c")]);
        for (before, after) in leaders(&three).into_iter().zip(leaders(&two)) {
            assert!(before == after || *before == node("b"), "{before} → {after}");
        }
    }

    #[test]
    fn a_server_is_gone_when_it_was_silent_or_says_so() {
        let second = Duration::from_secs;
        let mut members = Members::alone(node("a"));
        assert!(!members.heard(&node("a"), second(1)) && members.others() == 0);
        assert!(members.heard(&node("b"), second(1)) && members.heard(&node("c"), second(1)));
        assert!(!members.heard(&node("b"), second(4)));
        assert_eq!(members.sweep(second(6)), []);
        assert_eq!(members.sweep(second(7)), [node("c")]);
        assert!(members.lives(&node("a")) && members.lives(&node("b")) && !members.lives(&node("c")));
        members.be_patient(second(20));
        assert_eq!(members.sweep(second(21)), []);
        assert!(members.left(&node("b")) && !members.left(&node("b")));
    }

    #[test]
    fn who_leaves_leads_nothing_unless_it_is_alone() {
        let mut members = Members::alone(node("a"));
        members.leave();
        assert_eq!(*members.leader(Matter::Worker(&node("w"))), node("a"));
        members.heard(&node("b"), Duration::ZERO);
        for id in 0..20 {
            assert_eq!(*members.leader(Matter::Pipeline(PipelineId(id))), node("b"));
        }
    }
}
