//! Which queued builds may be offered to which workers, and why the others wait.

use std::collections::{BTreeMap, HashMap};

use pikoci_model::build::Waiting;
use pikoci_model::id::{BuildId, JobId, NodeId, PipelineId};
use pikoci_model::scheduling::PendingBuild;
use pikoci_model::worker::WorkerProfile;

/// A worker as the dispatcher sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// What it said of itself.
    pub profile: WorkerProfile,
    /// Build slots that nothing is on its way to.
    pub free: u32,
    /// Check slots that nothing is on its way to.
    pub free_checks: u32,
    /// It renews and takes new work.
    pub ready: bool,
}

/// A worker whose home is another server. Only who it serves is known here.
#[derive(Debug, Clone, PartialEq)]
pub struct Abroad {
    /// Its home.
    pub home: NodeId,
    /// What it said of itself.
    pub profile: WorkerProfile,
}

/// All workers, as one server knows them.
#[derive(Debug, Clone, Copy)]
pub struct Workforce<'a> {
    /// Those whose home it is.
    pub seats: &'a [Seat],
    /// The others that renew and take new work.
    pub abroad: &'a [Abroad],
}

/// A place that is taken: by a claimed build, or by one that is being offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which build.
    pub build: BuildId,
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// Whose job.
    pub job: JobId,
    /// The job's serial groups.
    pub serial_groups: Vec<String>,
}

impl Place {
    /// The place that `build` would take.
    pub fn of(build: &PendingBuild) -> Self {
        Self {
            build: build.id,
            pipeline: build.pipeline,
            job: build.job,
            serial_groups: build.serial_groups.clone(),
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Admission {
    /// Build → worker, oldest first.
    pub offers: Vec<(BuildId, NodeId)>,
    /// Why each of the others waits.
    pub waiting: BTreeMap<BuildId, Waiting>,
}

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Offers; it ends as soon as no slot is left, so the reasons are incomplete.
    Offers,
    /// Every build's reason, too.
    Reasons,
}

/// Decides. `pending` is oldest first. A build of a job never overtakes an older one of the same job; a build that
/// waits for a serial group keeps younger builds of other jobs out of it, so nobody starves. `refused` says what the
/// store answered to a claim that seemed possible from here.
pub fn admit<'a>(
    pending: impl IntoIterator<Item = &'a PendingBuild>,
    held: impl IntoIterator<Item = &'a Place>,
    workforce: Workforce<'_>,
    refused: &HashMap<BuildId, Waiting>,
    ask: Ask,
) -> Admission {
    let seats = workforce.seats;
    let mut floor = Floor::new(held, workforce);
    let mut admission = Admission::default();
    for build in pending {
        if ask == Ask::Offers && floor.slots == 0 {
            break;
        }
        let verdict = match refused.get(&build.id) {
            Some(waiting) => Err(waiting.clone()),
            None => floor.place(build),
        };
        match verdict {
            Ok(seat) => {
                floor.take(build, seat);
                admission.offers.push((build.id, seats[seat].profile.node.clone()));
            }
            Err(waiting) => {
                floor.queue_behind(build);
                admission.waiting.insert(build.id, waiting);
            }
        }
    }
    admission
}

/// What is taken so far, while the queue is walked.
struct Floor<'a> {
    seats: &'a [Seat],
    abroad: &'a [Abroad],
    free: Vec<u32>,
    /// Of all seats together.
    slots: u64,
    /// Teams that have a ready worker of their own.
    teams: BTreeMap<&'a str, Vec<usize>>,
    jobs: HashMap<JobId, Vec<BuildId>>,
    groups: HashMap<(PipelineId, String), (JobId, BuildId)>,
    /// The oldest waiting build of a job.
    heads: HashMap<JobId, BuildId>,
    /// The oldest waiting build of a group, with its job.
    group_heads: HashMap<(PipelineId, String), (JobId, BuildId)>,
}

