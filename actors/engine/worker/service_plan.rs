//! What a service needs before it can start: its runtime, its port, its names, its commands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pikoci_model::id::InstanceId;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::{BuiltinService, ServiceType};
use pikoci_model::step::{Command, ServiceStep};
use pikoci_model::text::Value;

use super::conduct::workplace_failure;
use super::exports::of_service;
use super::site::{Site, Specifics};

/// How a built-in service is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Docker,
    Host,
}

impl Runtime {
    fn word(self) -> &'static str {
        match self {
            Runtime::Docker => "docker",
            Runtime::Host => "host",
        }
    }
}

/// A service whose open questions are answered.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    pub start: Command,
    /// `start` *is* the service.
    pub foreground: bool,
    pub stop: Option<Command>,
    pub specifics: Specifics,
    pub data: Option<PathBuf>,
    /// For later steps.
    pub exports: BTreeMap<String, String>,
    /// `127.0.0.1:5432`, where it is known.
    pub address: String,
    /// The `version` parameter, where it has one.
    pub version: String,
}

/// Answers them: asks the host for an engine, a free port, a data directory.
///
/// # Errors
/// `R150`: the type has no command for what was asked, or the host does not have what it needs.
pub(crate) async fn plan_service(
    site: &Site,
    declared: &ServiceType,
    service: &ServiceStep,
    name: &str,
    instance: InstanceId,
) -> Result<ServicePlan, Failure> {
    let mut specifics =
        Specifics { expand_params: true, ..Specifics::of_params(&declared.defaults, &service.params) };
    specifics.plain.insert("SERVICE_NAME".to_owned(), name.to_owned());
    specifics.plain.insert("SERVICE_INSTANCE".to_owned(), instance.to_string());
    let version = param(site, &specifics, "version")?.unwrap_or_default();
    let mut plan = match &declared.builtin {
        None => users_own(declared, name)?,
        Some(builtin) => built_in(site, declared, (name, instance), builtin, &mut specifics, service).await?,
    };
    plan.specifics = specifics;
    plan.version = version;
    Ok(plan)
}

fn users_own(declared: &ServiceType, name: &str) -> Result<ServicePlan, Failure> {
    let (start, foreground) = match (&declared.process, &declared.start) {
        (Some(process), _) => (process.clone(), true),
        (None, Some(start)) => (start.clone(), false),
        (None, None) => return Err(failed(name, "its type has neither `start` nor `process`")),
    };
    Ok(ServicePlan {
        start,
        foreground,
        stop: declared.stop.clone(),
        specifics: Specifics::default(),
        data: None,
        exports: BTreeMap::new(),
        address: String::new(),
        version: String::new(),
    })
}

async fn built_in(
    site: &Site,
    declared: &ServiceType,
    (name, instance): (&str, InstanceId),
    builtin: &BuiltinService,
    specifics: &mut Specifics,
    service: &ServiceStep,
) -> Result<ServicePlan, Failure> {
    let workplace = &site.ground.ports.workplace;
    let asked = param(site, specifics, "runtime")?.unwrap_or_else(|| "auto".to_owned());
    let runtime = runtime(site, declared, &asked, name).await?;
    let port = port(site, specifics, service, name).await?;
    let plain = &mut specifics.plain;
    let mut set = |key: &str, value: String| plain.insert(key.to_owned(), value);
    set("SERVICE_RUNTIME", runtime.word().to_owned());
    set("SERVICE_HOST", LOOPBACK.to_owned());
    set("SERVICE_CONTAINER", container_name(site, &builtin.suffix));
    set("PIKOCI_PLACE", place(site));
    set("PIKOCI_DOCKER", site.ground.settings.docker_binary.clone());
    if !site.ground.settings.owner.is_empty() {
        set("PIKOCI_OWNER", site.ground.settings.owner.clone());
    }
    if let Some(port) = port {
        set("SERVICE_PORT", port.to_string());
    }
    let mut data = None;
    if runtime == Runtime::Host {
        let dir = workplace.make_service_data(instance).await.map_err(|error| workplace_failure(&error))?;
        set("SERVICE_DATA", dir.to_string_lossy().into_owned());
        data = Some(dir);
    }
    let own = match runtime {
        Runtime::Host => users_own(declared, name)?,
        Runtime::Docker => {
            let only_start = ServiceType { process: None, ..declared.clone() };
            users_own(&only_start, name)?
        }
    };
    Ok(ServicePlan {
        data,
        exports: port.map(|port| of_service(name, LOOPBACK, port)).unwrap_or_default(),
        address: port.map(|port| format!("{LOOPBACK}:{port}")).unwrap_or_default(),
        ..own
    })
}

