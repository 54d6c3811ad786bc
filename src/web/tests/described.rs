//! The description is true: every operation is called, and its real answer is what is described.

use std::collections::BTreeSet;

use pikoci_model::{id::NodeId, port::store::WorkerStore, worker::WorkerState};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

/// Checks a value against a schema of the document; the part of JSON Schema that the document uses.
struct Checker<'a> {
    document: &'a Value,
}

impl Checker<'_> {
    fn check(&self, value: &Value, schema: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target =
                self.document.pointer(&reference[1..]).ok_or(format!("{at}: {reference} leads nowhere"))?;
            return self.check(value, target, at);
        }
        for name in ["oneOf", "anyOf"] {
            if let Some(schemas) = schema[name].as_array() {
                let fitting = schemas.iter().filter(|one| self.check(value, one, at).is_ok()).count();
                let fits = if name == "oneOf" { fitting == 1 } else { fitting > 0 };
                return if fits { Ok(()) } else { Err(format!("{at}: {fitting} of {name} fit {value}")) };
            }
        }
        for one in schema["allOf"].as_array().into_iter().flatten() {
            self.check(value, one, at)?;
        }
        self.check_type(value, &schema["type"], at)?;
        self.check_object(value, schema, at)?;
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if schema["items"].is_object() {
                self.check(item, &schema["items"], &format!("{at}[{index}]"))?;
            }
        }
        Ok(())
    }

    fn check_type(&self, value: &Value, types: &Value, at: &str) -> Result<(), String> {
        let name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = |kind: &str| kind == name || (kind == "number" && name == "integer");
        let ok = match types {
            Value::String(kind) => fits(kind),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(fits),
            _ => true,
        };
        if ok { Ok(()) } else { Err(format!("{at}: {value} is not {types}")) }
    }

    fn check_object(&self, value: &Value, schema: &Value, at: &str) -> Result<(), String> {
        let Some(fields) = value.as_object() else { return Ok(()) };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Err(format!("{at}: `{name}` is missing"));
            }
        }
        let Some(known) = schema["properties"].as_object() else {
            let inner = &schema["additionalProperties"];
            let mut each = fields.iter().filter(|_| inner.is_object());
            return each.try_for_each(|(name, field)| self.check(field, inner, &format!("{at}.{name}")));
        };
        for (name, field) in fields {
            let schema = known.get(name).ok_or(format!("{at}: `{name}` is not described"))?;
            self.check(field, schema, &format!("{at}.{name}"))?;
        }
        Ok(())
    }
}

/// The body that an operation needs to succeed.
fn body(path: &str, raw: &Value) -> Value {
    match path {
        "/login" => json!({"username": "ann", "password": PASSWORD}),
        "/teams/{team}/pipelines" => json!({"name": "site", "config": raw, "vars": {}}),
        p if p.ends_with("/validate") || p.contains("/pipelines/image") => json!({"config": raw}),
        p if p.ends_with("/versions") => json!({"version": {"ref": "b2"}}),
        _ => json!({}),
    }
}

fn filled(path: &str, world: &World, webhook: &str) -> String {
    let number = if path.ends_with("/cancel") || path.ends_with("/events") { "2" } else { "1" };
    let address = path
        .replace("{team}", "main")
        .replace("{pipeline}", "shop")
        .replace("{job}", "unit")
        .replace("{number}", number)
        .replace("{resource}", "git.app")
        .replace("{name}", "lab-1")
        .replace("{id}", &world.version.to_string())
        .replace("{token}", webhook);
    if path.contains("/logs") { format!("/api/v1{address}?step=2") } else { format!("/api/v1{address}") }
}

/// Calls one operation and checks its answer; `None` = as somebody who is not logged in.
async fn call(
    world: &World,
    document: &Value,
    path: &str,
    method: &str,
    raw: &Value,
    webhook: &str,
    is_guest: bool,
) {
    let operation = &document["paths"][path][method];
    let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let address = filled(path, world, webhook);
    let request =
        if is_guest { world.bare(verb.clone(), &address) } else { world.request(verb.clone(), &address) };
    let request = if verb == Method::GET { request } else { request.json(&body(path, raw)) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let described = &operation["responses"][status.to_string()];
    let what = format!("{method} {path} as {}: {status}", if is_guest { "guest" } else { "admin" });
    assert!(described.is_object(), "{what} is not described");
    let wants_success = !is_guest && !path.ends_with(".png");
    assert!(!wants_success || status < 400, "{what}");
    if kind.starts_with("text/event-stream") {
        assert!(described["content"]["text/event-stream"].is_object(), "{what}");
        return;
    }
    if let Some(content) = described["content"].as_object() {
        let plain = kind.split(';').next().unwrap();
        let schema =
            &content.get(plain).unwrap_or_else(|| panic!("{what}: {kind} is not described"))["schema"];
        if plain == "application/json" {
            let value: Value = answer.json().await.unwrap();
            let checked = Checker { document }.check(&value, schema, "$");
            assert!(checked.is_ok(), "{what}: {}\n{value:#}", checked.unwrap_err());
        }
    }
}

/// Ends every build, and the worker is lost: what is in use is not deleted.
async fn end_all(world: &World) {
    let builds = "/teams/main/pipelines/shop/jobs/unit/builds";
    let (_, open) = world.json(Method::GET, &format!("{builds}?status=pending"), None).await;
    for build in open["data"].as_array().unwrap() {
        let number = build["build_number"].as_str().unwrap();
        assert_eq!(world.json(Method::POST, &format!("{builds}/{number}/cancel"), None).await.0, 200);
    }
    world.finish().await;
    world.store.worker_state(&NodeId("w1".into()), WorkerState::Lost).await.unwrap();
}

#[actix_web::test]
async fn every_operation_answers_as_it_is_described() {
    let world = World::start().await;
    let (_, document) = world.json(Method::GET, "/api/v1/openapi.json", None).await;
    assert_eq!(document["openapi"], "3.1.0");
    let (_, pipeline) = world.json(Method::GET, "/teams/main/pipelines/shop", None).await;
    let (raw, hook) = (&pipeline["data"]["raw"], &pipeline["data"]["resources"][0]["webhook_token"]);
    let hook = hook.as_str().unwrap();
    // Reading first, then what changes, and the end of the pipeline last.
    let order =
        |method: &str| ["get", "post", "put", "delete"].iter().position(|known| *known == method).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut operations: BTreeSet<(usize, bool, &str, &str)> = BTreeSet::new();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            operations.insert((order(method), path.ends_with("/webhook_token"), path, method));
        }
    }
    assert!(operations.len() > 45, "{}", operations.len());
    for (_, _, path, method) in operations.iter().filter(|operation| operation.3 != "delete") {
        call(&world, &document, path, method, raw, hook, true).await;
    }
    let mut in_use = true;
    for (_, _, path, method) in &operations {
        if *method == "delete" && std::mem::take(&mut in_use) {
            end_all(&world).await;
        }
        call(&world, &document, path, method, raw, hook, false).await;
    }
}
