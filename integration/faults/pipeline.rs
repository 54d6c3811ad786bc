//! The pipeline of a cell: a job for each kind of service.

use std::collections::BTreeSet;

use crate::{cell::Cell, fault::Act, kind::Kind, phase::Phase};

/// Longer than any run on a busy machine, shorter than anybody's patience.
const LONG: &str = "10m";
/// The time that is over in the cells of timeouts. The phase must be reached before.
const SHORT: &str = "4s";

/// Its text, for these kinds, and a plain one for whoever runs a job beside.
pub fn text(cell: Cell, kinds: &[Kind]) -> String {
    let kinds = || Kind::all().filter(|kind| *kind == Kind::Plain || kinds.contains(kind));
    let types: BTreeSet<Kind> = kinds().flat_map(|kind| kind.services().iter().copied()).collect();
    let types: String = types.into_iter().map(|kind| service_type(kind, cell)).collect();
    let jobs: String = kinds().map(|kind| job(kind, cell)).collect();
    format!("variable \"dir\" {{}}\n{types}{jobs}")
}

fn service_type(kind: Kind, cell: Cell) -> String {
    let probing = matches!(cell.phase, Phase::Started | Phase::ProbeHung);
    let patience = if cell.fault.act == Act::StepTimeout && probing { SHORT } else { LONG };
    let form = if kind == Kind::Process { "process" } else { "start" };
    let name = kind.name();
    let parameters = if kind == Kind::Big { "params = [\"a\", \"b\", \"c\"]" } else { "" };
    format!(
        r#"
service_type "{name}" {{
  {parameters}
  {form} "shell" {{ cmd = "exec sh ${{var.dir}}/start.sh {name}" }}
  ready_check "shell" {{
    cmd      = "exec sh ${{var.dir}}/ready.sh {name}"
    interval = "300ms"
    timeout  = "{patience}"
  }}
  stop "shell" {{ cmd = "exec sh ${{var.dir}}/stop.sh" }}
}}
"#
    )
}

/// One variable of an environment may have 128 KB.
fn arguments(kind: Kind) -> String {
    let much = || "x".repeat(100_000);
    match kind {
        Kind::Big => format!("\n    a = \"{}\"\n    b = \"{}\"\n    c = \"{}\"\n  ", much(), much(), much()),
        _ => String::new(),
    }
}

fn job(kind: Kind, cell: Cell) -> String {
    let act = cell.fault.act;
    let of_job = if act == Act::JobTimeout { SHORT } else { LONG };
    let of = |phase: Phase| if act == Act::StepTimeout && cell.phase == phase { SHORT } else { LONG };
    let (of_hello, of_task) = (of(Phase::BeforeIntent), of(Phase::MidTask));
    let built_in = kind.runtime().map(|runtime| {
        format!("  service \"redis\" {{\n    runtime = \"{runtime}\"\n    port = \"0\"\n  }}\n")
    });
    let built_in = built_in.unwrap_or_default();
    let services = kind.services().iter();
    let services: String = services
        .map(|service| format!("  service \"{}\" {{{}}}\n", service.name(), arguments(*service)))
        .collect();
    format!(
        r#"
job "{name}" {{
  timeout = "{of_job}"
  task "hello" {{
    timeout = "{of_hello}"
    run "shell" {{ cmd = "exec sh ${{var.dir}}/hello.sh" }}
  }}
{built_in}{services}  task "work" {{
    timeout = "{of_task}"
    run "shell" {{ cmd = "exec sh ${{var.dir}}/task.sh {name}" }}
  }}
}}
"#,
        name = kind.name()
    )
}
