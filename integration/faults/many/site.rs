//! Servers, workers and what is between them: one installation on one transport.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use super::{
    Plan, backend::Backend, client::Client, database::Database, job, proxy::Proxy, seat::Seat,
    transport::Transport,
};
use crate::{Fallible, kin::Mark};

const PASSWORD: &str = "correct horse";
const SECRET: &str = "of this installation, long enough";
/// Between two looks of whoever starts again what has ended.
const RESTART: Duration = Duration::from_millis(500);
/// Builds that a worker does at once.
const CONCURRENCY: usize = 4;

/// An installation. Nothing of it is left when it is dropped.
pub struct Site {
    pub servers: Vec<Seat>,
    pub workers: Vec<Seat>,
    /// The real broker and database, where they may be killed.
    pub broker: Option<Backend>,
    pub base: Option<Backend>,
    pub client: Client,
    /// Where the tasks write.
    pub dir: PathBuf,
    mark: Mark,
    // Removed last, when nobody uses it any more.
    _database: Database,
}

impl Site {
    /// Starts everything, and waits until the servers answer.
    ///
    /// # Errors
    /// Something cannot be had.
    pub fn open(plan: &Plan, transport: Transport, root: &Path) -> Fallible<Self> {
        let name = format!("many_{}_{}", std::process::id(), transport.name());
        let dir = root.join(transport.name());
        prepare(&dir)?;
        let mark = Mark { name: name.clone(), group: None };
        let database = Database::make(plan.database, &name)?;
        let shared = Shared { plan, transport, dir: &dir, name: &name };
        let servers: Vec<Seat> = (0..database.servers())
            .map(|number| shared.server(number, &database))
            .collect::<Fallible<_>>()?;
        let urls: Vec<String> = servers.iter().filter_map(url).collect();
        // The first makes the key that all of them seal with.
        start_in_turn(&servers, &urls)?;
        let client = Client::login(&urls, PASSWORD)?;
        let token = token(&plan.program)?;
        let workers: Vec<Seat> =
            (0..plan.workers).map(|number| shared.worker(number, &token)).collect::<Fallible<_>>()?;
        workers.iter().try_for_each(|worker| worker.start(false))?;
        let backend = |name: &'static str, place: &str| {
            plan.backends.as_ref().map(|dir| Backend::new(dir, name, place))
        };
        let broker = backend(transport.name(), &transport.address()?.place);
        let base = database.place().and_then(|place| backend("postgresql", place));
        Ok(Self { servers, workers, broker, base, client, dir, mark, _database: database })
    }

    /// All places.
    pub fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.servers.iter().chain(&self.workers)
    }

    /// Everything is well again.
    pub fn heal(&self) {
        self.seats().flat_map(|seat| seat.database.iter().chain([&seat.broker])).for_each(Proxy::heal);
    }

    /// Does what a supervisor does: who has ended is started again. A start without the database ends at once; any other
    /// end is told.
    pub fn keep_alive(&self, over: impl Fn() -> bool) -> Vec<String> {
        let mut problems = Vec::new();
        while !over() {
            for seat in self.seats() {
                let last = || seat.last_words();
                let without_a_database =
                    |line: &str| line.starts_with("error: ") && line.contains("database");
                match seat.revive() {
                    Ok(Some(_)) if last().lines().any(without_a_database) => {}
                    Ok(Some(status)) => {
                        problems.push(format!("{} ended by itself: {status}: {}", seat.name, last()));
                    }
                    Ok(None) => {}
                    Err(error) => problems.push(error),
                }
            }
            thread::sleep(RESTART);
        }
        problems
    }

    /// Everything ends in order and nothing is left; what was not so.
    pub fn close(&self) -> Vec<String> {
        let mut problems = Vec::new();
        // Workers hand in what they have while the servers are there.
        for seats in [&self.workers, &self.servers] {
            seats.iter().for_each(|seat| seat.signal(libc::SIGTERM));
            problems.extend(seats.iter().filter_map(|seat| seat.end().err()));
        }
        for seat in self.seats() {
            let said = seat.said();
            let bad = said.lines().find(|line| line.contains("panicked"));
            problems.extend(bad.map(|line| format!("{}: {line}", seat.name)));
        }
        let left = self.mark.processes();
        problems.extend(left.into_iter().map(|pid| format!("still alive: {}", crate::kin::command(pid))));
        problems
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.seats().for_each(Seat::kill);
        self.mark.kill_all();
    }
}

