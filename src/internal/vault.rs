//! The secret type `vault`: reads one path of a Vault server over HTTP.
//!
//! Both engines for keys and values are understood, and for the versioned one both ways to write a
//! path: as the HTTP interface has it (`secret/data/db`) and as Vault's own client takes it
//! (`secret/db`).

use pikoci_fetch::{Answer, FetchPolicy, Method, Request, send};
use serde_json::Value as Json;

use super::{Outcome, environment, ready};

/// Where a server on this machine listens by default.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8200";

/// A server and the right to ask it.
pub(super) struct Vault {
    address: String,
    token: Option<String>,
    namespace: Option<String>,
    policy: FetchPolicy,
}

/// `vault-get`: the whole content of `path`.
pub(super) fn get(_: &[String]) -> Outcome {
    let path = environment::require("param_path")?;
    let vault = Vault::configured()?;
    let data = vault.secret(path.trim_matches('/'))?;
    super::answer(&data.to_string())
}

/// The probe of the service type: unsealed, and the root token is known.
pub(super) fn ready(host: &str, port: u16) -> Result<(), String> {
    let token = environment::get("param_root_token");
    let vault = Vault::at(format!("http://{host}:{port}"), token, ready::probing());
    let status = vault.ask(Method::GET, "sys/seal-status", None)?;
    if json(&status)["sealed"] != Json::Bool(false) {
        return Err("the server is sealed".to_owned());
    }
    let known = vault.ask(Method::GET, "auth/token/lookup-self", None)?;
    if known.status == 200 { Ok(()) } else { Err("the root token is not known yet".to_owned()) }
}

impl Vault {
    /// From the type's attributes, then the worker's environment.
    fn configured() -> Result<Self, String> {
        let address = environment::get("param_address").or_else(|| environment::get("VAULT_ADDR"));
        let token =
            environment::get("param_token").or_else(|| environment::get("VAULT_TOKEN")).or_else(stored_token);
        let token =
            token.ok_or("no token: give `token` to the secret type, or set VAULT_TOKEN on the worker")?;
        let mut policy = FetchPolicy::trusting();
        if let Some(certificate) = environment::get("param_ca_cert") {
            policy.extra_roots.push(certificate_text(&certificate)?);
        }
        let mut vault = Self::at(address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned()), Some(token), policy);
        vault.namespace = environment::get("param_namespace").or_else(|| environment::get("VAULT_NAMESPACE"));
        Ok(vault)
    }

    /// A server without namespaces.
    pub(super) fn at(address: String, token: Option<String>, policy: FetchPolicy) -> Self {
        let address = address.trim_end_matches('/').to_owned();
        Self { address, token, namespace: None, policy }
    }

    /// Sends a request below `/v1/`. The token is sent, and never part of an error.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Answer, String> {
        let headers = [("X-Vault-Token", &self.token), ("X-Vault-Namespace", &self.namespace)];
        let request = Request {
            method,
            url: format!("{}/v1/{}", self.address, encoded(path)),
            headers: headers
                .iter()
                .filter_map(|(name, value)| Some(((*name).to_owned(), (*value).clone()?)))
                .collect(),
            body: body.map(|body| body.to_string().into_bytes()),
        };
        send(&self.policy, &request).map_err(|e| e.to_string())
    }

    /// The keys and values at `path`.
    fn secret(&self, path: &str) -> Result<Json, String> {
        let answer = self.ask(Method::GET, path, None)?;
        // A token that may read below `data/` only is refused without it, as one that may read nothing.
        if matches!(answer.status, 403 | 404)
            && let Some(versioned) = self.versioned_path(path)
        {
            let second = self.ask(Method::GET, &versioned, None)?;
            // A refusal says more than that there is nothing where the path was not meant to lead.
            if answer.status == 404 || second.status == 200 {
                return content(path, &second);
            }
        }
        content(path, &answer)
    }

    /// The path with `data/` behind its mount, when it does not stand there yet.
    fn versioned_path(&self, path: &str) -> Option<String> {
        let mount = self.mount(path).or_else(|| path.split_once('/').map(|(mount, _)| mount.to_owned()))?;
        let below = path.strip_prefix(&mount)?.strip_prefix('/')?;
        (!below.starts_with("data/")).then(|| format!("{mount}/data/{below}"))
    }

    /// Where the engine that serves `path` is mounted, when the server tells.
    fn mount(&self, path: &str) -> Option<String> {
        let answer = self.ask(Method::GET, &format!("sys/internal/ui/mounts/{path}"), None).ok()?;
        let mount = json(&answer)["data"]["path"].as_str()?.trim_matches('/').to_owned();
        (answer.status == 200 && !mount.is_empty()).then_some(mount)
    }
}

