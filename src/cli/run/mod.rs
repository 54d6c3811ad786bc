//! `pikoci run`: one job on this machine, without server, database or queue.
//!
//! The worker is the ordinary one; its server is a [`server::LocalServer`] on a bus in this process, which prints and
//! stores nothing. What is local about the run is in the plan ([`plan`]): the worker knows nothing of it.

mod nearby;
mod plan;
mod print;
mod server;
mod versions;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use pikoci_model::{
    pipeline::Pipeline,
    port::{Clock, CompileRequest},
    text::SecretValue,
    version::VersionValue,
};

pub use self::server::LocalServer;
use super::{Exit, console, pipeline as pipeline_file, vars};
use crate::{clock::SystemClock, config, wire};

/// The command.
pub fn command() -> Command {
    let many = |name: &'static str, value: &'static str| {
        Arg::new(name).long(name).value_name(value).action(ArgAction::Append)
    };
    Command::new("run")
        .about("Run one job here, without a server")
        .arg(Arg::new("pipeline-config").long("pipeline-config").short('p').required(true).value_name("FILE"))
        .arg(Arg::new("job").long("job").short('j').required(true).value_name("NAME"))
        .arg(many("var", "NAME=VALUE").help("Value for a variable; replaces its secret"))
        .arg(Arg::new("vars").long("vars").short('v').value_name("FILE").help("JSON file with values"))
        .arg(many("resource", "TYPE.NAME=PATH").help("Copy PATH instead of fetching the resource"))
        .arg(many("version", "TYPE.NAME=JSON").help("Use this version of the resource"))
        .arg(
            Arg::new("with-puts")
                .long("with-puts")
                .action(ArgAction::SetTrue)
                .help("Run put steps, which are skipped otherwise"),
        )
        .arg(
            Arg::new("no-secrets")
                .long("no-secrets")
                .action(ArgAction::SetTrue)
                .help("Fetch no secret (R103)"),
        )
        .arg(
            Arg::new("state-dir")
                .long("state-dir")
                .value_name("DIR")
                .help("Where the journal of services is [$XDG_STATE_HOME/pikoci, /var/lib/pikoci as root]"),
        )
        .arg(
            Arg::new("keep-workdir")
                .long("keep-workdir")
                .action(ArgAction::SetTrue)
                .help("Keep the work directory"),
        )
        .arg(
            Arg::new("allow-secret-args")
                .long("allow-secret-args")
                .action(ArgAction::SetTrue)
                .help("Allow secrets in process arguments"),
        )
        .arg(
            Arg::new(pipeline_file::ALLOW_INSECURE)
                .long(pipeline_file::ALLOW_INSECURE)
                .action(ArgAction::SetTrue)
                .help("Allow http:// in source"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Print the plan and run nothing"),
        )
        .arg(
            Arg::new("log-level")
                .long("log-level")
                .default_value("error")
                .value_parser(["debug", "info", "warn", "error"]),
        )
}

/// What the command line asks for.
pub struct Asked {
    pub file: PathBuf,
    pub job: String,
    pub resources: BTreeMap<String, PathBuf>,
    pub versions: BTreeMap<String, VersionValue>,
    pub with_puts: bool,
    pub no_secrets: bool,
    pub keep_workdir: bool,
    pub state_dir: Option<PathBuf>,
    pub dry_run: bool,
}

/// Runs it.
pub fn run(matches: &ArgMatches, nursery: wire::Nursery) -> Exit {
    crate::logging::start(matches.get_one::<String>("log-level").map_or("error", String::as_str), false);
    let prepared = asked(matches).and_then(|asked| Ok((compiled(matches, &asked)?, asked)));
    match prepared {
        Ok((Some((pipeline, secrets)), asked)) => go(asked, pipeline, secrets, nursery),
        Ok((None, _)) => Exit::Usage,
        Err(error) => {
            console::error(&error);
            Exit::Usage
        }
    }
}

fn asked(matches: &ArgMatches) -> Result<Asked, String> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let pairs = |name: &str| -> Result<Vec<(String, String)>, String> {
        let given = matches.get_many::<String>(name).into_iter().flatten();
        given
            .map(|pair| match pair.split_once('=') {
                Some((resource, value)) if resource.contains('.') => {
                    Ok((resource.to_owned(), value.to_owned()))
                }
                _ => Err(format!("--{name} `{pair}` (expected type.name=…)")),
            })
            .collect()
    };
    let mut versions = BTreeMap::new();
    for (resource, json) in pairs("version")? {
        let value = serde_json::from_str(&json)
            .map_err(|e| format!("--version {resource}: {e} (expected a JSON object)"))?;
        versions.insert(resource, VersionValue(value));
    }
    let mut resources = BTreeMap::new();
    for (resource, path) in pairs("resource")? {
        let path =
            Path::new(&path).canonicalize().map_err(|e| format!("--resource {resource}: {path}: {e}"))?;
        resources.insert(resource, path);
    }
    Ok(Asked {
        file: PathBuf::from(text("pipeline-config")),
        job: text("job"),
        resources,
        versions,
        with_puts: matches.get_flag("with-puts"),
        no_secrets: matches.get_flag("no-secrets"),
        keep_workdir: matches.get_flag("keep-workdir"),
        state_dir: matches.get_one::<String>("state-dir").map(PathBuf::from),
        dry_run: matches.get_flag("dry-run"),
    })
}

