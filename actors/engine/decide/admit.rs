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
    slots: u32,
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
            slots: free.iter().sum(),
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
mod tests {
    use super::*;
    use chrono::DateTime;
    use pikoci_model::id::Incarnation;

    fn seat(name: &str, free: u32, tags: &[&str]) -> Seat {
        let profile = WorkerProfile {
            name: name.into(),
            node: NodeId(name.into()),
            incarnation: Incarnation(1),
            hostname: String::new(),
            os: String::new(),
            arch: String::new(),
            version: String::new(),
            slots: 4,
            check_slots: 4,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            exclusive_tags: false,
            takes_builds: true,
            takes_checks: true,
            team: None,
            started_at: DateTime::UNIX_EPOCH,
            warnings: Vec::new(),
        };
        Seat { profile, free, free_checks: free, ready: true }
    }

    fn of_team(team: &str, seat: Seat) -> Seat {
        Seat { profile: WorkerProfile { team: Some(team.into()), ..seat.profile }, ..seat }
    }

    /// Build `id` of job `job`, with concurrency, group and tag where they are not empty.
    fn build(id: i64, job: i64, concurrency: u32, group: &str, tag: &str) -> PendingBuild {
        let list = |text: &str| if text.is_empty() { vec![] } else { vec![text.to_owned()] };
        PendingBuild {
            id: BuildId(id),
            pipeline: PipelineId(1),
            team: "main".into(),
            job: JobId(job),
            tags: list(tag),
            concurrency,
            serial_groups: list(group),
            awaits: None,
        }
    }

    fn plain(id: i64, job: i64) -> PendingBuild {
        build(id, job, 0, "", "")
    }

