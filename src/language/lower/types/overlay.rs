//! What stands beside a `source` wins over what it brings.

use std::collections::BTreeMap;

use hcl_edit::structure::{Block, Body};
use pikoci_model::text::Value;

use super::Lowered;
use super::definitions::{connection, defaults, override_runner, param_names};
use crate::lower::Reader;
use crate::lower::command::CommandRules;

/// Lays the attributes of a declaration over the definition that it refers to.
pub(super) fn apply(
    reader: &mut Reader<'_>,
    rules: &mut CommandRules<'_>,
    block: &Block,
    lowered: &mut Lowered,
) {
    let body = &block.body;
    match lowered {
        Lowered::Resource(resource) => {
            union(&mut resource.params, param_names(reader, body));
            lay_over(&mut resource.defaults, reader, body);
            if let Some(cache) = reader.boolean(body, "cache") {
                resource.cache = cache;
            }
            let commands = [&mut resource.check, &mut resource.pull, &mut resource.push];
            override_runner(reader, rules, body, commands.into_iter().flatten());
        }
        Lowered::Secret { params, secret } => {
            union(params, param_names(reader, body));
            secret.config.extend(connection(reader, body, params));
            override_runner(reader, rules, body, [&mut secret.get].into_iter());
        }
        Lowered::Service(service) => {
            union(&mut service.params, param_names(reader, body));
            lay_over(&mut service.defaults, reader, body);
            let probe = service.ready_check.as_mut().map(|check| &mut check.command);
            let commands = [service.start.as_mut(), service.process.as_mut(), probe, service.stop.as_mut()];
            override_runner(reader, rules, body, commands.into_iter().flatten());
        }
    }
}

fn union(params: &mut Vec<String>, more: Vec<String>) {
    for name in more {
        if !params.contains(&name) {
            params.push(name);
        }
    }
}

fn lay_over(base: &mut BTreeMap<String, Value>, reader: &mut Reader<'_>, body: &Body) {
    base.extend(defaults(reader, body));
}
