//! So many workers that have nothing to do, in one process: each has its own connection and its own key, announces itself
//! and renews, as `pikoci worker` does. What they cost a server is measured beside it.
//!
//! ```text
//! PIKOCI_WORKER_TOKEN=… crowd NATS-ADDRESS QUEUE-PREFIX COUNT
//! ```

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use pikoci_model::{
    id::{Incarnation, NodeId},
    message::{Announce, Envelope, Home, Renew, Renewed},
    port::{Address, Bus},
    worker::WorkerProfile,
};
use pikoci_seal::mail::{Release, WorkerEnd, WorkerToken};
use pikoci_transport::{BrokerSettings, BrokerSystem, Drops, Roles, SealedWorker};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Until a home is found, it is asked for so often.
const ASK_AGAIN: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    match crowd().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn crowd() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, prefix, count] = words.as_slice() else {
        return Err("expected: crowd NATS-ADDRESS QUEUE-PREFIX COUNT".into());
    };
    let token = WorkerToken::read(&std::env::var("PIKOCI_WORKER_TOKEN")?)?;
    let settings = BrokerSettings::plain(address, prefix);
    let mut idle = FuturesUnordered::new();
    for number in 0..count.parse::<u32>()? {
        idle.push(idle_worker(&settings, &token, number));
    }
    // They only end when something is wrong.
    while let Some(ended) = idle.next().await {
        ended?;
    }
    Ok(())
}

async fn idle_worker(settings: &BrokerSettings, token: &WorkerToken, number: u32) -> Fallible<()> {
    let end = WorkerEnd::new(token, env!("CARGO_PKG_VERSION").parse::<Release>()?)?;
    let node = NodeId(end.name().to_owned());
    let joined = BrokerSystem::Nats.join(settings, node.clone(), Roles::WORKER).await?;
    let bus = SealedWorker::new(joined.bus, Arc::new(end), Drops::default());
    let mut arrivals = bus.receive();
    let profile = profile(&node, number);
    let (mut home, mut counter) = (None::<Home>, 0);
    loop {
        match &home {
            None => {
                let (profile, holding) = (profile.clone(), Vec::new());
                let announce =
                    Announce { profile, holding, ended: Vec::new(), free_slots: 1, free_check_slots: 4 };
                bus.send(&Address::AnyServer, Envelope::encode(&node, &announce)?).await?;
            }
            Some(home) => {
                counter += 1;
                let renew = Renew {
                    incarnation: profile.incarnation,
                    counter,
                    holding: Vec::new(),
                    free_slots: 1,
                    free_check_slots: 4,
                    draining: false,
                };
                let to = Address::Node(home.server.clone());
                bus.send(&to, Envelope::encode(&node, &renew)?).await?;
            }
        }
        let next = tokio::time::Instant::now() + home.as_ref().map_or(ASK_AGAIN, |home| home.renew_every);
        while let Ok(arrival) = tokio::time::timeout_at(next, arrivals.next()).await {
            let arrival = arrival.ok_or("the broker's stream ended")?;
            let envelope = Envelope::open(arrival.envelope)?;
            if let Some(found) = envelope.message::<Home>() {
                let is_first = home.replace(found?).is_none();
                if is_first {
                    break;
                }
            } else if let Some(Ok(Renewed { known: false, .. })) = envelope.message::<Renewed>() {
                home = None;
                break;
            }
        }
    }
}

fn profile(node: &NodeId, number: u32) -> WorkerProfile {
    WorkerProfile {
        name: format!("idle-{number}"),
        node: node.clone(),
        incarnation: Incarnation(uuid::Uuid::new_v4().as_u64_pair().0),
        hostname: "crowd".into(),
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        slots: 1,
        check_slots: 4,
        tags: Vec::new(),
        exclusive_tags: false,
        takes_builds: true,
        takes_checks: true,
        team: None,
        started_at: std::time::UNIX_EPOCH.into(),
        warnings: Vec::new(),
    }
}
