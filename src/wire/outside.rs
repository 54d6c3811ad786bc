//! What workers of elsewhere need, and how the way to them stands.

use std::{collections::BTreeMap, sync::Arc};

use pikoci_engine::{inbox::InboxCounts, server::ServerMeter};
use pikoci_model::port::Store;
use pikoci_seal::mail::{Claims, Installation};
use pikoci_transport::LinkState;
use pikoci_web::{Transport, TransportHealth, WorkerTokens};

use super::transport::Outside;
use crate::config::ServerConfig;

/// A token for workers of all teams, for the operator of a server that has no worker of its own.
///
/// # Errors
/// The store cannot be asked.
pub async fn token_to_print(
    config: &ServerConfig,
    secret: &str,
    store: &dyn Store,
) -> Result<Option<String>, String> {
    if config.run_worker {
        return Ok(None);
    }
    let salt = store.worker_salt(None).await.map_err(|error| error.to_string())?;
    Ok(Some(Installation::new(secret).token(&Claims { salt, ..Claims::default() })))
}

/// Makes tokens that the store's salts revoke.
pub fn tokens(secret: &str) -> WorkerTokens {
    let installation = Installation::new(secret);
    Arc::new(move |team, salt| {
        let claims = Claims { team: team.map(str::to_owned), salt: Some(salt.to_owned()), expires: None };
        installation.token(&claims)
    })
}

/// A token made by hand, without a store: good as long as the secret.
pub fn token_by_hand(secret: &str, team: Option<String>, expires: Option<i64>) -> String {
    Installation::new(secret).token(&Claims { team, salt: None, expires })
}

/// How the connection to the broker stands, for whoever asks.
pub fn health(outside: Outside, meter: ServerMeter) -> Transport {
    Arc::new(move || TransportHealth {
        system: outside.system.name(),
        trouble: match &*outside.link.borrow() {
            LinkState::Up => None,
            LinkState::Down(why) => Some(why.clone()),
        },
        dropped: dropped(outside.drops.counts(), meter.envelopes()),
    })
}

/// Envelopes that were not taken: those that the seals refused, and those that were no good behind their seal.
fn dropped(
    by_seals: impl Iterator<Item = (&'static str, u64)>,
    inside: InboxCounts,
) -> BTreeMap<&'static str, u64> {
    let mut dropped = BTreeMap::new();
    for (kind, count) in by_seals.chain(inside.refused()).filter(|(_, count)| *count > 0) {
        *dropped.entry(kind).or_default() += count;
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_behind_its_seal_counts_as_well() {
        let inside = InboxCounts { delivered: 9, garbled: 2, misspoken: 3, ..InboxCounts::default() };
        let all = dropped([("garbled", 1), ("forged", 4), ("expired", 0)].into_iter(), inside);
        assert_eq!(all, BTreeMap::from([("forged", 4), ("garbled", 3), ("misspoken", 3)]));
    }
}
