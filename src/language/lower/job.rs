//! `job "name"`.

use std::collections::BTreeSet;

use hcl_edit::structure::Body;
use pikoci_model::pipeline::{Job, OnWorkerLoss};

use super::step::PlanStage;
use super::{Declared, Name, Reader, resource};
use crate::diagnostic::Code;
use crate::slug;

/// More tags than this are refused.
const MAX_TAGS: usize = 10;

/// Lowers a job with its steps and hooks.
pub fn lower(stage: &mut PlanStage<'_, '_>, declared: &Declared<'_>) -> Job {
    let body = &declared.block.body;
    let mut reader = stage.reader();
    let description = reader.plain(body, "description").map(|text| text.text).unwrap_or_default();
    let job = Job {
        name: declared.name.text.clone(),
        description,
        public: reader.boolean(body, "public").unwrap_or(false),
        tags: tags(&mut reader, body),
        concurrency: concurrency(&mut reader, body),
        serial_groups: serial_groups(&mut reader, body),
        timeout: reader.limit(body, "timeout"),
        disable_retry: reader.boolean(body, "disable_retry").unwrap_or(false),
        allow_failure: reader.boolean(body, "allow_failure").unwrap_or(false),
        interruptible: reader.boolean(body, "interruptible").unwrap_or(false),
        on_worker_loss: on_worker_loss(&mut reader, body),
        steps: Vec::new(),
        hooks: pikoci_model::step::Hooks::default(),
    };
    let steps = stage.steps(body);
    let hooks = stage.hooks(body);
    if steps.is_empty() && !has_unsupported_steps(body) {
        let message = format!("job \"{}\" has no steps: it succeeds at once", declared.name.text);
        let mut reader = stage.reader();
        let finding = reader.finding(Code::EmptyPlan, declared.name.span.clone(), message);
        reader.push(finding);
    }
    Job { steps, hooks, ..job }
}

/// Whether there are blocks that were refused: the job is not empty then.
fn has_unsupported_steps(body: &Body) -> bool {
    body.blocks()
        .any(|block| !matches!(block.ident.as_str(), "on_success" | "on_failure" | "on_cancel" | "ensure"))
}

fn tags(reader: &mut Reader<'_>, body: &Body) -> Vec<String> {
    let tags = resource::tags(reader, body);
    let span = body.get_attribute("tags").map_or(0..0, |attribute| reader.value_span(attribute));
    if tags.len() > MAX_TAGS {
        let message = format!("a job has at most {MAX_TAGS} tags, found {}", tags.len());
        let finding = reader.finding(Code::Tags, span.clone(), message);
        reader.push(finding);
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = tags.iter().find(|tag| !seen.insert(tag.as_str())) {
        let finding = reader.finding(Code::Tags, span, format!("tag \"{twice}\" is given twice"));
        reader.push(finding);
    }
    tags
}

fn concurrency(reader: &mut Reader<'_>, body: &Body) -> u32 {
    let Some((number, span)) = reader.integer(body, "concurrency") else { return 0 };
    match u32::try_from(number) {
        Ok(number) => number,
        Err(_) => {
            let message = if number < 0 { "must not be below zero" } else { "is too large" };
            let finding =
                reader.finding(Code::NegativeConcurrency, span, format!("\"concurrency\" {message}"));
            reader.push(finding);
            0
        }
    }
}

fn serial_groups(reader: &mut Reader<'_>, body: &Body) -> Vec<String> {
    let groups: Vec<Name> = reader.names(body, "serial_groups").unwrap_or_default();
    let mut seen = BTreeSet::new();
    for group in &groups {
        let complaint = match (slug::is_slug(&group.text), seen.insert(group.text.as_str())) {
            (false, _) => "cannot name a serial group",
            (true, false) => "is given twice",
            (true, true) => continue,
        };
        let finding =
            reader.finding(Code::SerialGroup, group.span.clone(), format!("\"{}\" {complaint}", group.text));
        let slug = slug::slugify(&group.text);
        reader.push(if slug.is_empty() || slug == group.text { finding } else { finding.suggestion(slug) });
    }
    groups.into_iter().map(|group| group.text).collect()
}

fn on_worker_loss(reader: &mut Reader<'_>, body: &Body) -> OnWorkerLoss {
    let words = [("retry", OnWorkerLoss::Retry), ("fail", OnWorkerLoss::Fail)];
    choice(reader, body, "on_worker_loss", &words).unwrap_or_default()
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    reader: &mut Reader<'_>,
    body: &Body,
    name: &str,
    words: &[(&str, T)],
) -> Option<T> {
    let text = reader.plain(body, name)?;
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text.text) {
        return Some(*meaning);
    }
    let wanted = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
    let finding = reader
        .finding(Code::AttributeType, text.span, format!("\"{name}\" must be {wanted}"))
        .suggest(&text.text, words.iter().map(|(word, _)| *word));
    reader.push(finding);
    None
}
