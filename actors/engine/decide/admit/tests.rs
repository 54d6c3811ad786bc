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

/// What workers say of themselves decides for nobody else.
#[test]
fn room_without_end_is_not_taken_for_none() {
    let seats = [seat("a", u32::MAX, &[]), seat("b", 1, &[])];
    let pending = [plain(1, 1)];
    let admission = admit(&pending, &[], home(&seats), &HashMap::new(), Ask::Offers);
    assert_eq!(offered(&admission), [(1, "a")]);
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
    assert_eq!((at(&[], "other"), at(&["gpu"], "main")), (Ok(CheckSeat::Here(0)), Ok(CheckSeat::Here(0))));
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
