//! Workers.

use pikoci_web::page::*;

use super::{NOW, SHOP, frame};

fn on(build: &str, ago: i64) -> BuildOnWorker {
    let href = format!("{SHOP}/jobs/{build}/builds/42");
    BuildOnWorker { build: Sentence::default().link(format!("shop / {build} #42"), href), since: NOW - ago }
}

fn worker(name: &str, stand: WorkerStand) -> WorkerCard {
    WorkerCard {
        name: name.into(),
        stand,
        host: format!("{name}.example, linux x86_64"),
        version: "0.3.0".into(),
        slots: 2,
        tags: Vec::new(),
        exclusive: false,
        team: None,
        started_at: Some(NOW - 90_000_000),
        seen_at: Some(NOW - 3_000),
        warnings: Vec::new(),
        builds: Vec::new(),
        pending: Vec::new(),
    }
}

/// All workers, and one that is gone and has left something.
pub fn workers() -> WorkersPage {
    let mut online = worker("lab-1", WorkerStand::Online);
    online.builds = vec![on("integration", 72_000), on("migrate", 40_000)];
    online.tags = vec!["linux".into(), "board".into()];
    let mut warned = worker("lab-2", WorkerStand::Silent);
    warned.seen_at = Some(NOW - 21_000);
    warned.warnings = vec!["journal is not durable (tmpfs)".into()];
    let mut lost = worker("lab-3", WorkerStand::Lost);
    lost.pending = vec![
        PendingStop {
            service: "postgresql".into(),
            of: on("integration", 190_000),
            failed: false,
            reason: String::new(),
        },
        PendingStop {
            service: "kafka".into(),
            of: on("integration", 180_000),
            failed: true,
            reason: "stop exited with 1".into(),
        },
    ];
    let mut gone = worker("lab-4", WorkerStand::Lost);
    (gone.host, gone.started_at, gone.seen_at) = (String::new(), None, None);
    gone.pending = vec![lost.pending[0].clone()];
    WorkersPage {
        frame: Frame {
            events: "/workers/events".into(),
            team: String::new(),
            ..frame(vec![Crumb::here("workers")])
        },
        workers: vec![lost, gone, warned, online],
    }
}
