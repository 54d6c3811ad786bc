//! `pikoci server`.

use std::{io::ErrorKind, net::TcpListener, path::Path};

use clap::{ArgMatches, Command};
use pikoci_model::port::{Refusal, SavePipeline, store::AccountStore};

use super::{Exit, console, pipeline as pipeline_file, vars};
use crate::{
    config::{Host, ServerConfig, ServerFlags},
    shutdown::{self, Asked, Interrupts},
    wire::{self, RunningServer, ServerStart},
};

/// The command.
pub fn command() -> Command {
    ServerFlags::command()
}

/// Runs it until it is asked to end.
pub fn run(matches: &ArgMatches, nursery: wire::Nursery) -> Exit {
    let flags = ServerFlags::from_matches(matches);
    let host = Host::read();
    let config = match ServerConfig::read(&flags, &host) {
        Ok(config) => config,
        Err(error) => {
            console::error(&error);
            return Exit::Usage;
        }
    };
    let fault = match flags.fault.as_deref().map(str::parse).transpose() {
        Ok(fault) => fault,
        Err(error) => {
            console::error(&error);
            return Exit::Usage;
        }
    };
    crate::logging::start(&config.log.log_level, config.log.log_format == "json");
    let address = config.listen.clone().unwrap_or_else(|| format!("0.0.0.0:{}", config.port));
    let listener = match TcpListener::bind(&address) {
        Ok(listener) => listener,
        Err(error) => {
            console::error(format_args!("cannot listen on {address}: {error}"));
            let no_address = error.kind() == ErrorKind::InvalidInput;
            return if no_address { Exit::Usage } else { Exit::Failed };
        }
    };
    wire::in_system(async move {
        let chaos = flags.chaos;
        let start = ServerStart { config: &config, host: &host, nursery, listener, chaos, fault };
        match wire::start_server(start).await {
            Ok(server) => serve(server, &config, &flags).await,
            Err(error) => {
                console::error(&error);
                Exit::Failed
            }
        }
    })
}

async fn serve(mut server: RunningServer, config: &ServerConfig, flags: &ServerFlags) -> Exit {
    let mut interrupts = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            console::error(&error);
            return Exit::Failed;
        }
    };
    shutdown::reap();
    if let Some(file) = &config.pipeline_config
        && let Err(error) = start_up_pipeline(&server, config, file, &flags.vars).await
    {
        console::error(&error);
        server.stop_worker().await;
        server.close().await;
        return Exit::Usage;
    }
    greet(&server, config);
    // Most of what has run so far never runs again.
    wire::let_go_of_code();
    let asked = tokio::select! {
        asked = interrupts.asked() => asked,
        why = server.fallen() => {
            tracing::error!("the server cannot go on: {why}");
            server.stop_worker().await;
            server.close().await;
            return Exit::Failed;
        }
    };
    let whole = end(&mut server, asked, &mut interrupts).await;
    server.close().await;
    if whole { Exit::Success } else { Exit::Failed }
}

/// Drains or stops the worker; a second signal is in a hurry.
async fn end(server: &mut RunningServer, asked: Asked, interrupts: &mut Interrupts) -> bool {
    tracing::info!(
        "{}",
        match asked {
            Asked::Drain => "draining: what runs is finished, nothing new is taken",
            Asked::Stop => "stopping: running builds end, their services are stopped",
        }
    );
    let mut asked = asked;
    loop {
        let ended = async {
            match asked {
                Asked::Drain => server.drain().await,
                Asked::Stop => server.stop_worker().await,
            }
        };
        tokio::select! {
            whole = ended => return whole,
            next = interrupts.asked() => {
                if asked == Asked::Stop {
                    server.hurry();
                } else {
                    asked = next;
                }
            }
        }
    }
}

/// Says where to look, and what to log in with.
fn greet(server: &RunningServer, config: &ServerConfig) {
    let port = server.address.port();
    let ip = server.address.ip();
    let host = if ip.is_unspecified() { "localhost".to_owned() } else { ip.to_string() };
    if let Some(password) = &server.password {
        console::line(format_args!("admin password: {password}"));
    }
    let url = if config.external_url.is_empty() {
        format!("http://{host}:{port}")
    } else {
        config.external_url.clone()
    };
    if let Some(token) = &server.worker_token {
        console::line(format_args!("worker token: {token}"));
    }
    console::line(format_args!("PikoCI is ready: {url} (user admin)"));
    if url != format!("http://{host}:{port}") {
        console::line(format_args!("listening on http://{host}:{port}"));
    }
}

async fn start_up_pipeline(
    server: &RunningServer,
    config: &ServerConfig,
    file: &Path,
    given: &[String],
) -> Result<(), String> {
    let source = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let team = server.store.team(&config.team_canonical).await.map_err(|error| error.to_string())?;
    let team = team.ok_or_else(|| format!("there is no team \"{}\"", config.team_canonical))?;
    let explicit = config.vars.is_some() || !given.is_empty();
    let vars = vars::read(config.vars.as_deref(), given)?;
    let request = SavePipeline {
        team: team.id,
        name: config.pipeline_name.clone().unwrap_or_else(|| pipeline_file::name_of_file(file)),
        source,
        vars: explicit.then_some(vars),
        public: None,
        must_exist: None,
        by: "the configuration".to_owned(),
    };
    match server.control.save_pipeline(request).await {
        Ok(saved) => {
            pipeline_file::report(server.compiler.as_ref(), &saved.diagnostics);
            Ok(())
        }
        Err(Refusal::Pipeline(diagnostics)) => {
            pipeline_file::report(server.compiler.as_ref(), &diagnostics);
            let errors = pipeline_file::errors(&diagnostics).unwrap_or_default();
            Err(format!("{}: {errors}, the server was not started", file.display()))
        }
        Err(refusal) => Err(refusal.to_string()),
    }
}
