//! Containers that a command's client starts: known by a label of their own, removed whatever becomes of the client.

use std::time::Duration;

use pikoci_model::id::InstanceId;
use pikoci_model::port::{ServiceLaunch, Spawn, StopCommand};

use super::command::Container;
use super::conduct::{Ear, stop_retries, watch_over};
use super::site::Ground;

/// The client of a container engine exits with this code when no container was made.
pub(super) const NO_CONTAINER: i32 = 125;
/// How long the question after an image may take: it may be pulled.
const IMAGE_LIMIT: Duration = Duration::from_secs(60);
/// Steps' containers stop before every service.
const CONTAINERS: u32 = u32::MAX;

/// Whether the engine answers and cannot have the image. What it said is in the log; other reasons stay the client's.
pub(super) async fn is_absent(ground: &Ground, client: Spawn, container: &Container, ear: &mut Ear) -> bool {
    let program = ground.ports.workplace.program().to_string_lossy().into_owned();
    let mut argv = [program, "internal".to_owned(), "docker-absent".to_owned()].to_vec();
    argv.extend(container.always_pulled.then(|| "--pull".to_owned()));
    argv.push(container.image.clone());
    let mut spawn = Spawn { argv, sink: None, capture: false, files: Vec::new(), ..client };
    spawn.env.insert("PIKOCI_DOCKER".to_owned(), ground.settings.docker_binary.clone());
    let Ok(process) = ground.item.spawn(spawn).await else { return false };
    let (end, _) = watch_over(process, Some(IMAGE_LIMIT), ground.settings.kill_grace, ear).await;
    end.ended.is_success()
}

/// The command, if it has a program, and behind it the removal of these containers by their label.
pub(super) fn then_removed(command: Spawn, containers: &[InstanceId], ground: &Ground) -> Spawn {
    let program = ground.ports.workplace.program().to_string_lossy().into_owned();
    let mut argv = vec![program, "internal".to_owned(), "docker-stop".to_owned()];
    argv.extend(containers.iter().map(InstanceId::to_string));
    if !command.argv.is_empty() {
        argv.push("--".to_owned());
        argv.extend(command.argv);
    }
    let mut spawn = Spawn { argv, ..command };
    spawn.env.insert("PIKOCI_DOCKER".to_owned(), ground.settings.docker_binary.clone());
    spawn
}

/// A container is registered like a service whose start is the client, so that it is removed whatever becomes of that:
/// twice, when the client was ended while the engine may still have been creating.
pub(super) fn contained(start: Spawn, instance: InstanceId, ground: &Ground) -> ServiceLaunch {
    let nothing = Spawn {
        argv: Vec::new(),
        dir: ground.workdir.path.clone(),
        sink: None,
        capture: false,
        files: Vec::new(),
        ..start.clone()
    };
    let spawn = then_removed(nothing, &[instance], ground);
    let stop = StopCommand { spawn, limit: ground.settings.stop_limit, retries: stop_retries() };
    ServiceLaunch {
        instance,
        name: format!("container of {}", start.step),
        service_type: "docker".to_owned(),
        by_identity: true,
        group: CONTAINERS,
        start,
        foreground: false,
        stop: Some(stop),
        data: None,
    }
}
