//! `resource "type" "name"`.

use std::collections::BTreeMap;
use std::time::Duration;

use hcl_edit::structure::Body;
use pikoci_model::pipeline::{CheckInterval, Resource, ResourceType};
use pikoci_model::text::Value;

use super::declarations::DeclaredResource;
use super::name::Form;
use super::types::undeclared_param;
use super::{Name, Reader};
use crate::diagnostic::Code;
use crate::interval::{self, IntervalError};

/// How often a resource is checked unless it says otherwise.
const CHECK_INTERVAL: CheckInterval = CheckInterval::Every(Duration::from_secs(60));

/// Lowers a resource; its type is `None` when that is broken or unknown, which was reported.
pub fn lower(
    reader: &mut Reader<'_>,
    declared: &DeclaredResource<'_>,
    resource_type: Option<&ResourceType>,
    minimum_interval: Duration,
) -> Resource {
    let body = &declared.block.body;
    let check_interval = check_interval(reader, body, minimum_interval).unwrap_or(CHECK_INTERVAL);
    Resource {
        type_name: declared.type_name.text.clone(),
        name: declared.name.text.clone(),
        params: params(reader, body, resource_type),
        check_interval,
        tags: tags(reader, body),
        cache: reader.boolean(body, "cache").unwrap_or(resource_type.is_some_and(|it| it.cache)),
        icon: reader.plain(body, "icon").map(|text| text.text).unwrap_or_default(),
        description: reader.plain(body, "description").map(|text| text.text).unwrap_or_default(),
    }
}

/// Params stand in a block or in an object.
fn params(
    reader: &mut Reader<'_>,
    body: &Body,
    resource_type: Option<&ResourceType>,
) -> BTreeMap<String, Value> {
    let block = body.blocks().find(|block| block.ident.as_str() == "params");
    let mut given: Vec<(Name, Value)> = Vec::new();
    if let Some(block) = block {
        given.extend(
            reader.free(&block.body, &[]).into_iter().map(|attribute| (attribute.name, attribute.value)),
        );
    }
    if let Some(attribute) = body.get_attribute("params") {
        if block.is_some() {
            let span = reader.document.span(&attribute.key);
            let finding =
                reader.finding(Code::Duplicate, span, "\"params\" is given as a block and as an attribute");
            reader.push(finding);
        }
        let span = reader.value_span(attribute);
        let value = reader.value(attribute);
        match value.as_ref().map(crate::value::Value::to_object) {
            Some(Ok(entries)) => given.extend(entries.iter().filter_map(|(name, value)| {
                Some((Name { text: name.clone(), span: span.clone() }, value.to_attribute()?))
            })),
            Some(Err(_)) => {
                let finding = reader.finding(Code::AttributeType, span, "\"params\" must be an object");
                reader.push(finding);
            }
            None => {}
        }
    }
    let mut params = BTreeMap::new();
    for (name, value) in given {
        match resource_type {
            Some(resource_type) if !resource_type.params.contains(&name.text) => {
                undeclared_param(reader, &name, &resource_type.params);
            }
            _ => {
                params.insert(name.text, value);
            }
        }
    }
    params
}

/// Labels that a worker must have.
pub(super) fn tags(reader: &mut Reader<'_>, body: &Body) -> Vec<String> {
    let tags = reader.names(body, "tags").unwrap_or_default();
    for tag in &tags {
        tag.check(Form::Slug, "tag", reader.document, reader.findings);
    }
    tags.into_iter().map(|tag| tag.text).collect()
}

fn check_interval(reader: &mut Reader<'_>, body: &Body, minimum: Duration) -> Option<CheckInterval> {
    let text = reader.plain(body, "check_interval")?;
    match interval::parse(&text.text, minimum, reader.scope.now) {
        Ok(interval) => Some(interval),
        Err(error) => {
            let code = match error {
                IntervalError::TooShort(_) => Code::IntervalTooShort,
                IntervalError::Duration(_) => Code::Duration,
                _ => Code::Interval,
            };
            let finding = reader.finding(code, text.span, format!("\"check_interval\": {error}"));
            reader.push(finding);
            None
        }
    }
}