impl<'a> Floor<'a> {
    fn new<'p>(held: impl IntoIterator<Item = &'p Place>, workforce: Workforce<'a>) -> Self {
        let Workforce { seats, abroad } = workforce;
        let free: Vec<u32> =
            seats.iter().map(|s| if s.ready && s.profile.takes_builds { s.free } else { 0 }).collect();
        let mut teams: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, seat) in seats.iter().enumerate() {
            if let (Some(team), true) = (&seat.profile.team, seat.ready) {
                teams.entry(team).or_default().push(index);
            }
        }
        let mut floor = Self {
            seats,
            abroad,
            slots: free.iter().copied().map(u64::from).sum(),
            free,
            teams,
            jobs: HashMap::new(),
            groups: HashMap::new(),
            heads: HashMap::new(),
            group_heads: HashMap::new(),
        };
        for place in held {
            floor.occupy(place.build, place.pipeline, place.job, &place.serial_groups);
        }
        floor
    }

    fn occupy(&mut self, build: BuildId, pipeline: PipelineId, job: JobId, groups: &[String]) {
        self.jobs.entry(job).or_default().push(build);
        for group in groups {
            self.groups.entry((pipeline, group.clone())).or_insert((job, build));
        }
    }

    fn take(&mut self, build: &PendingBuild, seat: usize) {
        self.free[seat] -= 1;
        self.slots -= 1;
        self.occupy(build.id, build.pipeline, build.job, &build.serial_groups);
    }

    fn queue_behind(&mut self, build: &PendingBuild) {
        self.heads.entry(build.job).or_insert(build.id);
        for group in &build.serial_groups {
            self.group_heads.entry((build.pipeline, group.clone())).or_insert((build.job, build.id));
        }
    }

    /// The seat for a build, or why there is none.
    fn place(&self, build: &PendingBuild) -> Result<usize, Waiting> {
        if let Some(resource) = &build.awaits {
            return Err(Waiting::NoVersion { resource: resource.clone() });
        }
        if let Some(limit) = Some(build.concurrency).filter(|limit| *limit > 0) {
            let held_by = self.jobs.get(&build.job).map(Vec::as_slice).unwrap_or_default();
            if held_by.len() >= limit as usize {
                return Err(Waiting::Concurrency { limit, held_by: held_by.to_vec() });
            }
        }
        for group in &build.serial_groups {
            let key = (build.pipeline, group.clone());
            match (self.groups.get(&key), self.group_heads.get(&key)) {
                (Some((job, held_by)), _) if *job != build.job => {
                    return Err(Waiting::SerialGroup { group: group.clone(), held_by: *held_by });
                }
                (_, Some((job, head))) if *job != build.job => return Err(Waiting::Behind { build: *head }),
                _ => {}
            }
        }
        match self.heads.get(&build.job) {
            Some(head) => Err(Waiting::Behind { build: *head }),
            None => self.seat(build),
        }
    }

    /// The fitting worker with the most free slots.
    fn seat(&self, build: &PendingBuild) -> Result<usize, Waiting> {
        let fitting: Vec<usize> = (0..self.seats.len()).filter(|index| self.fits(*index, build)).collect();
        let best =
            fitting.iter().copied().filter(|index| self.free[*index] > 0).max_by_key(|i| self.free[*i]);
        match best {
            Some(index) => Ok(index),
            None if fitting.is_empty() && !self.fits_abroad(build) => {
                Err(Waiting::NoWorker { tags: build.tags.clone() })
            }
            None => Err(Waiting::WorkersBusy),
        }
    }

    fn fits_abroad(&self, build: &PendingBuild) -> bool {
        self.abroad.iter().any(|worker| {
            let of_team = worker.profile.team.as_ref().is_none_or(|team| *team == build.team);
            of_team && takes(&worker.profile, &build.tags)
        })
    }

    fn fits(&self, index: usize, build: &PendingBuild) -> bool {
        let seat = &self.seats[index];
        let own = self.teams.get(build.team.as_str()).map(Vec::as_slice).unwrap_or_default();
        let served_abroad = |worker: &Abroad| {
            worker.profile.team.as_ref() == Some(&build.team) && takes(&worker.profile, &build.tags)
        };
        let home_served = || {
            own.iter().any(|i| able(&self.seats[*i], &build.tags)) || self.abroad.iter().any(served_abroad)
        };
        able(seat, &build.tags)
            && match &seat.profile.team {
                Some(team) => *team == build.team,
                // A team's work goes to its own workers, unless none of them has the tags.
                None => !home_served(),
            }
    }
}

fn able(seat: &Seat, tags: &[String]) -> bool {
    seat.ready && takes(&seat.profile, tags)
}

fn takes(profile: &WorkerProfile, tags: &[String]) -> bool {
    profile.takes_builds && profile.serves(tags)
}

/// Where a check can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckSeat {
    /// To this seat.
    Here(usize),
    /// To a worker of this server.
    At(NodeId),
}

/// The worker for a check: ready, taking checks, with the tags; of the team if it has one that can, else a global one;
/// one whose home is here before others; the one with the most free check slots.
///
/// # Errors
/// Why there is none.
pub fn seat_for_check(workforce: Workforce<'_>, tags: &[String], team: &str) -> Result<CheckSeat, Waiting> {
    let Workforce { seats, abroad } = workforce;
    let can = |profile: &WorkerProfile| profile.takes_checks && profile.serves(tags);
    let here = |wanted: Option<&str>| -> Vec<usize> {
        let of = |seat: &Seat| seat.ready && can(&seat.profile) && seat.profile.team.as_deref() == wanted;
        (0..seats.len()).filter(|i| of(&seats[*i])).collect()
    };
    let elsewhere = |wanted: Option<&str>| {
        abroad.iter().find(|worker| can(&worker.profile) && worker.profile.team.as_deref() == wanted)
    };
    for wanted in [Some(team), None] {
        let fitting = here(wanted);
        let free = fitting.iter().copied().filter(|i| seats[*i].free_checks > 0);
        match (free.max_by_key(|i| seats[*i].free_checks), elsewhere(wanted)) {
            (Some(seat), _) => return Ok(CheckSeat::Here(seat)),
            (None, _) if !fitting.is_empty() => return Err(Waiting::WorkersBusy),
            (None, Some(worker)) => return Ok(CheckSeat::At(worker.home.clone())),
            (None, None) => {}
        }
    }
    Err(Waiting::NoWorker { tags: tags.to_vec() })
}

#[cfg(test)]
mod tests;
