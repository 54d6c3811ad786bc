//! The secrets of one work item: which are needed, in which layers they are fetched, and what they replace.
//!
//! Values live in memory for the work item only and are given to the masker before anything is run with them.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::SecretType;
use pikoci_model::plan::Types;
use pikoci_model::text::{SecretRef, SecretValue, Segment, Text, Value};

/// Secrets may need secrets of other types to be fetched, at most this deep.
const MAX_LAYERS: usize = 10;

/// A text with its secrets in it. It does not print them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Clear {
    pub text: String,
    /// Whether a secret is in it.
    pub secret: bool,
}

impl Clear {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Clear { text: text.into(), secret: false }
    }
}

impl std::fmt::Debug for Clear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.secret { "***" } else { &self.text })
    }
}

/// The resolved secrets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    values: BTreeMap<SecretRef, SecretValue>,
}

impl Secrets {
    pub(crate) fn insert(&mut self, reference: SecretRef, value: SecretValue) {
        self.values.insert(reference, value);
    }

    fn knows(&self, reference: &SecretRef) -> bool {
        self.values.contains_key(reference)
    }

    /// The text with its secrets; literal parts go through `literal`, secrets never do.
    ///
    /// # Errors
    /// A secret that could not be had: `R103`.
    pub(crate) fn clear_with(&self, text: &Text, literal: impl Fn(&str) -> String) -> Result<Clear, Failure> {
        let mut clear = Clear::plain("");
        for segment in text.segments() {
            match segment {
                Segment::Literal(part) => clear.text.push_str(&literal(part)),
                Segment::Secret(reference) => {
                    let value = self.values.get(reference).ok_or_else(|| missing(reference))?;
                    clear.text.push_str(value.reveal());
                    clear.secret = true;
                }
            }
        }
        Ok(clear)
    }

    /// The text with its secrets.
    ///
    /// # Errors
    /// A secret that could not be had: `R103`.
    pub(crate) fn clear(&self, text: &Text) -> Result<Clear, Failure> {
        self.clear_with(text, str::to_owned)
    }

    /// The value as one string: a scalar as it is, a list or object as compact JSON.
    ///
    /// # Errors
    /// A secret that could not be had: `R103`.
    pub(crate) fn clear_value(
        &self,
        value: &Value,
        literal: impl Fn(&str) -> String + Copy,
    ) -> Result<Clear, Failure> {
        match value {
            Value::Scalar(text) => self.clear_with(text, literal),
            Value::Bare(text) => Ok(Clear::plain(text.clone())),
            Value::List(_) | Value::Map(_) => {
                let mut secret = false;
                let json = self.json(value, literal, &mut secret)?;
                Ok(Clear { text: json.to_string(), secret })
            }
        }
    }

    fn json(
        &self,
        value: &Value,
        literal: impl Fn(&str) -> String + Copy,
        secret: &mut bool,
    ) -> Result<serde_json::Value, Failure> {
        Ok(match value {
            Value::Scalar(text) => {
                let clear = self.clear_with(text, literal)?;
                *secret |= clear.secret;
                clear.text.into()
            }
            Value::Bare(text) => serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()),
            Value::List(items) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| self.json(item, literal, secret)).collect();
                items?.into()
            }
            Value::Map(items) => {
                let mut object = serde_json::Map::new();
                for (key, item) in items {
                    object.insert(key.clone(), self.json(item, literal, secret)?);
                }
                object.into()
            }
        })
    }
}

fn missing(reference: &SecretRef) -> Failure {
    Failure::coded(RunCode::R103, format!("{reference} was not fetched"))
}

/// All that is asked of one secret type for one path, with every key that is wanted of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub secret_type: String,
    pub path: Text,
    /// Each reference with its key.
    pub wanted: Vec<(SecretRef, Text)>,
}

