//! The server of a local run: takes the one worker in, hands it checks and the build, prints what it reports.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use pikoci_engine::decide::intake::Intake;
use pikoci_model::{
    build::BuildStatus,
    check::CheckOutcome,
    id::{Incarnation, NodeId},
    message::{
        Accept, Acknowledge, Announce, Cancel, CheckDone, CheckStored, Decline, Envelope, Events, GoBuild,
        GoCheck, Home, Message, Offer, OfferId, OfferedWork, Renew, Renewed,
    },
    plan::{BuildPlan, CheckPlan},
    port::{Address, Arrival, Bus},
};

use super::{
    plan::Prepared,
    print::{Printer, failed_before, hurried, skipped},
    versions,
};
use crate::{cli::Exit, shutdown::Interrupts};

/// There is nobody who could take the worker over: its lease never ends.
const LEASE: Duration = Duration::MAX;
/// The worker's renewals only show that it lives.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// One end of the bus, and the worker at the other.
pub struct LocalServer {
    bus: Arc<dyn Bus>,
    node: NodeId,
    incoming: BoxStream<'static, Arrival>,
    worker: Option<NodeId>,
    /// It takes work.
    ready: bool,
    interrupts: Interrupts,
}

impl LocalServer {
    /// Listens on `bus` as `node`.
    pub fn new(bus: Arc<dyn Bus>, node: NodeId, interrupts: Interrupts) -> Self {
        let incoming = bus.receive();
        Self { bus, node, incoming, worker: None, ready: false, interrupts }
    }

    /// Runs the job: versions first, then the build.
    pub async fn run_job(&mut self, prepared: Prepared) -> Exit {
        skipped(&prepared.skipped);
        let plan = match versions::complete(self, prepared).await {
            Ok(plan) => plan,
            Err(Interrupted::Failed(text)) => return failed_before(&text),
            Err(Interrupted::ByPerson) => return Exit::Interrupted,
        };
        let status = self.build(plan).await;
        match status {
            _ if self.interrupts.seen() > 0 => Exit::Interrupted,
            Some(BuildStatus::Succeeded | BuildStatus::Warning) => Exit::Success,
            _ => Exit::Failed,
        }
    }

    /// Whether somebody who interrupted did not want to wait for the stops.
    pub fn is_in_a_hurry(&self) -> bool {
        self.interrupts.seen() > 1
    }

    /// Runs one check.
    ///
    /// # Errors
    /// Somebody interrupted.
    pub async fn check(&mut self, plan: CheckPlan) -> Result<CheckOutcome, Interrupted> {
        let (resource, lease) = (plan.resource_id, plan.lease);
        let (offer, incarnation) = self.engage(OfferedWork::Check(resource)).await?;
        self.tell(&GoCheck { offer, incarnation, plan }).await;
        loop {
            let envelope = self.next().await?;
            if let Some(done) = read::<CheckDone>(&envelope)
                && done.lease == lease
            {
                self.tell(&CheckStored { resource, lease }).await;
                return Ok(done.outcome);
            }
        }
    }

    async fn build(&mut self, plan: BuildPlan) -> Option<BuildStatus> {
        let (build, fence) = (plan.build, plan.fence);
        let mut printer = Printer::new(&plan.job);
        let (offer, incarnation) = self.engage(OfferedWork::Build(build)).await.ok()?;
        let tracker = self.node.clone();
        self.tell(&GoBuild { offer, incarnation, tracker, plan }).await;
        let mut intake = Intake::after(0);
        loop {
            let envelope = match self.next().await {
                Ok(envelope) => envelope,
                Err(Interrupted::ByPerson) if !self.is_in_a_hurry() => {
                    self.tell(&Cancel { build, fence, reason: "interrupted".to_owned() }).await;
                    continue;
                }
                Err(Interrupted::ByPerson) => {
                    hurried();
                    return None;
                }
                Err(Interrupted::Failed(text)) => {
                    failed_before(&text);
                    return None;
                }
            };
            let Some(events) =
                read::<Events>(&envelope).filter(|events| events.build == build && events.fence == fence)
            else {
                continue;
            };
            intake.offer(events.events);
            let mut ended = false;
            for (_, event) in intake.take() {
                ended |= event.is_last();
                printer.take(event);
            }
            self.tell(&Acknowledge { build, fence, through: intake.taken(), cancel: None }).await;
            if ended {
                return printer.conclude();
            }
        }
    }

    /// Offers work until the worker takes it.
    async fn engage(&mut self, work: OfferedWork) -> Result<(OfferId, Incarnation), Interrupted> {
        while self.worker.is_none() || !self.ready {
            self.hear().await?;
        }
        let offer = OfferId(uuid::Uuid::new_v4());
        self.tell(&Offer { offer, work }).await;
        loop {
            let envelope = self.next().await?;
            if let Some(accept) = read::<Accept>(&envelope).filter(|accept| accept.offer == offer) {
                return Ok((offer, accept.incarnation));
            }
            if let Some(decline) = read::<Decline>(&envelope).filter(|decline| decline.offer == offer) {
                return Err(Interrupted::Failed(format!("the worker declines: {}", decline.reason)));
            }
        }
    }

    /// The next envelope that is not about the worker's life.
    async fn next(&mut self) -> Result<Envelope, Interrupted> {
        loop {
            if let Some(envelope) = self.hear().await? {
                return Ok(envelope);
            }
        }
    }

    /// Hears one envelope; answers it here if it is about the worker's life.
    async fn hear(&mut self) -> Result<Option<Envelope>, Interrupted> {
        let arrival = tokio::select! {
            arrival = self.incoming.next() => arrival.ok_or_else(|| Interrupted::Failed("the worker is gone".to_owned()))?,
            () = self.interrupts.next() => return Err(Interrupted::ByPerson),
        };
        let Ok(envelope) = Envelope::open(arrival.envelope) else { return Ok(None) };
        if let Some(announce) = read::<Announce>(&envelope) {
            self.worker = Some(announce.profile.node);
            self.ready |= announce.free_slots > 0;
            self.tell(&Home { server: self.node.clone(), lease: LEASE, renew_every: RENEW_EVERY }).await;
        } else if let Some(renew) = read::<Renew>(&envelope) {
            self.ready |= renew.free_slots > 0;
            self.tell(&Renewed { counter: renew.counter, known: true }).await;
        } else {
            return Ok(Some(envelope));
        }
        Ok(None)
    }

    async fn tell<M: Message>(&self, message: &M) {
        let Some(worker) = self.worker.clone() else { return };
        let Ok(bytes) = Envelope::encode(&self.node, message) else { return };
        if let Err(error) = self.bus.send(&Address::Node(worker), bytes).await {
            tracing::warn!("{} was not delivered: {error}", M::NAME);
        }
    }
}

fn read<M: Message>(envelope: &Envelope) -> Option<M> {
    envelope.message::<M>()?.ok()
}

/// Why nothing more comes.
pub enum Interrupted {
    /// Somebody pressed Ctrl-C.
    ByPerson,
    /// It cannot go on.
    Failed(String),
}
