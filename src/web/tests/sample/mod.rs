//! One context for each page, with the invented data that the pages were drawn with.

mod build;
mod history;
mod pipeline;
mod workers;

use pikoci_web::graph::GraphModel;
use pikoci_web::page::*;

pub use build::{broken_promise, build, lost_run, running_build, second_run};
pub use history::{job_page, resource};
pub use pipeline::{graph_input, pipeline, pipelines};
pub use workers::workers;

/// When all samples are looked at, ms since the epoch.
pub const NOW: i64 = 1_927_274_472_000;

const SHOP: &str = "/teams/main/pipelines/shop";

/// The frame of a page of pipeline `shop`.
pub fn frame(crumbs: Vec<Crumb>) -> Frame {
    Frame {
        team: "main".into(),
        user: Some("alice".into()),
        csrf: "c5f".into(),
        theme: Theme::System,
        now: NOW,
        events: String::new(),
        trouble: None,
        workers: Some(3),
        may_see_workers: true,
        crumbs,
    }
}

fn way(last: &[&str]) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb::link("main", "/teams/main/pipelines")];
    for (i, name) in last.iter().enumerate() {
        crumbs.push(if i + 1 == last.len() { Crumb::here(*name) } else { Crumb::link(*name, SHOP) });
    }
    crumbs
}

/// The login, after a wrong password.
pub fn login() -> LoginPage {
    let frame = Frame { user: None, team: String::new(), workers: None, ..frame(Vec::new()) };
    LoginPage {
        frame,
        next: "/teams/main/pipelines".into(),
        username: "alice".into(),
        error: Some("The name or the password is wrong.".into()),
    }
}

/// A refusal.
pub fn error(status: u16) -> ErrorPage {
    ErrorPage {
        frame: frame(Vec::new()),
        status,
        code: format!("A{status}"),
        message: "there is no pipeline `shpo` in team `main`; did you mean `shop`?".into(),
        advice: String::new(),
        request_id: "01JD".into(),
    }
}

/// Every page by name.
pub fn pages() -> Vec<(&'static str, String)> {
    let empty = PipelinesPage { pipelines: Vec::new(), ..pipelines() };
    let mut lit = pipeline();
    let mut input = graph_input();
    input.lit = ["git.app", "unit", "lint", "integration"].map(str::to_owned).into();
    (lit.graph, lit.lit) = (GraphModel::new(&input, true), Some("git.app 9f0c1d7".into()));
    vec![
        ("login", render_login(&login())),
        ("pipelines", render_pipelines(&pipelines())),
        ("pipelines-empty", render_pipelines(&empty)),
        ("pipeline", render_pipeline(&pipeline())),
        ("pipeline-lit", render_pipeline(&lit)),
        ("job", render_job(&job_page())),
        ("build", render_build(&build())),
        ("build-running", render_build(&running_build())),
        ("build-broken", render_build(&broken_promise())),
        ("build-second-run", render_build(&second_run())),
        ("build-lost-run", render_build(&lost_run())),
        ("resource", render_resource(&resource())),
        ("workers", render_workers(&workers())),
        ("workers-empty", render_workers(&WorkersPage { workers: Vec::new(), ..workers() })),
        ("error-404", render_error(&error(404))),
        ("error-500", render_error(&error(500))),
    ]
}