const LOOPBACK: &str = "127.0.0.1";

async fn runtime(site: &Site, declared: &ServiceType, asked: &str, name: &str) -> Result<Runtime, Failure> {
    let workplace = &site.ground.ports.workplace;
    match asked {
        "docker" => Ok(Runtime::Docker),
        "host" => Ok(Runtime::Host),
        "auto" => {
            if declared.start.is_some() && workplace.engine_answers().await {
                return Ok(Runtime::Docker);
            }
            let Some(process) = &declared.process else {
                let text = "no container engine answers, and its type has no form that runs on the host";
                return Err(failed(name, text));
            };
            let program = process.path.as_ref().and_then(|path| path.as_literal()).unwrap_or_default();
            // A path with a slash is a shell as a rule; what it needs, its script says itself.
            let named = process.runner == "exec" && !program.contains('/');
            if named && workplace.find_program(program).is_none() {
                let text =
                    format!("neither a container engine answers nor is `{program}` installed on the worker");
                return Err(failed(name, &text));
            }
            Ok(Runtime::Host)
        }
        other => Err(failed(name, &format!("runtime is `{other}`; it can be `auto`, `docker` or `host`"))),
    }
}

/// The port to publish on: the asked one; a free one for `0`, and for a parallel build that asked for none.
async fn port(
    site: &Site,
    specifics: &mut Specifics,
    service: &ServiceStep,
    name: &str,
) -> Result<Option<u16>, Failure> {
    let Some(text) = param(site, specifics, "port")? else { return Ok(None) };
    let asked = service.params.contains_key("port");
    let port: u16 = text
        .parse()
        .map_err(|_| failed(name, &format!("port is `{text}`; it must be a number from 0 to 65535")))?;
    let port = match port {
        0 => free_port(site).await?,
        _ if site.slot() > 0 && !asked => free_port(site).await?,
        port => port,
    };
    specifics.params.insert("port".to_owned(), Value::Scalar(port.to_string().into()));
    Ok(Some(port))
}

async fn free_port(site: &Site) -> Result<u16, Failure> {
    site.ground.ports.workplace.free_port().await.map_err(|error| workplace_failure(&error))
}

/// What a build slot is held for: where it is the same, whoever is not of this build is left over.
fn place(site: &Site) -> String {
    let plan = &site.plan;
    format!("{}/{}/{}/{}", plan.team, plan.pipeline, plan.job.name, site.slot())
}

/// `pikoci-<pipeline>-<job>-<suffix>`, with the slot where it is not 0.
fn container_name(site: &Site, suffix: &str) -> String {
    let base = format!("pikoci-{}-{}-{suffix}", site.plan.pipeline, site.plan.job.name);
    match site.slot() {
        0 => base,
        slot => format!("{base}-{slot}"),
    }
}

fn param(site: &Site, specifics: &Specifics, name: &str) -> Result<Option<String>, Failure> {
    let value = specifics.params.get(name);
    Ok(value.map(|value| site.secrets.clear_value(value, str::to_owned)).transpose()?.map(|clear| clear.text))
}

/// `R150` with the service's name.
pub(crate) fn failed(name: &str, reason: &str) -> Failure {
    Failure::coded(RunCode::R150, format!("service \"{name}\" did not start: {reason}"))
}
