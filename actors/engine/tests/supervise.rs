//! Actors that panic, err, hang and stop, and what becomes of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use pikoci_engine::supervise::{
    Actor, Budget, Child, Door, Exit, Flow, Housing, Life, Obituary, Receive, Roster, Spec, Undelivered,
    start, supervise,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Long enough for a loaded machine; reached only when the expected event never comes.
const DEADLINE: Duration = Duration::from_secs(20);

struct Patient {
    born: u32,
    seen: UnboundedSender<String>,
    child: Option<Child<Patient>>,
    on_start: fn(u32),
}

enum Do {
    Say(&'static str),
    Panic,
    PanicInFuture,
    Fail,
    Finish,
    HaveChild,
    Block(Arc<Mutex<mpsc::Receiver<()>>>),
}

impl Actor for Patient {
    const MAILBOX: usize = 4;
    type State = u32;

    fn started(&mut self, _: &mut Life<'_, Self>) -> Flow {
        (self.on_start)(self.born);
        self.seen.send(format!("born {}", self.born)).unwrap();
        Ok(())
    }

    fn state(&self) -> u32 {
        self.born
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        let _ = self.seen.send(format!("dropped {}", self.born));
    }
}

impl Receive<Do> for Patient {
    fn receive(&mut self, message: Do, life: &mut Life<'_, Self>) -> Flow {
        match message {
            Do::Say(word) => self.seen.send(format!("{word} {}", self.born)).unwrap(),
            Do::Panic => panic!("as asked"),
            Do::PanicInFuture => {
                life.spawn(async {
                    tokio::task::yield_now().await;
                    if std::hint::black_box(true) {
                        panic!("in a future");
                    }
                    Do::Finish
                });
            }
            Do::Fail => return Err(Exit::Failed("as asked".into())),
            Do::Finish => return Err(Exit::Finished),
            Do::HaveChild => {
                let seen = self.seen.clone();
                self.child = Some(life.start("child", move || Patient {
                    born: 100,
                    seen,
                    child: None,
                    on_start: |_| panic!("stillborn"),
                }));
            }
            Do::Block(until) => {
                let _ = until.lock().unwrap().recv();
            }
        }
        Ok(())
    }
}

impl Receive<Obituary> for Patient {
    fn receive(&mut self, message: Obituary, _: &mut Life<'_, Self>) -> Flow {
        self.seen.send(format!("lost {}: {}", message.name, message.exit)).unwrap();
        Ok(())
    }
}

struct Ward {
    roster: Roster,
    child: Child<Patient>,
    seen: UnboundedReceiver<String>,
    buried: UnboundedReceiver<Obituary>,
}

impl Ward {
    fn kept(spec: Spec) -> Self {
        Self::kept_with(spec, |_| {})
    }

    fn kept_with(spec: Spec, on_start: fn(u32)) -> Self {
        let (seen_in, seen) = unbounded_channel();
        let (buried_in, buried) = unbounded_channel();
        let births = AtomicU32::new(0);
        let roster = Roster::default();
        let parent = Door::into_fn(move |obituary| drop(buried_in.send(obituary)));
        let child = supervise(&roster, spec, parent, move || Patient {
            born: births.fetch_add(1, Ordering::Relaxed) + 1,
            seen: seen_in.clone(),
            child: None,
            on_start,
        });
        Ward { roster, child, seen, buried }
    }

    async fn sees(&mut self, expected: &str) {
        let next = tokio::time::timeout(DEADLINE, self.seen.recv()).await;
        assert_eq!(next.expect(expected).as_deref(), Some(expected));
    }

