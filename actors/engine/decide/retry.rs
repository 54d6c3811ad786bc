//! What a person may do with a build: run it again, or end it; and why not.

use std::collections::BTreeMap;

use pikoci_model::build::{Build, BuildStatus};
use pikoci_model::pipeline::Pipeline;

/// Whether `source` may run again under the current definition.
///
/// # Errors
/// Why not, in words.
pub fn may_retry(source: &Build, current: &Pipeline) -> Result<(), String> {
    let shown = format!("build #{} of \"{}\"", source.number, source.job_name);
    match (source.status, current.job(&source.job_name)) {
        (BuildStatus::Pending | BuildStatus::Started, _) => {
            Err(format!("{shown} is {}; retry it when it has ended", source.status))
        }
        (_, None) => Err(format!("job \"{}\" is not in the pipeline any more", source.job_name)),
        (_, Some(job)) if job.disable_retry => Err(format!("job \"{}\" says disable_retry = true", job.name)),
        _ => Ok(()),
    }
}

/// The values of a build's inputs.
///
/// # Errors
/// The first name that the job does not declare.
pub fn inputs(job: &str, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    match given.keys().next() {
        Some(name) => Err(format!("unknown input \"{name}\": job \"{job}\" declares no inputs")),
        None => Ok(BTreeMap::new()),
    }
}