/// The token that Vault's own client has stored for this user.
fn stored_token() -> Option<String> {
    let text = std::fs::read_to_string(format!("{}/.vault-token", environment::get("HOME")?)).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

/// The attribute is the certificate itself or the path of a file that holds it.
fn certificate_text(value: &str) -> Result<Vec<u8>, String> {
    if value.contains("-----BEGIN") {
        return Ok(value.as_bytes().to_vec());
    }
    std::fs::read(value).map_err(|e| format!("cannot read the ca_cert `{value}`: {e}"))
}

/// A path of a URL: what could be taken for a query, a fragment or an escape is encoded.
fn encoded(path: &str) -> String {
    path.chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3F".to_owned(),
            '#' => "%23".to_owned(),
            ' ' => "%20".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

pub(super) fn json(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or(Json::Null)
}

/// The `data` of an answer; of the versioned engine, the `data` in it, which stands beside
/// `metadata` or alone.
fn content(path: &str, answer: &Answer) -> Result<Json, String> {
    let body = json(answer);
    if answer.status != 200 {
        return Err(format!("vault: cannot read `{path}`: {}", refusal(answer.status, &body)));
    }
    let data = &body["data"];
    let versioned = data["data"].is_object()
        && data.as_object().is_some_and(|o| o.len() == 1 || o.contains_key("metadata"));
    let data = if versioned { &data["data"] } else { data };
    if data.is_object() { Ok(data.clone()) } else { Err(format!("vault: `{path}` holds no keys and values")) }
}

/// What the server says, and in plain words what its status means.
fn refusal(status: u16, body: &Json) -> String {
    let errors: Vec<&str> =
        body["errors"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let meaning = match status {
        403 => "the token is not valid or may not read it",
        404 => "there is nothing at this path",
        503 => "the server is sealed or not ready",
        _ => "the server refuses",
    };
    let said =
        if errors.is_empty() { String::new() } else { format!(": {}", errors.join("; ").replace('\n', " ")) };
    format!("{meaning} (status {status}){said}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that knows the token `t` and these answers by path.
    fn server(answers: &[(&str, u16, &str)]) -> Vault {
        let known: BTreeMap<String, (u16, String)> = answers
            .iter()
            .map(|(path, status, body)| (format!("/v1/{path}"), (*status, (*body).to_owned())))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let path = head[0].split(' ').nth(1).unwrap_or_default();
                let absent = (404, r#"{"errors": []}"#.to_owned());
                let (status, body) = match head.iter().any(|line| line == "x-vault-token: t") {
                    true => known.get(path).unwrap_or(&absent).clone(),
                    false => (403, r#"{"errors": ["permission denied"]}"#.to_owned()),
                };
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Vault::at(address, Some("t".into()), ready::probing())
    }

    const VERSIONED: &str = r#"{"data": {"data": {"password": "x"}, "metadata": {"version": 3}}}"#;

    #[test]
    fn a_path_of_the_unversioned_engine_is_read_as_it_is() {
        let vault = server(&[("kv/ci/db", 200, r#"{"data": {"password": "x", "port": 5432}}"#)]);
        assert_eq!(vault.secret("kv/ci/db").unwrap(), serde_json::json!({"password": "x", "port": 5432}));
    }

    #[test]
    fn both_ways_to_write_a_versioned_path_are_read() {
        let mount = r#"{"data": {"path": "team/kv/", "options": {"version": "2"}}}"#;
        let vault = server(&[
            ("secret/data/db", 200, VERSIONED),
            ("team/kv/data/db", 200, VERSIONED),
            ("sys/internal/ui/mounts/team/kv/db", 200, mount),
        ]);
        for path in ["secret/data/db", "secret/db", "team/kv/db"] {
            assert_eq!(vault.secret(path).unwrap()["password"], "x", "{path}");
        }
        assert!(vault.secret("secret/other").unwrap_err().contains("nothing at this path"));
    }

    #[test]
    fn a_token_that_may_read_the_versioned_path_only_reads_it() {
        let denied = r#"{"errors": ["permission denied"]}"#;
        let vault = server(&[
            ("secret/db", 403, denied),
            ("secret/data/db", 200, VERSIONED),
            ("secret/other", 403, denied),
            ("sys/internal/ui/mounts/secret/db", 403, denied),
        ]);
        assert_eq!(vault.secret("secret/db").unwrap()["password"], "x");
        let error = vault.secret("secret/other").unwrap_err();
        assert!(error.contains("cannot read `secret/other`: the token is not valid or may not"), "{error}");
    }

    #[test]
    fn a_wrong_token_is_named_without_its_text() {
        let mut vault = server(&[]);
        vault.token = Some("hunter2".into());
        let error = vault.secret("kv/x").unwrap_err();
        assert!(error.contains("the token is not valid") && !error.contains("hunter2"), "{error}");
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, url: String::new(), body: body.to_owned().into() }
    }

    #[test]
    fn both_engines_give_their_keys() {
        for body in [
            r#"{"data": {"password": "x"}}"#,
            r#"{"data": {"data": {"password": "x"}, "metadata": {"version": 1}}}"#,
            r#"{"data": {"data": {"password": "x"}}}"#,
        ] {
            assert_eq!(content("p", &answer(200, body)).unwrap()["password"], "x", "{body}");
        }
        let unversioned = r#"{"data": {"data": {"a": 1}, "b": 2}}"#;
        assert_eq!(content("p", &answer(200, unversioned)).unwrap()["b"], 2);
    }

    #[test]
    fn refusals_say_what_the_status_means() {
        let error = content("kv/ci", &answer(403, r#"{"errors": ["permission denied"]}"#)).unwrap_err();
        assert_eq!(
            error,
            "vault: cannot read `kv/ci`: the token is not valid or may not read it (status 403): permission denied"
        );
        assert!(content("p", &answer(404, "{}")).unwrap_err().contains("nothing at this path"));
        assert!(content("p", &answer(200, "no json")).unwrap_err().contains("no keys"));
        let deleted = r#"{"data": {"data": null, "metadata": {"deletion_time": "x"}}}"#;
        assert!(content("p", &answer(200, deleted)).is_ok_and(|data| data["data"].is_null()));
    }
}