type Compiled = (Pipeline, BTreeMap<String, SecretValue>);

/// The pipeline; `None` if its errors were printed. With overrides the file may be a fragment: an override supplies
/// what an undeclared resource would.
fn compiled(matches: &ArgMatches, asked: &Asked) -> Result<Option<Compiled>, String> {
    let given: Vec<String> = matches.get_many::<String>("var").into_iter().flatten().cloned().collect();
    let request = CompileRequest {
        file: asked.file.display().to_string(),
        source: std::fs::read(&asked.file).map_err(|error| format!("{}: {error}", asked.file.display()))?,
        vars: vars::read(matches.get_one::<String>("vars").map(Path::new), &given)?,
        now: SystemClock::new().now(),
        fragment: !asked.resources.is_empty(),
        lenient_vars: false,
        strict: false,
        fetch: true,
    };
    let compiler = wire::compiler(&wire::CompilerSettings {
        allow_secret_args: matches.get_flag("allow-secret-args"),
        ..wire::CompilerSettings::local(matches.get_flag(pipeline_file::ALLOW_INSECURE))
    });
    let compilation = wire::block_on(compiler.compile(request));
    pipeline_file::report(compiler.as_ref(), &compilation.diagnostics);
    Ok(compilation.pipeline.map(|mut pipeline| {
        nearby::resolve(&mut pipeline, &asked.file);
        (pipeline, compilation.given_secrets)
    }))
}

fn go(
    asked: Asked,
    pipeline: Pipeline,
    secrets: BTreeMap<String, SecretValue>,
    nursery: wire::Nursery,
) -> Exit {
    let name = pipeline_file::name_of_file(&asked.file);
    let prepared = match plan::prepare(&asked, &name, pipeline, secrets) {
        Ok(prepared) => prepared,
        Err(error) => {
            console::error(&error);
            return Exit::Usage;
        }
    };
    if asked.dry_run {
        print::dry_run(&prepared);
        return Exit::Success;
    }
    let host = config::Host::read();
    wire::in_system(async move {
        let worker = wire::LocalWorker {
            state_dir: asked.state_dir,
            keep_workdir: asked.keep_workdir,
            fetch_secrets: !asked.no_secrets,
        };
        match wire::local_worker(&host, nursery, worker).await {
            Ok((mut worker, mut server)) => {
                let exit = server.run_job(prepared).await;
                if server.is_in_a_hurry() {
                    worker.stop_in_a_hurry().await;
                } else {
                    worker.stop().await;
                }
                exit
            }
            Err(error) => {
                console::error(&error);
                Exit::Failed
            }
        }
    })
}
