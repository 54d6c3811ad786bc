//! `vault-setup`: initialises and unseals a fresh server that has no development mode, and makes
//! the asked root token known to it.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pikoci_fetch::Method;
use serde_json::{Value as Json, json};

use super::vault::{self, Vault};
use super::{Outcome, environment, ready};

/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(_: &[String]) -> Outcome {
    let address =
        format!("http://{}:{}", environment::require("SERVICE_HOST")?, environment::require("SERVICE_PORT")?);
    let stranger = Vault::at(address.clone(), None, ready::probing());
    let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let initial = initialise(&stranger, &shares)?;
    let text = |value: &Json| value.as_str().map(str::to_owned).ok_or("the server's answer lacks a key");
    let (key, first_token) = (text(&initial["keys"][0])?, text(&initial["root_token"])?);
    expect(stranger.ask(Method::PUT, "sys/unseal", Some(&json!({ "key": key })))?, "unseal")?;

    let root = Vault::at(address.clone(), Some(first_token), ready::probing());
    let token = environment::require("param_root_token")?;
    let wanted = json!({ "id": token, "policies": ["root"] });
    let made = root.ask(Method::POST, "auth/token/create", Some(&wanted))?;
    // RustyVault makes the token and then answers that it may not: what counts is whether it works.
    let asked = Vault::at(address, Some(token), ready::probing());
    match asked.ask(Method::GET, "auth/token/lookup-self", None)?.status {
        200 => Ok(ExitCode::SUCCESS),
        _ => Err(format!("vault: cannot make the root token: status {}", made.status)),
    }
}

/// Waits until the server listens.
fn initialise(vault: &Vault, shares: &Json) -> Result<Json, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        match vault.ask(Method::PUT, "sys/init", Some(shares)) {
            Ok(answer) => return expect(answer, "initialise"),
            Err(reason) if Instant::now() > end => return Err(reason),
            Err(_) => sleep(Duration::from_millis(100)),
        }
    }
}

fn expect(answer: pikoci_fetch::Answer, what: &str) -> Result<Json, String> {
    match answer.status {
        200 | 204 => Ok(vault::json(&answer)),
        status => Err(format!("vault: cannot {what}: status {status}")),
    }
}
