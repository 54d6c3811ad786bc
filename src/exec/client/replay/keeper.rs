//! What earlier lives left, looked after from a worker's start until nothing is owed any more.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use pikoci_model::build::{ServiceState, StopReport};
use pikoci_model::id::InstanceId;
use pikoci_model::message::Holding;
use pikoci_model::port::{Journal, LeftBehind};
use tokio::sync::{mpsc, oneshot};

use super::once::{Attempt, ITEM_BUDGET, attempt, needs_a_person};
use crate::client::launcher::{Core, NurseryLauncher, locked};
use crate::client::off_thread::off_thread;
use crate::journal::{ItemDirectory, ItemView, JournalError, Manifest, ProcessLife, moment};

/// Between the first two attempts at an item; doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long a record of what is not owed any more waits for a server that wants to know.
const FORGOTTEN_AFTER_DAYS: i64 = 7;

/// What stays although nothing is owed any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Work directories, for a person to look at.
    pub workdirs: bool,
    /// Records, for another worker of this host whose server has not heard of them.
    pub records: bool,
}

/// The journal of this host, as a worker keeps it.
pub struct HostJournal {
    core: Arc<Core>,
    keep: Keep,
    tell: mpsc::UnboundedSender<LeftBehind>,
    told: tokio::sync::Mutex<mpsc::UnboundedReceiver<LeftBehind>>,
    /// Where the instances are that the servers were told of.
    places: Mutex<HashMap<InstanceId, String>>,
}

impl HostJournal {
    /// Begins to look after what is there now, and after what builds of this launcher leave later. To be called before
    /// the first item is opened, from within a tokio runtime.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn start(launcher: &NurseryLauncher, keep: Keep) -> Result<Arc<Self>, JournalError> {
        let names = launcher.0.settings.state.items()?;
        let (tell, told) = mpsc::unbounded_channel();
        let journal = Arc::new(Self {
            core: Arc::clone(&launcher.0),
            keep,
            tell,
            told: tokio::sync::Mutex::new(told),
            places: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&journal).look_after(names));
        Ok(journal)
    }

    async fn look_after(self: Arc<Self>, names: Vec<String>) {
        let first: Vec<_> = names.into_iter().map(|name| self.clone().begin(name)).collect();
        if tokio::time::timeout(ITEM_BUDGET, join_all(first)).await.is_err() {
            tracing::warn!("stops of earlier builds still run; work is taken all the same");
        }
        self.say(LeftBehind::Ready);
        let Some(mut owing) = locked(&self.core.taken_over).take() else { return };
        while let Some(name) = owing.recv().await {
            let item = Tended { journal: Arc::clone(&self), name, ended_told: true, told: HashMap::new() };
            tokio::spawn(item.tend(FIRST_PAUSE, None));
        }
    }

    /// Gives an answer when the item was looked after once, or when somebody else works on it.
    fn begin(self: Arc<Self>, name: String) -> oneshot::Receiver<()> {
        let (tell, looked) = oneshot::channel();
        let item = Tended { journal: self, name, ended_told: false, told: HashMap::new() };
        tokio::spawn(item.tend(Duration::ZERO, Some(tell)));
        looked
    }

    /// Nobody listens any more at the worker's end.
    fn say(&self, news: LeftBehind) {
        let _ = self.tell.send(news);
    }

    /// Nothing is owed any more: nothing of the item stays.
    fn finish(&self, item: &ItemDirectory) {
        if self.keep.records {
            return;
        }
        if !self.keep.workdirs
            && let Ok(manifest) = item.manifest()
        {
            remove_workdir(&manifest.workdir);
        }
        item.remove_all();
    }

    fn forget(&self, instance: InstanceId) -> Result<(), JournalError> {
        let name = locked(&self.places).get(&instance).cloned();
        let Some(name) = name.filter(|_| !self.keep.records) else { return Ok(()) };
        let item = self.core.settings.state.item(&name)?;
        item.forget_struck(instance)?;
        if item.is_empty() {
            self.finish(&item);
        }
        Ok(())
    }
}