    async fn buries(&mut self) -> Obituary {
        tokio::time::timeout(DEADLINE, self.buried.recv()).await.expect("an obituary").unwrap()
    }
}

fn quick(name: &str) -> Spec {
    let budget = Budget {
        restarts: 2,
        within: Duration::from_secs(3600),
        first: Duration::from_millis(1),
        longest: Duration::from_millis(1),
    };
    Spec { budget, ..Spec::new(name) }
}

#[actix_rt::test]
async fn a_panic_in_a_handler_rebuilds_the_actor_from_its_factory() {
    let mut ward = Ward::kept(quick("p"));
    ward.sees("born 1").await;
    ward.child.tell(Do::Panic).unwrap();
    ward.sees("dropped 1").await;
    ward.sees("born 2").await;
    ward.child.tell(Do::Say("alive")).unwrap();
    ward.sees("alive 2").await;
    let counts = ward.roster.counts();
    assert_eq!((counts.panics, counts.restarts, counts.errors), (1, 1, 0));
}

#[actix_rt::test]
async fn a_panic_in_a_spawned_future_and_an_error_rebuild_it_too_then_the_parent_is_told() {
    let mut ward = Ward::kept(quick("p"));
    ward.sees("born 1").await;
    ward.child.tell(Do::PanicInFuture).unwrap();
    ward.sees("dropped 1").await;
    ward.sees("born 2").await;
    ward.child.tell(Do::Fail).unwrap();
    ward.sees("dropped 2").await;
    ward.sees("born 3").await;
    ward.child.tell(Do::Fail).unwrap();
    let obituary = ward.buries().await;
    assert_eq!((obituary.exit, obituary.restarts), (Exit::Failed("as asked".into()), 2));
    assert_eq!(ward.roster.counts().escalations, 1);
    assert!(matches!(ward.child.tell(Do::Finish), Err(Undelivered::Down(_))));
}

#[actix_rt::test]
async fn a_panic_in_started_uses_up_the_budget_and_ends() {
    let mut ward = Ward::kept_with(quick("p"), |_| panic!("at birth"));
    let obituary = ward.buries().await;
    assert!(matches!(&obituary.exit, Exit::Panicked(text) if text.starts_with("at birth")), "{obituary:?}");
    assert_eq!(ward.roster.counts().panics, 3);
    assert!(ward.roster.living().is_empty());
}

#[actix_rt::test]
async fn finishing_and_stopping_are_not_restarted() {
    let mut ward = Ward::kept(quick("p"));
    ward.child.tell(Do::Finish).err();
    ward.sees("born 1").await;
    ward.child.tell(Do::Finish).err();
    assert_eq!(ward.buries().await.exit, Exit::Finished);

    let mut ward = Ward::kept(quick("q"));
    ward.sees("born 1").await;
    ward.child.stop();
    assert_eq!(ward.buries().await.exit, Exit::Stopped);
    assert_eq!(ward.roster.counts().restarts, 0);
}

#[actix_rt::test]
async fn a_hanging_actor_is_replaced_on_another_thread() {
    let mut spec = quick("h");
    spec.housing = Housing::Own { heartbeat: Duration::from_millis(100) };
    let mut ward = Ward::kept(spec);
    ward.sees("born 1").await;
    let first = ward.child.generation();
    let (free, until) = mpsc::channel();
    ward.child.tell(Do::Block(Arc::new(Mutex::new(until)))).unwrap();
    ward.sees("born 2").await;
    assert_ne!(ward.child.generation(), first);
    assert_eq!(ward.roster.counts().kills, 1);
    ward.child.tell(Do::Say("alive")).unwrap();
    ward.sees("alive 2").await;
    drop(free);
    ward.child.stop();
    assert_eq!(ward.buries().await.exit, Exit::Stopped);
}

#[actix_rt::test]
async fn a_parent_learns_of_a_child_that_dies_before_it_lives() {
    let mut ward = Ward::kept(quick("p"));
    ward.sees("born 1").await;
    ward.child.tell(Do::HaveChild).unwrap();
    ward.sees("dropped 100").await;
    let lost = tokio::time::timeout(DEADLINE, ward.seen.recv()).await.unwrap().unwrap();
    assert!(lost.starts_with("lost child: panicked: stillborn"), "{lost}");
    ward.child.tell(Do::Say("alive")).unwrap();
    ward.sees("alive 1").await;
}

#[actix_rt::test]
async fn a_factory_that_panics_is_reported() {
    let (buried_in, mut buried) = unbounded_channel();
    let parent = Door::into_fn(move |obituary: Obituary| drop(buried_in.send(obituary)));
    let child: Child<Patient> = start(&Roster::default(), "f", parent, || panic!("no material"));
    let obituary = tokio::time::timeout(DEADLINE, buried.recv()).await.unwrap().unwrap();
    assert!(
        matches!(&obituary.exit, Exit::Panicked(text) if text.starts_with("no material")),
        "{obituary:?}"
    );
    assert_eq!(child.generation(), None);
}

#[actix_rt::test]
async fn a_full_mailbox_gives_the_message_back_and_the_roster_shows_the_state() {
    let mut ward = Ward::kept(quick("m"));
    ward.sees("born 1").await;
    // Nothing is handled before this task yields, so the mailbox fills up.
    let refused =
        (0..100).filter(|_| matches!(ward.child.tell(Do::Say("x")), Err(Undelivered::Full(_)))).count();
    assert!(refused > 90, "{refused}");
    let entries = ward.roster.observe().await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].name.as_str(), &entries[0].state), ("m", &Some(serde_json::json!(1))));
}
