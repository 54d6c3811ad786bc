//! What every launcher must do, as far as a port can see it: whether a process is really gone is for the adapter's own
//! tests.

mod builds;
mod services;
mod steps;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    id::{InstanceId, StepPath},
    log::{Chunk, Stream},
    outcome::Ended,
    port::{Item, Launcher, LogSink, ProcessEnd, ServiceLaunch, Spawn, StopCommand, WorkItem},
};

/// What a program of the suite does. How it does that is its world's business.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act<'a> {
    /// Ends with this code.
    Exit(i32),
    /// Prints a line on standard output and ends with 0.
    Say(&'a str),
    /// Prints a line on standard error and ends with 0.
    Complain(&'a str),
    /// Prints a variable of its environment as `NAME=value`.
    Show(&'a str),
    /// Prints a file.
    Read(&'a str),
    /// Leaves this word where [`LauncherWorld::marks`] finds it.
    Mark(&'a str),
    /// Runs until it is terminated.
    Hang,
    /// Does not exist.
    Missing,
}

/// A launcher under test, and the programs of its host. Whoever runs the suite sets the limit: the model has no clock.
#[async_trait::async_trait]
pub trait LauncherWorld: Send + Sync {
    /// The launcher.
    fn launcher(&self) -> &dyn Launcher;
    /// A directory that commands can run in.
    fn directory(&self) -> PathBuf;
    /// Program and arguments.
    fn argv(&self, act: Act<'_>) -> Vec<String>;
    /// The environment that the programs need.
    fn env(&self) -> BTreeMap<String, String>;
    /// The words that were left, in order.
    fn marks(&self) -> Vec<String>;
    /// Waits until this word was left.
    async fn marked(&self, word: &str);
}

/// Runs every case; each makes a world of its own.
pub async fn launcher_suite(make: impl Fn() -> Box<dyn LauncherWorld>) {
    steps::every_end_has_its_name(&*make()).await;
    steps::the_environment_is_what_was_given(&*make()).await;
    steps::a_private_file_is_handed_over(&*make()).await;
    steps::streams_are_told_apart_and_numbered(&*make()).await;
    steps::secrets_are_masked_and_kept_for_parsing(&*make()).await;
    steps::an_answer_can_be_kept_out_of_the_log(&*make()).await;
    steps::termination_ends_it_for_all_who_wait(&*make()).await;
    steps::a_closed_item_takes_nothing_more(&*make()).await;
    steps::a_name_must_fit_a_directory(&*make()).await;
    services::a_stop_runs_once(&*make()).await;
    services::whatever_was_attempted_is_stopped(&*make()).await;
    services::a_start_that_is_cut_is_stopped_twice(&*make()).await;
    services::a_failing_stop_is_tried_again_and_told(&*make()).await;
    services::a_foreground_service_is_terminated(&*make()).await;
    services::a_foreground_service_that_ends_is_told(&*make()).await;
    services::a_service_without_an_end_is_refused(&*make()).await;
    services::a_stranger_counts_as_stopped(&*make()).await;
    services::closing_stops_in_reverse_order(&*make()).await;
    services::a_lost_item_is_stopped_as_well(&*make()).await;
    builds::the_smallest_free_slot_is_given(&*make()).await;
    builds::an_item_without_a_build_has_no_slot(&*make()).await;
    builds::settling_forgets_nothing_that_runs(&*make()).await;
}

async fn open(world: &dyn LauncherWorld) -> Arc<dyn WorkItem> {
    let item = Item { name: "b-1-1".to_owned(), workdir: world.directory(), build: None };
    world.launcher().open(item).await.unwrap()
}

fn spawn(world: &dyn LauncherWorld, act: Act<'_>) -> Spawn {
    Spawn {
        step: StepPath::of_plan(0),
        attempt: 1,
        argv: world.argv(act),
        env: world.env(),
        dir: world.directory(),
        files: Vec::new(),
        sink: None,
        capture: true,
        hide_stdout: false,
    }
}

async fn run(item: &dyn WorkItem, spawn: Spawn) -> ProcessEnd {
    item.spawn(spawn).await.unwrap().wait().await
}

/// A service that starts and stops like this.
fn service(world: &dyn LauncherWorld, start: Act<'_>, stop: Act<'_>) -> ServiceLaunch {
    let stop = StopCommand {
        spawn: Spawn { step: StepPath::of_service("db", "stop"), ..spawn(world, stop) },
        limit: Duration::from_secs(30),
        retries: vec![Duration::ZERO, Duration::from_millis(1)],
    };
    ServiceLaunch {
        instance: InstanceId(uuid::Uuid::now_v7()),
        name: "db".to_owned(),
        service_type: "db".to_owned(),
        by_identity: false,
        group: 0,
        start: Spawn { step: StepPath::of_service("db", "start"), ..spawn(world, start) },
        foreground: false,
        stop: Some(stop),
        data: None,
    }
}

fn exited(code: i32) -> Ended {
    Ended::Exited(code)
}

/// Keeps what a log would get.
#[derive(Default)]
struct Kept(Mutex<Vec<Chunk>>);

impl LogSink for Kept {
    fn accept(&self, chunk: Chunk) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
    }
}

impl Kept {
    fn chunks(&self) -> Vec<Chunk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn text(&self, stream: Stream) -> String {
        let of_stream = self.chunks().into_iter().filter(|chunk| chunk.stream == stream);
        of_stream.map(|chunk| String::from_utf8_lossy(&chunk.bytes).into_owned()).collect()
    }
}
