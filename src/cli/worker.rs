//! `pikoci worker`, and `pikoci worker journal …`: what earlier builds on this host owe, and what a person does about it.

use std::{path::Path, sync::Arc};

use clap::{Arg, ArgAction, ArgMatches, Command};
use pikoci_exec::journal::{ItemView, ServiceView, StateDirectory, StopState};

use super::{Exit, console};
use crate::{
    config::{Host, WorkerConfig, WorkerFlags},
    shutdown::{self, Asked, Interrupts},
    wire,
};

/// The command.
pub fn command() -> Command {
    WorkerFlags::command().args_conflicts_with_subcommands(true).subcommand(
        Command::new("journal")
            .about("Services whose stop is owed by earlier builds on this host")
            .subcommand_required(true)
            .subcommand(list_command())
            .subcommand(replay_command())
            .subcommand(forget_command()),
    )
}

/// Where the journal is.
pub fn state_dir() -> Arg {
    Arg::new("state-dir")
        .long("state-dir")
        .value_name("DIR")
        .help("Where the journal is [$XDG_STATE_HOME/pikoci, /var/lib/pikoci as root]")
}

fn list_command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    Command::new("list").about("Print what the journal holds").arg(state_dir()).arg(json)
}

fn replay_command() -> Command {
    Command::new("replay")
        .about("Run the stops that are owed; exit code 0 when nothing is pending after that")
        .arg(state_dir())
        .arg(Arg::new("item").long("item").value_name("ITEM").help("Of this item only"))
        .arg(
            Arg::new("wait")
                .long("wait")
                .action(ArgAction::SetTrue)
                .help("Wait for builds that are being ended right now"),
        )
}

fn forget_command() -> Command {
    Command::new("forget")
        .about("Never run the stop of this service instance; who said so and why is written down")
        .arg(state_dir())
        .arg(Arg::new("id").required(true).value_name("ID").help("The instance, as `list` shows it"))
        .arg(Arg::new("reason").long("reason").required(true).value_name("TEXT").help("Why"))
}

/// Runs it.
pub fn run(matches: &ArgMatches, nursery: wire::Nursery) -> Exit {
    let Some(("journal", matches)) = matches.subcommand() else { return work(matches, nursery) };
    let Some((act, matches)) = matches.subcommand() else { return Exit::Usage };
    crate::logging::start("warn", false);
    let given = matches.get_one::<String>("state-dir").map(String::as_str);
    let directory = Host::read().state_directory_or(given);
    let done = match act {
        "list" => list(&directory, matches.get_flag("json")),
        "replay" => {
            let item = matches.get_one::<String>("item").map(String::as_str);
            replay(&directory, nursery, item, matches.get_flag("wait"))
        }
        _ => {
            let word = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
            forget(&directory, &word("id"), &word("reason"))
        }
    };
    done.unwrap_or_else(|error| {
        console::error(&error);
        Exit::Failed
    })
}

/// Takes work until it is asked to end.
fn work(matches: &ArgMatches, nursery: wire::Nursery) -> Exit {
    let flags = WorkerFlags::from_matches(matches);
    let host = Host::read();
    let read = WorkerConfig::read(&flags, &host).and_then(|config| Ok((config.token()?, config)));
    let (token, config) = match read {
        Ok(read) => read,
        Err(error) => {
            console::error(&error);
            return Exit::Usage;
        }
    };
    crate::logging::start(&config.log.log_level, config.log.log_format == "json");
    wire::in_system(async move {
        match wire::remote_worker(&config, &token, &host, nursery, &flags).await {
            Ok(worker) => serve(worker).await,
            Err(error) => {
                console::error(&error);
                Exit::Failed
            }
        }
    })
}

