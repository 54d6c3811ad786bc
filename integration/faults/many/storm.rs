//! Faults at random times, some side by side, until it is enough.

use std::{
    sync::{Mutex, PoisonError},
    thread::{self, Scope},
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{
    Plan,
    board::{Board, Build},
    harm::Harm,
    job::Job,
    proxy::Proxy,
    seat::Seat,
    site::Site,
};
use crate::{Fallible, dice::Dice};

/// Until a build that is to be hit runs.
const TO_RUN: Duration = Duration::from_secs(20);
/// Longer a broker or database does not take to be useful again on a busy machine, and everybody to notice.
const TO_GO_ON: Duration = Duration::from_secs(90);
/// Builds that are begun so that one of them can be hit.
const TRIES: usize = 10;
/// Nobody takes builds just now.
const LATER: Duration = Duration::from_millis(500);

/// A fault that was.
#[derive(Clone, Debug)]
pub struct Blow {
    pub harm: Harm,
    pub at: DateTime<Utc>,
}

/// What there is to be broken, and what was.
pub struct Storm<'a> {
    pub plan: &'a Plan,
    pub site: &'a Site,
    pub board: &'a Board,
    blows: Mutex<Vec<Blow>>,
    problems: Mutex<Vec<String>>,
    /// One fault at a time of those that everybody feels.
    everywhere: Mutex<()>,
    /// One at a time of those that last.
    lasting: Mutex<()>,
}

impl<'a> Storm<'a> {
    pub fn new(plan: &'a Plan, site: &'a Site, board: &'a Board) -> Self {
        Self {
            plan,
            site,
            board,
            blows: Mutex::default(),
            problems: Mutex::default(),
            everywhere: Mutex::default(),
            lasting: Mutex::default(),
        }
    }

    /// Draws one pack after the other until enough builds were asked for; in the small size one pack. Then all is well again.
    pub fn rage(&self, seed: u64, enough: impl Fn() -> bool) -> (Vec<Blow>, Vec<String>) {
        let mut dice = Dice::new(seed);
        let pace = u64::try_from(self.plan.pace.as_millis()).unwrap_or(u64::MAX);
        thread::scope(|scope| {
            loop {
                for harm in Harm::shuffled(&mut dice, self.plan.whole) {
                    thread::sleep(Duration::from_millis(dice.below(2 * pace)));
                    self.strike(scope, harm, Dice::new(dice.roll()));
                }
                if enough() || !self.plan.whole {
                    break;
                }
            }
        });
        self.site.heal();
        (taken(&self.blows), taken(&self.problems))
    }

