//! The faults, and how often each of them is drawn.

use crate::dice::Dice;

/// What is done to the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// A worker is killed, and another machine takes its place.
    WorkerReplaced,
    /// A worker is killed and started again where it was.
    WorkerRestarted,
    /// A worker hears and says nothing for two leases.
    WorkerPartitioned,
    /// A worker is stopped, and goes on two leases later.
    WorkerPaused,
    /// A server is killed and started again.
    ServerKilled,
    /// The broker is killed and started again; where it must not be, nobody reaches it for a while.
    BrokerKilled,
    /// The same of the database.
    DatabaseRestarted,
    /// A server's connections to the database stand still.
    DatabaseHeld,
    /// A link is slow in both directions.
    LinkSlow,
    /// A link stalls and breaks, again and again.
    LinkLossy,
    /// All links break at once.
    LinksCut,
}

/// All of them, with the number of cards that each has in a pack.
const PACK: [(Harm, usize); 11] = [
    (Harm::WorkerPartitioned, 1),
    (Harm::WorkerPaused, 1),
    (Harm::WorkerReplaced, 4),
    (Harm::WorkerRestarted, 3),
    (Harm::ServerKilled, 3),
    (Harm::BrokerKilled, 2),
    (Harm::DatabaseRestarted, 2),
    (Harm::DatabaseHeld, 1),
    (Harm::LinkSlow, 1),
    (Harm::LinkLossy, 2),
    (Harm::LinksCut, 1),
];

impl Harm {
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkerReplaced => "worker killed, another takes its place",
            Self::WorkerRestarted => "worker killed and started again",
            Self::WorkerPartitioned => "worker cut off for two leases",
            Self::WorkerPaused => "worker stopped for two leases",
            Self::ServerKilled => "server killed and started again",
            Self::BrokerKilled => "broker killed and started again",
            Self::DatabaseRestarted => "database killed and started again",
            Self::DatabaseHeld => "database does not answer a server",
            Self::LinkSlow => "slow link",
            Self::LinkLossy => "link stalls and breaks",
            Self::LinksCut => "all links break",
        }
    }

    /// Whether it lasts for two leases: one of these at a time.
    pub fn is_long(self) -> bool {
        matches!(self, Self::WorkerPartitioned | Self::WorkerPaused)
    }

    /// Whether servers do not feel it.
    fn is_of_a_worker(self) -> bool {
        matches!(self, Self::WorkerReplaced | Self::WorkerRestarted)
    }

    /// A pack in some order; a small one has one card of each kind, a long one first and alone.
    pub fn shuffled(dice: &mut Dice, whole: bool) -> Vec<Self> {
        let cards = PACK.iter().flat_map(|(harm, count)| vec![*harm; if whole { *count } else { 1 }]);
        let mut pack: Vec<Self> = cards.filter(|harm| whole || *harm != Self::WorkerPaused).collect();
        for last in (1..pack.len()).rev() {
            let other = usize::try_from(dice.below(last as u64 + 1)).unwrap_or_default();
            pack.swap(last, other);
        }
        if !whole {
            // After what a server feels a lease is counted anew; one fault that lasts is to be over soon after its time.
            pack.sort_by_key(|harm| (!harm.is_long(), harm.is_of_a_worker()));
        }
        pack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_has_every_fault_and_the_seed_gives_the_order() {
        let draw = |seed| Harm::shuffled(&mut Dice::new(seed), true);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let small = Harm::shuffled(&mut Dice::new(1), false);
        assert_eq!(small.len(), PACK.len() - 1);
        assert!(small[0].is_long() && !small[1].is_long());
    }
}
