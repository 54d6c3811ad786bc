//! What must hold for the rows.

use std::collections::BTreeSet;

use crate::{
    cell::Cell,
    faults::{FAULTS, NOT_HAD},
    kind::Kind,
    phase::Phase,
    pipeline,
};

#[test]
fn names_are_unique_and_what_is_not_had_exists() {
    let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    for (name, phases, why) in NOT_HAD {
        assert!(names.contains(name), "{name}");
        assert!(!phases.is_empty() && !why.is_empty());
    }
    let kinds: BTreeSet<&str> = Kind::all().map(Kind::name).collect();
    assert_eq!(kinds.len(), Kind::all().count());
}

#[test]
fn a_pipeline_has_a_job_for_each_kind() {
    let kinds: Vec<Kind> = Kind::all().collect();
    for fault in &FAULTS {
        for phase in Phase::ALL {
            let text = pipeline::text(Cell { phase, fault }, &kinds);
            for kind in Kind::all() {
                assert!(text.contains(&format!("job \"{}\" {{", kind.name())), "{}", kind.name());
            }
        }
    }
}
