//! Wiring: the only place that names concrete adapters.

mod accounts;
mod agreement;
mod export;
mod fault;
mod local;
mod metrics;
mod node;
mod outside;
mod remote;
mod replay;
mod server;
mod supervisor;
mod transport;
mod worker;

use std::{future::Future, sync::Arc, time::Duration};

pub use fault::{Fault, PanicIn};
pub use local::{LocalWorker, local_worker};
pub use outside::token_by_hand;
pub use pikoci_exec::nursery::{
    NurseryHandle as Nursery, fork_nursery, hide_arguments, let_go_of_code, reap_orphans,
};
use pikoci_fetch::FetchPolicy;
use pikoci_language::{LanguageCompiler, LanguageOptions};
use pikoci_model::{
    pipeline::Pipeline,
    port::{Compilation, Compiler},
};
pub use remote::remote_worker;
pub use replay::{journal, replay};
pub use server::{RunningServer, ServerStart, start_server};
pub use supervisor::unit_warning;
pub use worker::{NURSERY_COMMAND, RunningWorker, harden, nursery_main};

/// What an operator decides about pipelines.
#[derive(Clone, Debug)]
pub struct CompilerSettings {
    pub min_check_interval: Duration,
    pub allow_secret_args: bool,
    pub allow_insecure_sources: bool,
    pub source_allow: Vec<String>,
    /// Whether sources may name private addresses: on one's own machine, yes.
    pub allow_private: bool,
}

impl CompilerSettings {
    /// For a pipeline file on one's own machine. `http://` needs to be allowed here too: what is valid here is valid on a
    /// server.
    pub fn local(allow_insecure_sources: bool) -> Self {
        Self {
            min_check_interval: Duration::from_secs(1),
            allow_secret_args: false,
            allow_insecure_sources,
            source_allow: Vec::new(),
            allow_private: true,
        }
    }
}

/// A compiler with these settings.
pub fn compiler(settings: &CompilerSettings) -> Arc<dyn Compiler> {
    let policy = FetchPolicy {
        allow_insecure: settings.allow_insecure_sources,
        allow_private: settings.allow_private,
        allowed_hosts: (!settings.source_allow.is_empty()).then(|| settings.source_allow.clone()),
        ..FetchPolicy::default()
    };
    let options = LanguageOptions {
        min_check_interval: settings.min_check_interval,
        allow_secret_args: settings.allow_secret_args,
        allow_insecure_sources: settings.allow_insecure_sources,
    };
    Arc::new(LanguageCompiler::new(options, policy))
}

/// The compiler of `pikoci pipeline …`.
pub fn local_compiler(allow_insecure_sources: bool) -> Arc<dyn Compiler> {
    let min_check_interval = Duration::from_secs(10);
    compiler(&CompilerSettings { min_check_interval, ..CompilerSettings::local(allow_insecure_sources) })
}

/// The graph of a pipeline that is not saved, as SVG or DOT.
pub fn draw_graph(name: &str, pipeline: &Pipeline, svg: bool) -> String {
    let model = pikoci_web::graph_of_file("main", name, pipeline, false);
    if svg { model.svg_export() } else { model.dot_export() }
}

/// Threads for blocking work are kept, so there are not too many.
const BLOCKING_THREADS: usize = 64;
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Runs one future to its end on this thread.
pub fn block_on(future: impl Future<Output = Compilation>) -> Compilation {
    actix_rt::System::new().block_on(future)
}

/// Runs the program's actors and everything else on this thread until `future` ends.
pub fn in_system<T>(future: impl Future<Output = T>) -> T {
    let system = actix_rt::System::with_tokio_rt(runtime);
    system.block_on(future)
}

/// A runtime that has a thread for blocking work from the start and keeps it: where the host has none left, such work
/// waits for that one instead of panicking.
fn runtime() -> actix_rt::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let builder = builder.enable_all().thread_keep_alive(FOR_EVER).max_blocking_threads(BLOCKING_THREADS);
    #[expect(clippy::expect_used, reason = "a program without threads and timers cannot begin")]
    let runtime = builder.build().expect("the system has no descriptors or threads left");
    runtime.spawn_blocking(|| ());
    runtime.into()
}