/// The fetches whose own secrets are all known by now, grouped so that each (type, path) is asked once; `None` when
/// nothing is left to fetch.
///
/// # Errors
/// `R101` when more than ten layers would be needed, `R103` for a type that does not exist.
pub(crate) fn next_layer(
    needed: &BTreeSet<SecretRef>,
    known: &Secrets,
    types: &Types,
    layer: usize,
) -> Result<Option<Vec<Fetch>>, Failure> {
    let open: Vec<&SecretRef> = needed.iter().filter(|reference| !known.knows(reference)).collect();
    if open.is_empty() {
        return Ok(None);
    }
    let mut fetches: Vec<Fetch> = Vec::new();
    for reference in &open {
        let SecretRef::Fetched { secret_type, path, key } = reference else { continue };
        if !dependencies(reference, types)?.iter().all(|dependency| known.knows(dependency)) {
            continue;
        }
        let wanted = ((*reference).clone(), key.clone());
        match fetches.iter_mut().find(|fetch| fetch.secret_type == *secret_type && fetch.path == *path) {
            Some(fetch) => fetch.wanted.push(wanted),
            None => fetches.push(Fetch {
                secret_type: secret_type.clone(),
                path: path.clone(),
                wanted: vec![wanted],
            }),
        }
    }
    if layer >= MAX_LAYERS || fetches.is_empty() {
        let chain = longest_chain(needed, types)?;
        let text =
            format!("secrets need each other in more than {MAX_LAYERS} layers: {}", chain.join(" -> "));
        return Err(Failure::coded(RunCode::R101, text));
    }
    Ok(Some(fetches))
}

/// The longest way from a secret through what it needs, for people.
fn longest_chain(needed: &BTreeSet<SecretRef>, types: &Types) -> Result<Vec<String>, Failure> {
    let mut needs = BTreeMap::new();
    for reference in needed {
        let fetched = dependencies(reference, types)?.into_iter().filter(|it| needed.contains(it));
        needs.insert(reference, fetched.collect::<Vec<_>>());
    }
    // Layer by layer: each secret with the one of the layer below that it needs.
    let mut below: BTreeMap<&SecretRef, Option<&SecretRef>> = BTreeMap::new();
    let mut last = None;
    loop {
        let ready = |it: &SecretRef| needs[it].iter().all(|need| below.contains_key(need));
        let layer: Vec<&SecretRef> =
            needed.iter().filter(|it| !below.contains_key(it) && ready(it)).collect();
        if layer.is_empty() {
            break;
        }
        let previous: BTreeSet<&SecretRef> = last.take().unwrap_or_default();
        let step = |it: &SecretRef| previous.iter().copied().find(|below| needs[it].contains(below));
        let steps: Vec<_> = layer.iter().map(|it| (*it, step(it))).collect();
        below.extend(steps);
        last = Some(layer.into_iter().collect());
    }
    let mut chain = Vec::new();
    let mut next = last.into_iter().flatten().next();
    while let Some(reference) = next {
        chain.push(reference.to_string());
        next = below.get(reference).copied().flatten();
    }
    Ok(chain)
}

/// Everything that must be known in the end: `roots` and, through all layers, what they need. Values that a person
/// gave are put into `known` at once.
///
/// # Errors
/// `R103` for a type or a given value that does not exist.
pub(crate) fn closure(
    roots: BTreeSet<SecretRef>,
    types: &Types,
    known: &mut Secrets,
) -> Result<BTreeSet<SecretRef>, Failure> {
    let mut all = BTreeSet::new();
    let mut open: Vec<SecretRef> = roots.into_iter().collect();
    while let Some(reference) = open.pop() {
        if let SecretRef::Given { variable } = &reference {
            let value = types.given_secrets.get(variable).ok_or_else(|| missing(&reference))?;
            known.insert(reference, value.clone());
        } else if all.insert(reference.clone()) {
            open.extend(dependencies(&reference, types)?);
        }
    }
    Ok(all)
}

fn dependencies(reference: &SecretRef, types: &Types) -> Result<Vec<SecretRef>, Failure> {
    let SecretRef::Fetched { secret_type, path, key } = reference else { return Ok(Vec::new()) };
    let declared = secret_type_of(secret_type, types)?;
    let config = declared.config.values().flat_map(Value::secrets);
    let command = declared.get.secrets();
    Ok(path.secrets().chain(key.secrets()).chain(config).chain(command).cloned().collect())
}

/// The declaration of a secret type.
///
/// # Errors
/// `R103` when it does not exist.
pub(crate) fn secret_type_of<'a>(label: &str, types: &'a Types) -> Result<&'a SecretType, Failure> {
    let unknown = || Failure::coded(RunCode::R103, format!("secret type `{label}` is not declared"));
    types.secret_types.get(label).ok_or_else(unknown)
}

/// The secret references of something that may hold some.
pub(crate) trait HasSecrets {
    fn secrets(&self) -> Vec<&SecretRef>;
}

impl HasSecrets for pikoci_model::step::Command {
    fn secrets(&self) -> Vec<&SecretRef> {
        let texts = self.path.iter().chain(&self.args).chain(self.env.values()).flat_map(Text::secrets);
        texts.chain(self.attributes.values().flat_map(Value::secrets)).collect()
    }
}

