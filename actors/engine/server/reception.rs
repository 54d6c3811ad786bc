//! Which workers are taken in.

use pikoci_model::message::{Announce, Refused};
use pikoci_model::port::Address;

use super::world::World;
use crate::decide::skew::goes_with;
use crate::inbox::Received;

/// No worker runs more builds at once, nor more checks: a number beyond is a mistake, or meant to be one.
const MOST_SLOTS: u32 = 10_000;

/// What a worker says of its slots counts up to [`MOST_SLOTS`].
pub(super) fn within_bounds(mut announced: Received<Announce>) -> Received<Announce> {
    let profile = &mut announced.message.profile;
    for slots in [&mut profile.slots, &mut profile.check_slots] {
        if *slots > MOST_SLOTS {
            tracing::warn!(worker = %profile.name, "{slots} slots announced; {MOST_SLOTS} of them count");
            *slots = MOST_SLOTS;
        }
    }
    announced
}

/// Whether this server becomes the worker's home. One whose version does not go with ours is told so.
pub(super) fn takes_in(world: &World, announced: &Received<Announce>) -> bool {
    let Received { sender, message: Announce { profile, .. } } = announced;
    if profile.node != *sender {
        tracing::warn!(%sender, claimed = %profile.node, "a worker announced another node than its own");
        return false;
    }
    if world.stopping() && world.has_peers() {
        // It announces itself again and comes to a server that stays.
        return false;
    }
    if let Err(reason) = goes_with(&world.settings().version, &profile.version) {
        tracing::error!(worker = %profile.name, node = %sender, "refused: {reason}");
        world.post().send(&Address::Node(sender.clone()), &Refused { reason });
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use pikoci_model::id::{Incarnation, NodeId};
    use pikoci_model::worker::WorkerProfile;

    use super::*;

    #[test]
    fn slots_count_up_to_a_bound() {
        let profile = WorkerProfile {
            name: "w".into(),
            node: NodeId("n".into()),
            incarnation: Incarnation(1),
            hostname: String::new(),
            os: String::new(),
            arch: String::new(),
            version: String::new(),
            slots: u32::MAX,
            check_slots: 4,
            tags: vec![],
            exclusive_tags: false,
            takes_builds: true,
            takes_checks: true,
            team: None,
            started_at: DateTime::UNIX_EPOCH,
            warnings: Vec::new(),
        };
        let message =
            Announce { profile, holding: vec![], ended: vec![], free_slots: 1, free_check_slots: 1 };
        let bounded = within_bounds(Received { sender: NodeId("n".into()), message }).message.profile;
        assert_eq!((bounded.slots, bounded.check_slots), (MOST_SLOTS, 4));
    }
}
