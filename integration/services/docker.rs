//! Tasks and services in containers, as a scenario.

use super::perform;
use crate::docker::engine::Engine;

#[test]
fn tasks_and_services_run_in_containers_and_nothing_is_left() {
    let engine = Engine::start();
    engine.import_images();
    perform("docker", |script| {
        script.env.insert("DOCKER_HOST".to_owned(), engine.host());
    });
    assert_eq!(engine.containers(), Vec::<String>::new());
}