/// One value of a secret type's answer: by its whole key, else step by step at the dots.
///
/// # Errors
/// `R102` when the answer does not have it.
pub(crate) fn pick(
    answer: &serde_json::Map<String, serde_json::Value>,
    fetch: (&str, &Text),
    key: &str,
) -> Result<SecretValue, Failure> {
    let nested = || {
        let mut parts = key.split('.');
        let first = answer.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    };
    let (secret_type, path) = fetch;
    let value = answer.get(key).or_else(nested).ok_or_else(|| {
        let text = format!("secret {secret_type}:{path} has no key `{key}`");
        Failure::coded(RunCode::R102, text)
    })?;
    Ok(SecretValue::new(match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::step::Command;

    fn reference(secret_type: &str, path: Text, key: &str) -> SecretRef {
        SecretRef::Fetched { secret_type: secret_type.into(), path, key: key.into() }
    }

    fn types(labels: &[&str]) -> Types {
        let mut types = Types::default();
        for label in labels {
            let declared = SecretType { get: Command::default(), config: BTreeMap::new() };
            types.secret_types.insert((*label).to_owned(), declared);
        }
        types
    }

    #[test]
    fn layers_are_fetched_from_the_inside_and_each_path_once() {
        let inner = reference("file", "token".into(), "t");
        let outer = reference("vault", Text::secret(inner.clone()), "a");
        let second = reference("vault", Text::secret(inner.clone()), "b");
        let types = types(&["file", "vault"]);
        let mut known = Secrets::default();
        let needed = closure([outer.clone(), second.clone()].into(), &types, &mut known).unwrap();
        assert_eq!(needed.len(), 3);
        let first = next_layer(&needed, &known, &types, 0).unwrap().unwrap();
        assert_eq!((first.len(), first[0].secret_type.as_str()), (1, "file"));
        known.insert(inner, SecretValue::new("kv"));
        let then = next_layer(&needed, &known, &types, 1).unwrap().unwrap();
        assert_eq!((then.len(), then[0].wanted.len()), (1, 2));
        known.insert(outer, SecretValue::new("1"));
        known.insert(second, SecretValue::new("2"));
        assert!(next_layer(&needed, &known, &types, 2).unwrap().is_none());
    }

    #[test]
    fn more_than_ten_layers_are_refused() {
        let mut text = Text::literal("base");
        for _ in 0..=MAX_LAYERS {
            text = Text::secret(reference("file", text, "k"));
        }
        let roots: BTreeSet<SecretRef> = text.secrets().cloned().collect();
        let (types, mut known) = (types(&["file"]), Secrets::default());
        let needed = closure(roots, &types, &mut known).unwrap();
        let mut layer = 0;
        let failure = loop {
            match next_layer(&needed, &known, &types, layer) {
                Ok(Some(fetches)) => {
                    for (reference, _) in fetches.into_iter().flat_map(|fetch| fetch.wanted) {
                        known.insert(reference, SecretValue::new("x"));
                    }
                    layer += 1;
                }
                Ok(None) => panic!("eleven layers were fetched"),
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure.code, Some(RunCode::R101));
        assert_eq!(failure.to_string().matches(" -> ").count(), MAX_LAYERS, "{failure}");
    }

    #[test]
    fn keys_are_found_whole_or_by_dots_and_stringified() {
        let answer = serde_json::from_str(r#"{"a.b":"x","a":{"c":{"d":3}},"n":null,"o":[1]}"#).unwrap();
        let path = Text::literal("p");
        let value = |key: &str| pick(&answer, ("file", &path), key).map(|value| value.reveal().to_owned());
        assert_eq!(value("a.b").unwrap(), "x");
        assert_eq!((value("a.c.d").unwrap(), value("o").unwrap()), ("3".into(), "[1]".into()));
        assert_eq!(value("zz").unwrap_err().to_string(), "R102: secret file:p has no key `zz`");
    }

    #[test]
    fn given_values_are_known_at_once_and_nothing_prints_them() {
        let given = SecretRef::Given { variable: "v".into() };
        let mut types = Types::default();
        let mut known = Secrets::default();
        assert!(closure([given.clone()].into(), &types, &mut known).is_err());
        types.given_secrets.insert("v".into(), SecretValue::new("hunter2"));
        assert!(closure([given.clone()].into(), &types, &mut known).unwrap().is_empty());
        let clear = known.clear(&Text::secret(given)).unwrap();
        assert_eq!((clear.text.as_str(), format!("{clear:?}").as_str()), ("hunter2", "***"));
    }
}
