//! States and reasons in words, with links to what they speak of.

use pikoci_model::{
    build::{Build, BuildStatus, Cause, Phase, StepRecord, Waiting},
    id::BuildId,
    port::store::JobRow,
    version::{Version, VersionValue},
};

use crate::{
    page::{Sentence, State},
    refused::Refused,
    site::Site,
};

/// How a build's status is shown.
pub(super) fn state(status: BuildStatus) -> State {
    match status {
        BuildStatus::Pending => State::Pending,
        BuildStatus::Started => State::Running,
        BuildStatus::Succeeded => State::Succeeded,
        BuildStatus::Failed => State::Failed,
        BuildStatus::Warning => State::Warning,
        BuildStatus::Cancelled => State::Cancelled,
    }
}

/// How a pipeline stands: running while something runs, else as the worst of its jobs' newest builds.
pub(super) fn pipeline_state(jobs: &[JobRow]) -> State {
    let order = |status: BuildStatus| match status {
        BuildStatus::Started => 6,
        BuildStatus::Failed => 5,
        BuildStatus::Warning => 4,
        BuildStatus::Cancelled => 3,
        BuildStatus::Pending => 2,
        BuildStatus::Succeeded => 1,
    };
    let newest = jobs.iter().filter_map(|job| job.latest.as_ref()).map(|build| build.status);
    newest.max_by_key(|status| order(*status)).map_or(State::NotRun, state)
}

/// `integration #42`.
pub(super) fn label(build: &Build) -> String {
    format!("{} #{}", build.job_name, build.number)
}

/// The address of a build's page.
pub(super) fn href(pipeline_base: &str, build: &Build) -> String {
    format!("{pipeline_base}/jobs/{}/builds/{}", build.job_name, build.number)
}

/// Why a queued build waits, with links to what holds it.
pub(super) async fn waiting(site: &Site, base: &str, build: &Build) -> Result<Sentence, Refused> {
    let Some(waiting) = site.deps.waits.waiting(build.id) else {
        return Ok(Sentence::plain("it is about to be given to a worker"));
    };
    match &waiting {
        Waiting::NoVersion { resource } => Ok(Sentence::plain("no version of ")
            .link(resource, format!("{base}/resources/{resource}"))
            .text(" has been found yet")),
        Waiting::Concurrency { limit, held_by } => {
            let plural = if *limit == 1 { "one build runs" } else { "builds run" };
            let start = match limit {
                1 => format!("only {plural} at a time: "),
                n => format!("only {n} {plural} at a time: "),
            };
            holders(site, base, Sentence::plain(start), held_by).await
        }
        Waiting::SerialGroup { group, held_by } => {
            let start = Sentence::plain("serial group ").code(group).text(" is held by ");
            holders(site, base, start, std::slice::from_ref(held_by)).await
        }
        Waiting::Behind { build } => {
            holders(site, base, Sentence::plain("an older build goes first: "), std::slice::from_ref(build))
                .await
        }
        Waiting::NoWorker { .. } | Waiting::WorkersBusy => Ok(Sentence::plain(waiting.to_string())),
    }
}

async fn holders(site: &Site, base: &str, start: Sentence, ids: &[BuildId]) -> Result<Sentence, Refused> {
    let mut sentence = start;
    for (index, id) in ids.iter().take(5).enumerate() {
        let Some(build) = site.deps.store.build(*id).await? else { continue };
        if index > 0 {
            sentence = sentence.text(", ");
        }
        sentence = sentence.link(label(&build), href(base, &build));
    }
    Ok(sentence)
}

