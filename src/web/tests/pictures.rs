//! The pictures of a pipeline.

use pikoci_web::graph::{Get, GraphInput, GraphJob, GraphModel, GraphResource};
use pikoci_web::page::State;

use crate::sample;

#[test]
fn dot_has_the_colours_that_scripts_know() {
    let dot = GraphModel::new(&sample::graph_input(), false).dot_export();
    for line in [
        "strict digraph \"shop\" {",
        "  rankdir=LR;",
        "  \"git.app\" [label=\"git.app\", shape=cds, style=\"filled\", fillcolor=\"#83769C\", URL=\"/teams/main/pipelines/shop/resources/git.app\"];",
        "  subgraph \"cluster_migrate\" {",
        "    style=dashed",
        "  \"cron.night\" -> \"lint\" [style=dashed];",
        "  \"unit\" -> \"integration-git.app-in\" [style=solid];",
        "  \"integration-git.app-in\" -> \"integration\" [style=solid];",
        "  \"deploy\" -> \"deploy-env.prod-out\" [style=solid];",
    ] {
        assert!(dot.contains(line), "{line}\nis not in\n{dot}");
    }
}

#[test]
fn every_state_has_its_colour() {
    let expected = [
        (State::Running, "#FFA300"),
        (State::Failed, "#FF004D"),
        (State::Succeeded, "#00A83A"),
        (State::Cancelled, "#AB5236"),
        (State::Paused, "#29ADFF"),
        (State::NotRun, "#83769C"),
        (State::Warning, "#FFEC27"),
        (State::Pending, "#C2C3C7"),
    ];
    for (state, colour) in expected {
        let mut input = sample::graph_input();
        input.resources.clear();
        input.jobs.retain(|job| job.name == "unit");
        input.jobs[0].state = state;
        let model = GraphModel::new(&input, true);
        assert!(model.dot_export().contains(&format!("fillcolor=\"{colour}\"")), "{state:?}");
        assert!(model.svg_export().contains(&format!("fill=\"{colour}\"")), "{state:?}");
    }
}

#[test]
fn failing_and_pinned_resources_have_their_border() {
    let mut input = sample::graph_input();
    (input.resources[0].failing, input.resources[1].pinned) = (true, true);
    let dot = GraphModel::new(&input, true).dot_export();
    assert!(dot.contains("fillcolor=\"#83769C\", color=\"#FF004D\""), "{dot}");
    assert!(
        dot.contains("style=\"filled,bold\", fillcolor=\"#83769C\", color=\"#FFA300\", penwidth=3"),
        "{dot}"
    );
}

#[test]
fn nodes_do_not_overlap_and_edges_join_their_sides() {
    let model = GraphModel::new(&sample::graph_input(), false);
    let layout = model.layout().expect("it is small");
    for (i, a) in layout.places.iter().enumerate() {
        assert!(a.x - a.width / 2.0 >= 0.0 && a.x + a.width / 2.0 <= layout.width, "{}", model.nodes[i].id);
        for (j, b) in layout.places.iter().enumerate().skip(i + 1) {
            let apart = (a.x - b.x).abs() >= (a.width + b.width) / 2.0
                || (a.y - b.y).abs() >= (a.height + b.height) / 2.0;
            assert!(apart, "{} lies on {}", model.nodes[i].id, model.nodes[j].id);
        }
    }
    for (edge, route) in model.edges.iter().zip(&layout.routes) {
        let (from, to) = (layout.places[edge.from], layout.places[edge.to]);
        assert!((route[0].0 - from.x - from.width / 2.0).abs() < 0.5, "{route:?}");
        assert!((route[route.len() - 1].0 - to.x + to.width / 2.0).abs() < 0.5, "{route:?}");
    }
}

#[test]
fn a_state_does_not_move_the_picture() {
    let mut input = sample::graph_input();
    let before = GraphModel::new(&input, true).layout();
    for job in &mut input.jobs {
        job.state = State::Succeeded;
        job.newest = None;
    }
    assert_eq!(GraphModel::new(&input, true).layout(), before);
}

#[test]
fn an_empty_graph_and_a_cycle_are_drawn() {
    let empty = GraphModel::default();
    assert!(empty.svg_live(0).starts_with("<svg"));
    let mut input = sample::graph_input();
    let loops = |job: &GraphJob| job.name == "unit";
    let unit = input.jobs.iter_mut().find(|job| loops(job)).expect("the sample has `unit`");
    unit.gets[0].passed = vec!["integration".into(), "unit".into()];
    let model = GraphModel::new(&input, true);
    assert!(model.layout().is_some_and(|layout| layout.width.is_finite()));
}

/// Each of so many jobs follows those that `follows` says.
fn chained(jobs: usize, follows: impl Fn(usize) -> Vec<usize>) -> GraphModel {
    let job = |at: usize| GraphJob {
        name: format!("j{at}"),
        state: State::NotRun,
        newest: None,
        running: false,
        gets: vec![Get {
            resource: "git.app".into(),
            trigger: true,
            passed: follows(at).into_iter().map(|before| format!("j{before}")).collect(),
        }],
        puts: Vec::new(),
    };
    let resource = GraphResource { name: "git.app".into(), failing: false, pinned: false };
    let input = GraphInput {
        pipeline: "long".into(),
        base: "/p".into(),
        resources: vec![resource],
        jobs: (0..jobs).map(job).collect(),
        ..GraphInput::default()
    };
    GraphModel::new(&input, true)
}

#[test]
fn a_graph_is_drawn_up_to_a_size_and_beyond_it_says_so() {
    // Each thread that answers has a stack of 2 MiB.
    let pictures_of = |jobs: usize, back: usize| {
        let answers = std::thread::Builder::new().stack_size(2 << 20);
        let draw = move || {
            let model = chained(jobs, |at| (1..=back).filter_map(|back| at.checked_sub(back)).collect());
            (model.svg_live(0), model.svg_export())
        };
        answers.spawn(draw).unwrap().join().unwrap()
    };
    for back in [1, 4] {
        let (live, export) = pictures_of(399, back);
        assert!(live.starts_with("<svg") && live.contains("data-id=\"j398\"") && export.contains(">j398<"));
    }
    let (live, export) = pictures_of(5000, 1);
    let said = "With 5001 jobs and resources and 5000 arrows between them this graph is too big to be drawn.";
    assert_eq!(live, format!("<p class=\"dim\">{said}</p>"));
    assert!(export.starts_with("<svg") && export.contains(said), "{export}");
    // Few nodes, but each follows all before it.
    assert!(chained(200, |at| (0..at).collect()).layout().is_none());
}

#[test]
fn the_live_picture_names_the_state_of_each_job() {
    let model = GraphModel::new(&sample::graph_input(), true);
    let svg = model.svg_live(sample::NOW);
    assert!(svg.contains("aria-label=\"integration, #42 · failed 1 m 12 s\""), "{svg}");
    assert!(svg.contains("href=\"/teams/main/pipelines/shop/jobs/deploy/builds\""), "{svg}");
    assert!(svg.contains("running <tspan data-since="), "{svg}");
}