    fn home(seats: &[Seat]) -> Workforce<'_> {
        Workforce { seats, abroad: &[] }
    }

    fn decide(pending: &[PendingBuild], held: &[PendingBuild], seats: &[Seat]) -> Admission {
        let held: Vec<Place> = held.iter().map(Place::of).collect();
        admit(pending, &held, home(seats), &HashMap::new(), Ask::Reasons)
    }

    fn offered(admission: &Admission) -> Vec<(i64, &str)> {
        admission.offers.iter().map(|(build, node)| (build.0, node.0.as_str())).collect()
    }

    #[test]
    fn the_oldest_goes_first_to_the_worker_with_the_most_room() {
        let admission =
            decide(&[plain(1, 1), plain(2, 2), plain(3, 3)], &[], &[seat("a", 1, &[]), seat("b", 2, &[])]);
        assert_eq!(offered(&admission), [(1, "b"), (2, "b"), (3, "a")]);
        let admission = decide(&[plain(1, 1), plain(2, 2)], &[], &[seat("a", 1, &[])]);
        assert_eq!(offered(&admission), [(1, "a")]);
        assert_eq!(admission.waiting[&BuildId(2)], Waiting::WorkersBusy);
        let admission = decide(&[plain(1, 1)], &[], &[]);
        assert_eq!(admission.waiting[&BuildId(1)], Waiting::NoWorker { tags: vec![] });
    }

    #[test]
    fn concurrency_counts_claimed_and_offered_builds_of_the_job() {
        let limited = |id| build(id, 1, 2, "", "");
        let pending = [limited(2), limited(3), limited(4), plain(5, 2)];
        let admission = decide(&pending, &[limited(1)], &[seat("a", 9, &[])]);
        assert_eq!(offered(&admission), [(2, "a"), (5, "a")]);
        let held_by = vec![BuildId(1), BuildId(2)];
        assert_eq!(admission.waiting[&BuildId(3)], Waiting::Concurrency { limit: 2, held_by });
    }

    #[test]
    fn a_serial_group_holds_other_jobs_back_and_the_oldest_waiter_goes_first() {
        let grouped = |id, job| build(id, job, 0, "g", "");
        let pending = [grouped(2, 2), grouped(3, 1), grouped(4, 3)];
        let admission = decide(&pending, &[grouped(1, 1)], &[seat("a", 9, &[])]);
        assert_eq!(offered(&admission), []);
        let group = "g".to_owned();
        assert_eq!(admission.waiting[&BuildId(2)], Waiting::SerialGroup { group, held_by: BuildId(1) });
        assert_eq!(admission.waiting[&BuildId(3)], Waiting::Behind { build: BuildId(2) }, "no starvation");
        let admission = decide(&[grouped(2, 2), grouped(3, 2), grouped(4, 1)], &[], &[seat("a", 9, &[])]);
        assert_eq!(offered(&admission), [(2, "a"), (3, "a")], "it does not limit builds of the same job");
    }

    #[test]
    fn builds_of_a_job_keep_their_order() {
        let pending = [build(1, 1, 0, "", "gpu"), plain(2, 1), plain(3, 2)];
        let admission = decide(&pending, &[], &[seat("a", 9, &[])]);
        assert_eq!(offered(&admission), [(3, "a")]);
        assert_eq!(admission.waiting[&BuildId(1)], Waiting::NoWorker { tags: vec!["gpu".into()] });
        assert_eq!(admission.waiting[&BuildId(2)], Waiting::Behind { build: BuildId(1) });
        let first = PendingBuild { awaits: Some("git.app".into()), ..plain(1, 1) };
        let admission = decide(&[first], &[], &[seat("a", 1, &[])]);
        assert_eq!(admission.waiting[&BuildId(1)], Waiting::NoVersion { resource: "git.app".into() });
    }

    #[test]
    fn a_team_is_served_by_its_own_workers_unless_none_has_the_tags() {
        let seats = [
            seat("global", 9, &["gpu"]),
            of_team("main", seat("own", 1, &[])),
            of_team("other", seat("no", 9, &[])),
        ];
        let admission = decide(&[plain(1, 1), plain(2, 2), build(3, 3, 0, "", "gpu")], &[], &seats);
        assert_eq!(offered(&admission), [(1, "own"), (3, "global")]);
        assert_eq!(admission.waiting[&BuildId(2)], Waiting::WorkersBusy);
    }

    #[test]
    fn workers_that_are_silent_exclusive_or_for_checks_get_no_plain_build() {
        let silent = Seat { ready: false, ..seat("silent", 1, &[]) };
        let mut exclusive = seat("exclusive", 1, &["gpu"]);
        exclusive.profile.exclusive_tags = true;
        let mut checks = seat("checks", 1, &[]);
        checks.profile.takes_builds = false;
        let seats = [silent, exclusive, checks];
        let admission = decide(&[plain(1, 1), build(2, 2, 0, "", "gpu")], &[], &seats);
        assert_eq!(offered(&admission), [(2, "exclusive")]);
        assert_eq!(seat_for_check(home(&seats), &[], "main"), Ok(CheckSeat::Here(2)));
        let none = seat_for_check(home(&seats[..1]), &[], "main");
        assert_eq!(none, Err(Waiting::NoWorker { tags: vec![] }));
    }

    #[test]
    fn a_team_whose_worker_is_at_home_elsewhere_is_left_to_it() {
        let abroad = |seat: Seat| Abroad { home: NodeId("s2".into()), profile: seat.profile };
        let (seats, own) = ([seat("global", 9, &["gpu"])], [abroad(of_team("main", seat("own", 1, &[])))]);
        let workforce = Workforce { seats: &seats, abroad: &own };
        let none: [Place; 0] = [];
        let pending = [plain(1, 1), build(2, 2, 0, "", "gpu"), build(3, 3, 0, "", "arm")];
        let admission = admit(&pending, &none, workforce, &HashMap::new(), Ask::Reasons);
        assert_eq!(offered(&admission), [(2, "global")], "the team's worker lacks the tag");
        assert_eq!(admission.waiting[&BuildId(1)], Waiting::WorkersBusy);
        assert_eq!(admission.waiting[&BuildId(3)], Waiting::NoWorker { tags: vec!["arm".into()] });
        let at = |tags: &[&str], team| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            seat_for_check(workforce, &tags, team)
        };
        assert_eq!(at(&[], "main"), Ok(CheckSeat::At(NodeId("s2".into()))));
        assert_eq!(
            (at(&[], "other"), at(&["gpu"], "main")),
            (Ok(CheckSeat::Here(0)), Ok(CheckSeat::Here(0)))
        );
        let others = [abroad(of_team("other", seat("no", 1, &[]))), abroad(seat("far", 1, &[]))];
        let far = Workforce { seats: &[], abroad: &others };
        assert_eq!(seat_for_check(far, &[], "main"), Ok(CheckSeat::At(NodeId("s2".into()))));
    }

    #[test]
    fn what_the_store_refused_waits_and_offers_alone_end_early() {
        let refused = HashMap::from([(BuildId(1), Waiting::WorkersBusy)]);
        let pending = [plain(1, 1), plain(2, 1), plain(3, 2), plain(4, 3)];
        let none: [Place; 0] = [];
        let admission = admit(&pending, &none, home(&[seat("a", 1, &[])]), &refused, Ask::Offers);
        assert_eq!(offered(&admission), [(3, "a")]);
        assert_eq!(admission.waiting.len(), 2);
    }
}
