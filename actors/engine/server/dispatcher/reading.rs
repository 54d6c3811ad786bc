//! What the dispatcher reads: builds that are new, one that changed, or the whole picture.

use pikoci_model::id::BuildId;
use pikoci_model::port::StoreError;
use pikoci_model::port::store::WorkerRow;
use pikoci_model::scheduling::{HeldPlace, PendingBuild};
use pikoci_model::worker::WorkerState;

use super::Dispatcher;
use crate::decide::admit::Abroad;
use crate::server::world::World;
use crate::supervise::{Flow, Life, Receive};

/// Builds that are read at once.
const READ: u32 = 256;
/// Builds that a new picture holds at most; the rest follows when these have started.
const PICTURE: u32 = 2048;
/// Ids are given before they are visible: where several servers write, so many are read once more.
const OVERLAP: i64 = 64;

/// What was read from the store.
pub(super) enum Read {
    New(Result<Vec<PendingBuild>, StoreError>),
    One(Result<Vec<PendingBuild>, StoreError>),
    Picture(Result<Picture, StoreError>),
}

pub(super) struct Picture {
    held: Vec<HeldPlace>,
    pending: Vec<PendingBuild>,
    abroad: Vec<Abroad>,
}

impl Dispatcher {
    pub(super) fn read_new(&mut self, life: &mut Life<'_, Self>) {
        if self.reading {
            self.read_again = true;
            return;
        }
        self.reading = true;
        let overlap = if self.world.has_peers() { OVERLAP } else { 0 };
        let (world, after) = (self.world.clone(), BuildId(self.after.0 - overlap));
        life.spawn(async move { Read::New(world.store().pending_builds(after, READ).await) });
    }

    pub(super) fn redraw(&mut self, life: &mut Life<'_, Self>) {
        if self.drawing {
            self.draw_again = true;
            return;
        }
        self.drawing = true;
        let world = self.world.clone();
        life.spawn(async move {
            let picture = async {
                let held = world.store().held_places().await?;
                let pending = world.store().pending_builds(BuildId(0), PICTURE).await?;
                Ok(Picture { held, pending, abroad: abroad(&world).await? })
            };
            Read::Picture(picture.await)
        });
    }
}

impl Dispatcher {
    /// True if there is more to read.
    fn take_new(&mut self, builds: Vec<PendingBuild>) -> bool {
        let full = builds.len() == READ as usize;
        self.after = builds.last().map_or(self.after, |last| last.id.max(self.after));
        let news = self.world.board().queue(builds);
        self.offer();
        if news && self.world.board().has_queue() {
            self.ring(false);
        }
        full
    }

    fn take_picture(&mut self, Picture { held, pending, abroad }: Picture) {
        let complete = pending.len() < PICTURE as usize;
        let last = pending.last().map_or(BuildId(0), |build| build.id);
        {
            let mut board = self.world.board();
            board.set_abroad(abroad);
            board.redraw(held, pending, complete);
        }
        self.after = if complete { self.after.max(last) } else { last };
        self.offer();
    }
}

impl Receive<Read> for Dispatcher {
    fn receive(&mut self, read: Read, life: &mut Life<'_, Self>) -> Flow {
        match read {
            Read::New(result) => {
                self.reading = false;
                let more = match result {
                    Ok(builds) => self.take_new(builds),
                    Err(error) => unread(&error),
                };
                if more || std::mem::take(&mut self.read_again) {
                    self.read_new(life);
                }
            }
            Read::One(Ok(builds)) => {
                self.world.board().queue(builds);
                self.offer_and_ring(true);
            }
            Read::One(Err(error)) => {
                unread(&error);
            }
            Read::Picture(result) => {
                self.drawing = false;
                match result {
                    Ok(picture) => {
                        self.take_picture(picture);
                        self.read_new(life);
                    }
                    Err(error) => {
                        unread(&error);
                    }
                }
                if std::mem::take(&mut self.draw_again) {
                    self.redraw(life);
                }
            }
        }
        Ok(())
    }
}

/// What could not be read is read with the next wake-up; there is no more for now.
fn unread(error: &StoreError) -> bool {
    tracing::warn!("queued builds cannot be read: {error}");
    false
}

/// Workers that renew, at another server that lives.
async fn abroad(world: &World) -> Result<Vec<Abroad>, StoreError> {
    if !world.has_peers() {
        return Ok(Vec::new());
    }
    let rows = world.store().workers().await?;
    let members = world.members();
    let away = |row: &WorkerRow| {
        row.state == WorkerState::Online && row.home != *world.post().node() && members.lives(&row.home)
    };
    Ok(rows.into_iter().filter(away).map(|row| Abroad { home: row.home, profile: row.profile }).collect())
}