#[async_trait]
impl Journal for HostJournal {
    async fn next(&self) -> Option<LeftBehind> {
        self.told.lock().await.recv().await
    }

    fn stored(&self, instances: &[InstanceId]) {
        for instance in instances {
            match self.forget(*instance) {
                Err(error) if !error.is_missing() => {
                    tracing::warn!(%instance, "the journal keeps what is stored: {error}");
                }
                _ => {}
            }
        }
    }
}

/// One item, from now until nothing is owed or only a person can help.
struct Tended {
    journal: Arc<HostJournal>,
    name: String,
    ended_told: bool,
    /// What was said of each service, so that it is not said again and again.
    told: HashMap<InstanceId, (ServiceState, String)>,
}

impl Tended {
    async fn tend(mut self, mut pause: Duration, mut looked: Option<oneshot::Sender<()>>) {
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            match attempt(&self.journal.core, &self.name).await {
                Attempt::Nothing => return,
                Attempt::Held(lock) => {
                    looked.take();
                    if !matches!(off_thread("item lock", move || lock.wait_until_free()).await, Some(Ok(())))
                    {
                        tracing::warn!(item = self.name, "its lock cannot be waited for");
                        continue;
                    }
                    pause = Duration::ZERO;
                }
                Attempt::Failed(error) => {
                    looked.take();
                    tracing::error!(item = self.name, "its stops cannot be run: {error}");
                }
                Attempt::Done(view) => {
                    let over = self.tell(&view);
                    looked.take();
                    if over {
                        return;
                    }
                }
            }
        }
    }

    /// Says what is new; true if nothing is left to be done here.
    fn tell(&mut self, view: &ItemView) -> bool {
        let over = !view.is_pending() || needs_a_person(view);
        if view.manifest.as_ref().is_some_and(|manifest| self.is_anothers(manifest)) {
            return over;
        }
        for report in view.reports() {
            self.report(report);
        }
        if let Some(manifest) =
            view.manifest.as_ref().filter(|_| !std::mem::replace(&mut self.ended_told, true))
        {
            let (build, fence) = (manifest.build, manifest.fence);
            self.journal.say(LeftBehind::Ended(Holding { build, fence }));
        }
        if (view.services.is_empty() || self.is_old(view))
            && let Ok(item) = self.journal.core.settings.state.item(&self.name)
        {
            self.journal.finish(&item);
        }
        over
    }

    /// Whether another worker of this host has it, which lives and tells its servers itself.
    fn is_anothers(&self, manifest: &Manifest) -> bool {
        manifest.host.shares_processes_with(self.journal.core.settings.state.life())
            && manifest.worker != ProcessLife::own()
            && manifest.worker.is_alive()
    }

    /// Nobody has asked for it for long, and nothing of it is owed.
    fn is_old(&self, view: &ItemView) -> bool {
        let made = view.manifest.as_ref().map(|manifest| manifest.created);
        let old = made.is_some_and(|made| (moment() - made).num_days() >= FORGOTTEN_AFTER_DAYS);
        old && !view.services.iter().any(|service| service.state.is_owed())
    }

    fn report(&mut self, report: StopReport) {
        let new = (report.state, report.detail.clone());
        if self.told.get(&report.instance) == Some(&new) {
            return;
        }
        locked(&self.journal.places).insert(report.instance, self.name.clone());
        self.told.insert(report.instance, new);
        self.journal.say(LeftBehind::Stop(report));
    }
}

/// A work directory carries a random name; nothing else is removed because a record names it.
fn remove_workdir(path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str());
    if name.is_none_or(|name| name.parse::<uuid::Uuid>().is_err()) || path.is_symlink() {
        return;
    }
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(workdir = %path.display(), "work directory stays: {error}");
        }
        _ => {}
    });
}