    fn strike<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, harm: Harm, mut dice: Dice) {
        scope.spawn(move || {
            if let Err(problem) = self.act(harm, &mut dice) {
                locked(&self.problems).push(format!("{}: {problem}", harm.name()));
            }
        });
    }

    fn act(&self, harm: Harm, dice: &mut Dice) -> Fallible<()> {
        let of_the_database = matches!(harm, Harm::DatabaseRestarted | Harm::DatabaseHeld);
        if of_the_database && self.site.servers.iter().all(|server| server.database.is_none()) {
            // It is a file: nothing is between.
            return Ok(());
        }
        match harm {
            Harm::WorkerReplaced | Harm::WorkerRestarted => {
                let fresh = harm == Harm::WorkerReplaced;
                self.with(harm, &self.site.workers, dice, |seat, dice| killed(seat, fresh, dice.below(1000)))
            }
            Harm::ServerKilled => {
                self.with(harm, &self.site.servers, dice, |seat, dice| killed(seat, false, dice.below(3000)))
            }
            Harm::WorkerPartitioned | Harm::WorkerPaused => {
                self.last(harm);
                Ok(())
            }
            Harm::BrokerKilled | Harm::DatabaseRestarted => self.gone(harm, dice),
            Harm::DatabaseHeld => self.with(harm, &self.site.servers, dice, |seat, dice| {
                seat.database.iter().for_each(Proxy::hold);
                thread::sleep(Duration::from_millis(1000 + dice.below(6000)));
                seat.database.iter().for_each(Proxy::heal);
                Ok(())
            }),
            Harm::LinkSlow => self.with_any(harm, dice, |seat, dice| {
                seat.broker.slow(Duration::from_millis(50 + dice.below(250)));
                thread::sleep(Duration::from_millis(2000 + dice.below(6000)));
                Ok(())
            }),
            Harm::LinkLossy => self.with_any(harm, dice, |seat, dice| {
                for _ in 0..8 {
                    let stalls = dice.once_in(2);
                    if stalls {
                        seat.broker.hold()
                    } else {
                        seat.broker.cut()
                    }
                    thread::sleep(Duration::from_millis(dice.below(1000)));
                    seat.broker.heal();
                    thread::sleep(Duration::from_millis(dice.below(500)));
                }
                Ok(())
            }),
            Harm::LinksCut => {
                self.struck(harm);
                self.site.seats().for_each(|seat| {
                    seat.broker.cut();
                    seat.database.iter().for_each(Proxy::cut);
                });
                Ok(())
            }
        }
    }

    fn struck(&self, harm: Harm) {
        locked(&self.blows).push(Blow { harm, at: now() });
    }

    /// Some place that no other fault has.
    fn with(
        &self,
        harm: Harm,
        seats: &[Seat],
        dice: &mut Dice,
        act: impl FnOnce(&Seat, &mut Dice) -> Fallible<()>,
    ) -> Fallible<()> {
        let first = usize::try_from(dice.below(seats.len() as u64)).unwrap_or_default();
        let turned = seats.iter().cycle().skip(first).take(seats.len());
        let Some(seat) = turned.into_iter().find(|seat| seat.take()) else { return Ok(()) };
        self.struck(harm);
        let done = act(seat, dice);
        seat.give_back();
        done
    }

    fn with_any(
        &self,
        harm: Harm,
        dice: &mut Dice,
        act: impl FnOnce(&Seat, &mut Dice) -> Fallible<()>,
    ) -> Fallible<()> {
        let seats = if dice.once_in(3) { &self.site.servers } else { &self.site.workers };
        self.with(harm, seats, dice, |seat, dice| {
            let done = act(seat, dice);
            seat.broker.heal();
            done
        })
    }

    /// A worker with a long build is cut off, or stopped, for two leases.
    fn last(&self, harm: Harm) {
        // With another one going on this card is not played.
        let Ok(_alone) = self.lasting.try_lock() else { return };
        for _ in 0..TRIES {
            // Another fault may hit the worker first, or keep the build from running.
            let Some(seat) = self.busy_with_long().filter(|seat| seat.take()) else { continue };
            self.struck(harm);
            let paused = harm == Harm::WorkerPaused;
            if paused {
                seat.signal(libc::SIGSTOP)
            } else {
                seat.broker.hold()
            }
            thread::sleep(self.plan.lease * 2);
            if paused {
                seat.signal(libc::SIGCONT)
            } else {
                seat.broker.heal()
            }
            seat.give_back();
            break;
        }
    }

    /// The worker that runs a new long build; none if it does not come to that.
    fn busy_with_long(&self) -> Option<&Seat> {
        let Ok(number) = self.site.client.trigger(Job::Long) else {
            thread::sleep(LATER);
            return None;
        };
        let key = (Job::Long, number);
        self.board.promised(key);
        let runs = |build: &Build| build.phase == "running" && build.run == 1;
        self.board.wait(TO_RUN, |builds| builds.get(&key).is_some_and(runs));
        let worker =
            self.board.builds().get(&key).filter(|build| runs(build)).map(|build| build.worker.clone());
        self.site.workers.iter().find(|seat| worker.as_ref() == Some(&seat.called()))
    }

    /// Broker or database are away, for everybody.
    fn gone(&self, harm: Harm, dice: &mut Dice) -> Fallible<()> {
        let _alone = locked(&self.everywhere);
        let is_broker = harm == Harm::BrokerKilled;
        let away = Duration::from_millis(dice.below(3000));
        self.struck(harm);
        let backend = if is_broker { &self.site.broker } else { &self.site.base };
        if let Some(backend) = backend {
            backend.kill_and_restart(away)?;
            return self.goes_on();
        }
        let links = || {
            self.site
                .seats()
                .filter_map(|seat| if is_broker { Some(&seat.broker) } else { seat.database.as_ref() })
        };
        links().for_each(Proxy::refuse);
        thread::sleep(away);
        // A link that another fault holds stays held.
        links().for_each(Proxy::welcome);
        self.goes_on()
    }

    /// Builds succeed again; until then nothing else is taken from everybody.
    fn goes_on(&self) -> Fallible<()> {
        let back = now();
        let after =
            |build: &Build| build.status == "succeeded" && build.ended.is_some_and(|ended| ended > back);
        if self.board.wait(TO_GO_ON, |builds| builds.values().any(after)) {
            return Ok(());
        }
        Err(format!("no build succeeded for {} s after it was back", TO_GO_ON.as_secs()))
    }
}

fn killed(seat: &Seat, fresh: bool, pause: u64) -> Fallible<()> {
    seat.kill();
    thread::sleep(Duration::from_millis(pause));
    seat.start(fresh)
}

fn locked<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn taken<T>(what: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *locked(what))
}

/// By the clock that the servers on this machine have, too.
#[expect(clippy::disallowed_methods, reason = "compared with what the servers write, by the system's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
