//! Which workers are taken in.

use pikoci_model::message::{Announce, Refused};
use pikoci_model::port::Address;

use super::world::World;
use crate::decide::skew::goes_with;
use crate::inbox::Received;

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
