//! Saving a pipeline: compile, compare, store; nothing is half-applied.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::pipeline::Pipeline;
use pikoci_model::port::store::{PipelineRow, SaveRevision, SavedRevision};
use pikoci_model::port::{Compilation, CompileRequest, Refusal, SavePipeline, Saved};
use pikoci_model::text::SecretValue;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::world::World;
use super::{dispatcher, pipelines};

type Vars = BTreeMap<String, Json>;
type Secrets = BTreeMap<String, SecretValue>;

/// Compiles and stores; see the port.
pub(super) async fn save(world: &World, request: SavePipeline) -> Result<Saved, Refusal> {
    let canonical = slugify(&request.name);
    if canonical.is_empty() || canonical.len() > 255 {
        let text = format!("pipeline name \"{}\" needs 1 to 255 letters or digits", request.name);
        return Err(Refusal::Invalid(text));
    }
    let existing = find(world, &request, &canonical).await?;
    let (stored_vars, stored_secrets) = match &existing {
        Some(row) => world.store().given_values(row.id).await?,
        None => Default::default(),
    };
    let vars = request.vars.clone().unwrap_or_else(|| merged(&stored_vars, &stored_secrets));
    let now = world.clock().now();
    let compilation = compile(world, &request, &canonical, vars.clone(), now).await;
    let Some(compiled) = compilation.pipeline else { return Err(Refusal::Pipeline(compilation.diagnostics)) };
    let given_secrets = compilation.given_secrets;
    let plain: Vars = vars.into_iter().filter(|(name, _)| !given_secrets.contains_key(name)).collect();
    let content_hash = hash(&request.source, &plain, &compiled, &given_secrets, &stored_secrets);
    let save = SaveRevision {
        team: request.team,
        name: request.name,
        canonical: canonical.clone(),
        source: request.source,
        content_hash,
        compiled,
        vars: plain,
        given_secrets,
        public: request.public,
        must_exist: request.must_exist,
        at: now,
        by: request.by,
    };
    match world.store().save_revision(save).await? {
        SavedRevision::Exists(true) => {
            Err(Refusal::Conflict(format!("pipeline \"{canonical}\" exists already; update it instead")))
        }
        SavedRevision::Exists(false) => {
            Err(Refusal::NotFound(format!("pipeline \"{canonical}\" does not exist; create it first")))
        }
        SavedRevision::Saved { pipeline, number, changed, .. } => {
            world.with_doors(|doors| {
                let _ = doors.pipelines.tell(pipelines::Saved(pipeline));
                let _ = doors.dispatcher.tell(dispatcher::Queued);
            });
            world.ring_pipeline(pipeline);
            Ok(Saved { pipeline, revision: number, changed, diagnostics: compilation.diagnostics })
        }
    }
}

async fn compile(
    world: &World,
    request: &SavePipeline,
    canonical: &str,
    vars: Vars,
    now: DateTime<Utc>,
) -> Compilation {
    let request = CompileRequest {
        file: format!("{canonical}.hcl"),
        source: request.source.clone(),
        vars,
        now,
        fragment: false,
        lenient_vars: false,
        fetch: true,
        strict: false,
    };
    world.compiler().compile(request).await
}

async fn find(
    world: &World,
    request: &SavePipeline,
    canonical: &str,
) -> Result<Option<PipelineRow>, Refusal> {
    let rows = world.store().pipelines(Some(request.team)).await?;
    Ok(rows.into_iter().find(|row| row.canonical == canonical))
}

/// Stored values, given again: plain ones and those of secrets.
fn merged(vars: &Vars, secrets: &Secrets) -> Vars {
    let secrets = secrets.iter().map(|(name, value)| (name.clone(), Json::from(value.reveal())));
    vars.iter().map(|(name, value)| (name.clone(), value.clone())).chain(secrets).collect()
}

/// Digest of everything that makes a definition. Of secrets it holds the names only, lest their values could be
/// guessed from it; a changed secret makes the digest unlike any other instead.
fn hash(source: &[u8], vars: &Vars, compiled: &Pipeline, given: &Secrets, stored: &Secrets) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    part(source);
    part(Json::from_iter(vars.clone()).to_string().as_bytes());
    compiled.sources.iter().for_each(|fetched| part(fetched.sha256.as_bytes()));
    given.keys().for_each(|name| part(name.as_bytes()));
    if given != stored {
        part(uuid::Uuid::new_v4().as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower case; every run of other characters than letters, digits and `_` becomes one `-`; none at the ends.
fn slugify(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() || character == '_' {
            slug.push(character);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [("My App!", "my-app"), ("a_b--c", "a_b-c"), ("Ü", ""), ("  x / y ", "x-y")] {
            assert_eq!(slugify(name), slug, "{name}");
        }
    }

    #[test]
    fn the_digest_tells_definitions_apart_but_not_equal_ones() {
        let (none, one) = (Secrets::new(), Secrets::from([("t".to_owned(), SecretValue::new("x"))]));
        let pipeline = Pipeline::default();
        let of = |source: &[u8], given: &Secrets, stored: &Secrets| {
            hash(source, &Vars::new(), &pipeline, given, stored)
        };
        assert_eq!(of(b"a", &none, &none), of(b"a", &none, &none));
        assert_eq!(of(b"a", &one, &one), of(b"a", &one, &one));
        assert_ne!(of(b"a", &one, &one), of(b"a", &none, &none));
        assert_ne!(of(b"a", &one, &none), of(b"a", &one, &none));
        assert_ne!(of(b"a", &none, &none), of(b"b", &none, &none));
    }
}