/// What started a build.
pub(super) async fn cause(site: &Site, base: &str, build: &Build) -> Result<Sentence, Refused> {
    Ok(match &build.cause {
        Cause::Resource { resource, version } => {
            let sentence = Sentence::default().link(resource, format!("{base}/resources/{resource}"));
            match site.deps.store.version(*version).await? {
                Some(version) => sentence.text(" ").code(short(&version.value)),
                None => sentence,
            }
        }
        Cause::Passed { .. } => Sentence::plain("versions that passed the jobs before"),
        Cause::Manual { by, .. } => Sentence::default().name(by),
        Cause::Retry { source, by, .. } => {
            let sentence = Sentence::default().name(by);
            match site.deps.store.build(*source).await? {
                Some(source) => {
                    sentence.text(", again after ").link(format!("#{}", source.number), href(base, &source))
                }
                None => sentence,
            }
        }
    })
}

/// How a build ended, what it waits for, or what it does now.
pub(super) async fn reason(
    site: &Site,
    base: &str,
    build: &Build,
    steps: &[StepRecord],
) -> Result<Sentence, Refused> {
    Ok(match (build.status, build.phase) {
        (BuildStatus::Pending, _) => waiting(site, base, build).await?,
        (BuildStatus::Started, Phase::Queued | Phase::Claimed) => Sentence::plain("a worker has taken it"),
        (BuildStatus::Started, Phase::Stopping) => Sentence::plain("its services are being stopped"),
        (BuildStatus::Started, _) => {
            match steps.iter().rev().find(|step| step.status == BuildStatus::Started) {
                Some(step) => Sentence::plain(format!("{} ", step.kind)).name(&step.name).text(" runs"),
                None => Sentence::plain("it runs"),
            }
        }
        (BuildStatus::Succeeded, _) => Sentence::plain("all steps succeeded"),
        (BuildStatus::Failed | BuildStatus::Warning, _) => failure(build, steps),
        (BuildStatus::Cancelled, _) => {
            Sentence::plain(build.cancel_requested.clone().unwrap_or_else(|| "it was cancelled".to_owned()))
        }
    })
}

fn failure(build: &Build, steps: &[StepRecord]) -> Sentence {
    let failed = steps.iter().find(|step| step.status == BuildStatus::Failed && step.failure.is_some());
    match (failed, &build.failure) {
        (Some(step), _) => {
            let text = step.failure.as_ref().map(ToString::to_string).unwrap_or_default();
            let named = text.contains(&step.name);
            if named {
                return Sentence::plain(text);
            }
            // The step is what the sentence speaks of: `task test exited with 2`.
            let text = text.strip_prefix("the command ").unwrap_or(&text);
            Sentence::plain(format!("{} ", step.kind)).name(&step.name).text(format!(" {text}"))
        }
        (None, Some(failure)) => Sentence::plain(failure.to_string()),
        (None, None) => Sentence::plain("it failed"),
    }
}

/// Fields that tell versions apart, the most telling first.
const TELLING: [&str; 6] = ["ref", "digest", "tag", "version", "number", "date"];

/// The fields of a version, the identifying one first.
pub(super) fn fields(value: &VersionValue) -> Vec<(String, String)> {
    let mut fields = value.flatten();
    let rank = |name: &str| TELLING.iter().position(|telling| *telling == name).unwrap_or(TELLING.len());
    fields.sort_by_key(|(name, _)| rank(name));
    fields
}

/// A version in a few characters.
pub(super) fn short(value: &VersionValue) -> String {
    let first = fields(value).into_iter().next().map(|(_, text)| text).unwrap_or_default();
    let is_digest = first.len() >= 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit());
    first.chars().take(if is_digest { 7 } else { 24 }).collect()
}

/// `git.app 9f0c1d7`.
pub(super) fn version_label(canonical: &str, version: &Version) -> String {
    format!("{canonical} {}", short(&version.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_most_telling_field() {
        let value = |text: &str| serde_json::from_str::<VersionValue>(text).unwrap();
        assert_eq!(
            short(&value(r#"{"author":"ann","ref":"9f0c1d7aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#)),
            "9f0c1d7"
        );
        assert_eq!(short(&value(r#"{"date":"2031-02-03"}"#)), "2031-02-03");
        assert_eq!(short(&value("{}")), "");
    }
}