/// QUIT drains, TERM and INT stop, a second one is in a hurry.
async fn serve(mut worker: wire::RunningWorker) -> Exit {
    let mut interrupts = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            console::error(&error);
            return Exit::Failed;
        }
    };
    shutdown::reap();
    wire::let_go_of_code();
    let mut asked = tokio::select! {
        asked = interrupts.asked() => asked,
        _ = worker.ended() => {
            tracing::error!("the worker cannot go on");
            return Exit::Failed;
        }
    };
    loop {
        match asked {
            Asked::Drain => tracing::info!("draining: what runs is finished, nothing new is taken"),
            Asked::Stop => tracing::info!("stopping: running builds end, their services are stopped"),
        }
        let ended = async {
            match asked {
                Asked::Drain => worker.drain().await,
                Asked::Stop => worker.stop().await,
            }
        };
        tokio::select! {
            whole = ended => return if whole { Exit::Success } else { Exit::Failed },
            next = interrupts.asked() => {
                if asked == Asked::Stop {
                    worker.hurry();
                } else {
                    asked = next;
                }
            }
        }
    }
}

/// None where there was never a worker: looking must not make one.
fn open(directory: &Path) -> Result<Option<Arc<StateDirectory>>, String> {
    if directory.exists() { wire::journal(directory).map(Some) } else { Ok(None) }
}

fn views(directory: &Path) -> Result<Vec<ItemView>, String> {
    let Some(state) = open(directory)? else { return Ok(Vec::new()) };
    state.view().map_err(|error| error.to_string())
}

fn list(directory: &Path, json: bool) -> Result<Exit, String> {
    let views = views(directory)?;
    if json {
        return Ok(console::line(serde_json::to_string_pretty(&views).map_err(|error| error.to_string())?));
    }
    Ok(console::result(&all(&views, |_| true)))
}

fn replay(directory: &Path, nursery: wire::Nursery, item: Option<&str>, wait: bool) -> Result<Exit, String> {
    let Some(state) = open(directory)? else { return Ok(Exit::Success) };
    let views = wire::replay(&state, nursery, item, wait)?;
    let said = console::result(&all(&views, |view| !view.services.is_empty()));
    let pending = views.iter().any(ItemView::is_pending);
    Ok(if pending { Exit::Failed } else { said })
}

fn forget(directory: &Path, id: &str, reason: &str) -> Result<Exit, String> {
    let instance =
        id.parse().map_err(|_| format!("`{id}` is no instance (expected an ID that `list` shows)"))?;
    let instance = pikoci_model::id::InstanceId(instance);
    let state = open(directory)?.ok_or_else(|| format!("no journal at {}", directory.display()))?;
    let views = state.view().map_err(|error| error.to_string())?;
    let of = |view: &&ItemView| view.services.iter().any(|service| service.instance == instance);
    let view = views.iter().find(of).ok_or_else(|| format!("no service instance {id} in the journal"))?;
    let item = state.item(&view.item).map_err(|error| error.to_string())?;
    let lock = item.open_lock().map_err(|error| error.to_string())?;
    let held = lock.try_hold().map_err(|error| error.to_string())?;
    if held.is_none() {
        return Err(format!("{}: its build is running or being ended; its stop needs nobody", view.item));
    }
    state.forget(&item, instance, reason).map_err(|error| error.to_string())?;
    Ok(Exit::Success)
}

/// A line for each item, and one for each of its services.
fn all(views: &[ItemView], wanted: impl Fn(&ItemView) -> bool) -> String {
    let mut lines = String::new();
    for view in views.iter().filter(|view| wanted(view)) {
        let of = view.manifest.as_ref().map_or_else(
            || "no manifest".to_owned(),
            |manifest| {
                format!("{} #{} run {} slot {}", manifest.job, manifest.number, manifest.run, manifest.slot)
            },
        );
        lines.push_str(&format!("{}  {of}{}\n", view.item, if view.held { "  (running)" } else { "" }));
        view.services.iter().for_each(|service| lines.push_str(&format!("  {}\n", line(service))));
    }
    lines
}

/// One service, for people.
pub fn line(service: &ServiceView) -> String {
    let ServiceView { instance, name, service_type, tries, by, .. } = service;
    let state = match service.state {
        StopState::Stopped => format!("stopped by {}", by.word()),
        StopState::Pending => "stop pending".to_owned(),
        StopState::Failed => format!("stop failed {tries} times"),
        StopState::Superseded | StopState::Unreadable => "stop pending".to_owned(),
    };
    let detail = if service.detail.is_empty() { String::new() } else { format!(": {}", service.detail) };
    let since = service.started_at.format("%Y-%m-%d %H:%M:%S");
    format!("{instance}  {name} ({service_type}), started {since}, {state}{detail}")
}
