//! The server of this process: store, engine, web, and the worker inside.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use pikoci_engine::{
    decide::lease::LeaseTimes,
    server::{Bells, Server, ServerDeps, ServerHandle, Settings},
    supervise::Roster,
};
use pikoci_model::{
    port::{Clock, Compiler, Control, Signals, Store},
    text::SecretValue,
};
use pikoci_seal::HostKey;
use pikoci_store::{OpenOptions, SqlStore};
use pikoci_web::{Export, WebDeps, WebServer, WebSettings};

use super::{
    CompilerSettings, Fault, Nursery, PanicIn, accounts,
    agreement::agree,
    compiler,
    export::exports,
    metrics, outside,
    transport::{self, Outside},
    worker::{RunningWorker, WorkerStart, start_worker},
};
use crate::{
    clock::SystemClock,
    config::{DbSystem, Host, ServerConfig},
};

/// What a server is started with.
pub struct ServerStart<'a> {
    pub config: &'a ServerConfig,
    pub host: &'a Host,
    pub nursery: Nursery,
    pub listener: TcpListener,
    /// Seed of the fault-injecting transport.
    pub chaos: Option<u64>,
    /// Injected on purpose.
    pub fault: Option<Fault>,
}

/// A server that runs.
pub struct RunningServer {
    pub address: SocketAddr,
    /// The first admin's generated password.
    pub password: Option<String>,
    pub control: Arc<dyn Control>,
    pub compiler: Arc<dyn Compiler>,
    pub store: Arc<SqlStore>,
    /// What a worker elsewhere needs, if this server has none of its own.
    pub worker_token: Option<String>,
    engine: ServerHandle,
    web: WebServer,
    worker: Option<RunningWorker>,
}

/// Starts everything on this thread.
///
/// # Errors
/// What could not be had, in words.
pub async fn start_server(start: ServerStart<'_>) -> Result<RunningServer, String> {
    super::harden();
    let ServerStart { config, host, nursery, listener, chaos, fault } = start;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let store = Arc::new(open_store(config, host).await?);
    let accounts::Generated { password } = accounts::prepare(store.as_ref(), config).await?;
    let session_key = accounts::session_key(store.as_ref(), config).await?;
    agree(store.as_ref(), config, &session_key).await?;
    let compiler = compiler(&compiler_settings(config));
    let (ahead, cut, panic) = parts(fault);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::ahead(ahead));
    let signals: Arc<dyn Signals> = transport::signals(Arc::new(Bells::new()), chaos);
    let worker_token = outside::token_to_print(config, &session_key, store.as_ref()).await?;
    let ways = transport::join(config, &session_key, store.clone(), Arc::clone(&clock), chaos, cut).await?;
    let (node, bus) = ways.server;
    let engine = Server::start(ServerDeps {
        store: Arc::clone(&store) as Arc<dyn Store>,
        bus,
        compiler: Arc::clone(&compiler),
        clock: Arc::clone(&clock),
        signals: Arc::clone(&signals),
        node,
        settings: engine_settings(config),
    });
    let control = engine.control();
    let export = exports(Arc::clone(&store), &state_dir(config, host));
    let web = pikoci_web::serve(
        listener,
        WebDeps {
            store: Arc::clone(&store) as Arc<dyn Store>,
            control: Arc::clone(&control),
            signals,
            compiler: Arc::clone(&compiler),
            clock,
            waits: engine.waits(),
            settings: web_settings(config, session_key, &engine, ways.outside, export),
        },
    );
    let worker = ways.worker.map(|(node, bus)| {
        let (name, state_dir) = (config.name.clone(), state_dir(config, host));
        WorkerStart { fault: panic, ..WorkerStart::of(&config.building, host, bus, node, name, state_dir) }
    });
    match face_and_worker(web, worker, nursery).await {
        Ok((web, worker)) => Ok(RunningServer {
            address,
            password,
            control,
            compiler,
            store,
            worker_token,
            engine,
            web,
            worker,
        }),
        Err(error) => {
            abandon(engine, &store).await;
            Err(error)
        }
    }
}

/// Each fault where it belongs.
fn parts(fault: Option<Fault>) -> (TimeDelta, Option<PathBuf>, Option<PanicIn>) {
    match fault {
        None => (TimeDelta::zero(), None, None),
        Some(Fault::ClockAhead(ahead)) => (ahead, None, None),
        Some(Fault::CutWhile(file)) => (TimeDelta::zero(), Some(file), None),
        Some(Fault::Panic(call)) => (TimeDelta::zero(), None, Some(call)),
    }
}