/// What all processes of an installation share.
struct Shared<'a> {
    plan: &'a Plan,
    transport: Transport,
    dir: &'a Path,
    name: &'a str,
}

impl Shared<'_> {
    fn server(&self, number: usize, database: &Database) -> Fallible<Seat> {
        let (plan, dir) = (self.plan, self.dir);
        let mut seat = self.seat(format!("server-{number}"), database.link()?)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let arguments = [
            "server".to_owned(),
            format!("--listen={address}"),
            format!("--admin-password={PASSWORD}"),
            format!("--jwt-secret={SECRET}"),
            format!("--pipeline-config={}", dir.join("many.hcl").display()),
            format!("--var=dir={}", dir.display()),
            format!("--state-dir={}", dir.join("servers-state").display()),
            format!("--work-dir={}", seat.home.join("work").display()),
            "--run-worker=false".to_owned(),
            format!("--lease={}s", plan.lease.as_secs()),
            "--renew-interval=1s".to_owned(),
        ];
        seat.arguments.splice(0..0, arguments);
        seat.arguments.extend(database.flags(seat.database.as_ref(), dir));
        Ok(seat)
    }

    fn worker(&self, number: usize, token: &str) -> Fallible<Seat> {
        let mut seat = self.seat(format!("worker-{number}"), None)?;
        seat.is_worker = true;
        seat.arguments.splice(0..0, ["worker".to_owned(), format!("--concurrency={CONCURRENCY}")]);
        seat.environment.push(("WORKER_TOKEN", token.to_owned()));
        Ok(seat)
    }

    fn seat(&self, name: String, database: Option<Proxy>) -> Fallible<Seat> {
        let address = self.transport.address()?;
        let link = Proxy::open(&address.place, self.transport.speech())?;
        let arguments = self.transport.flags(&address, &link, self.name).to_vec();
        let mut seat = Seat::new(name, link, database);
        seat.home = self.dir.join(&seat.name);
        fs::create_dir_all(&seat.home).map_err(|error| error.to_string())?;
        seat.program.clone_from(&self.plan.program);
        self.name.clone_into(&mut seat.mark);
        seat.arguments = arguments;
        Ok(seat)
    }
}

fn prepare(dir: &Path) -> Fallible<()> {
    let text = |error: std::io::Error| format!("{}: {error}", dir.display());
    fs::create_dir_all(dir.join("ledger")).map_err(text)?;
    fs::write(dir.join("many.hcl"), job::PIPELINE).map_err(text)?;
    fs::write(dir.join("task.sh"), include_str!("task.sh")).map_err(text)
}

fn url(server: &Seat) -> Option<String> {
    let address = server.arguments.iter().find_map(|flag| flag.strip_prefix("--listen="))?;
    Some(format!("http://{address}"))
}

fn start_in_turn(servers: &[Seat], urls: &[String]) -> Fallible<()> {
    for (server, url) in servers.iter().zip(urls) {
        server.start(false)?;
        Client::login(std::slice::from_ref(url), PASSWORD)
            .map_err(|error| format!("{error}\n{}", server.said()))?;
    }
    Ok(())
}

fn token(program: &Path) -> Fallible<String> {
    let output = Command::new(program).args(["worker-token", &format!("--jwt-secret={SECRET}")]).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if token.is_empty() { Err(String::from_utf8_lossy(&output.stderr).into_owned()) } else { Ok(token) }
}