/// What already runs is ended in order: actors without their runtime would only add noise.
async fn abandon(engine: ServerHandle, store: &SqlStore) {
    engine.stop().await;
    store.close().await;
}

async fn face_and_worker(
    web: impl Future<Output = std::io::Result<WebServer>>,
    worker: Option<WorkerStart<'_>>,
    nursery: Nursery,
) -> Result<(WebServer, Option<RunningWorker>), String> {
    let web = web.await.map_err(|error| error.to_string())?;
    let worker = worker.map(|worker| start_worker(worker, nursery, &Roster::default()));
    match worker.transpose() {
        Ok(worker) => Ok((web, worker)),
        Err(error) => {
            web.stop().await;
            Err(error)
        }
    }
}

impl RunningServer {
    /// Waits until an actor without which this is no server has given up; says which and why.
    pub async fn fallen(&self) -> String {
        self.engine.fallen().await
    }

    /// Finishes what runs, up to the drain's limit.
    pub async fn drain(&mut self) -> bool {
        self.engine.drain();
        match &mut self.worker {
            Some(worker) => worker.drain().await,
            None => true,
        }
    }

    /// Ends what runs: builds first, with their services; true if nothing was lost.
    pub async fn stop_worker(&mut self) -> bool {
        self.engine.drain();
        match &mut self.worker {
            Some(worker) => worker.stop().await,
            None => true,
        }
    }

    /// After a second signal.
    pub fn hurry(&self) {
        if let Some(worker) = &self.worker {
            worker.hurry();
        }
    }

    /// The rest, once the worker has ended: engine, web (whose streams have seen the ends of the builds), store.
    pub async fn close(self) {
        self.engine.stop().await;
        self.web.stop().await;
        self.store.close().await;
    }
}

async fn open_store(config: &ServerConfig, host: &Host) -> Result<SqlStore, String> {
    let file = || host.directory("XDG_DATA_HOME", ".local/share").join("pikoci.db");
    let database = config.database.database(file).map_err(|error| error.to_string())?;
    // In memory too: what is exported from there is of use only with the key.
    let key_file = config.database.host_key_file.clone();
    let key_file = key_file.unwrap_or_else(|| state_dir(config, host).join("host.key"));
    let host_key = HostKey::load_or_create(&key_file).map_err(|error| error.to_string())?;
    SqlStore::open(OpenOptions { database, host_key }).await.map_err(|error| error.to_string())
}

fn state_dir(config: &ServerConfig, host: &Host) -> PathBuf {
    let given = config.building.state_dir.clone();
    given.unwrap_or_else(|| host.state_directory())
}

fn compiler_settings(config: &ServerConfig) -> CompilerSettings {
    CompilerSettings {
        min_check_interval: config.min_check_interval,
        allow_secret_args: config.building.allow_secret_args,
        allow_insecure_sources: config.allow_insecure_sources,
        source_allow: config.source_allow.clone(),
        allow_private: config.allow_insecure_sources,
    }
}

fn engine_settings(config: &ServerConfig) -> Settings {
    let zone = iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok());
    Settings {
        leases: LeaseTimes {
            lease: config.lease,
            renew_every: config.renew_interval,
            silent_after: config.silent_after,
        },
        zone: zone.unwrap_or(chrono_tz::Tz::UTC),
        external_url: config.external_url.trim_end_matches('/').to_owned(),
        fail_builds_at_stop: config.database.db_system == DbSystem::Mem,
        ..Settings::default()
    }
}

fn web_settings(
    config: &ServerConfig,
    session_key: String,
    engine: &ServerHandle,
    outside: Option<Outside>,
    export: Export,
) -> WebSettings {
    WebSettings {
        external_url: config.external_url.trim_end_matches('/').to_owned(),
        session_lifetime: (config.session_lifetime > Duration::ZERO).then_some(config.session_lifetime),
        version: crate::VERSION.to_owned(),
        commit: option_env!("PIKOCI_COMMIT").unwrap_or_default().to_owned(),
        worker_tokens: outside::tokens(&session_key),
        session_key: SecretValue::new(session_key),
        extra_metrics: Some(metrics::publish(engine, outside.clone())),
        transport: outside.map(|outside| outside::health(outside, engine.meter())),
        export,
        threads: 2,
    }
}
