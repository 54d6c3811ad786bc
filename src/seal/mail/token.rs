//! Worker tokens: who made them, what they allow, and the key that they are.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, StaticSecret};

use super::derive::{Secret, derive, sign};

/// What every derivation of this protocol begins with.
pub(super) const PROTOCOL: &[u8] = b"pikoci mail 1";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a worker token allows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    /// The canonical name of the one team whose work is taken; none = of all teams.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Names the token's generation: it is void once its team has another. None = made by hand with the servers' secret,
    /// good as long as that.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Seconds since the epoch at which it ends; none = never.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// The claims as the token writes them. Servers write a token again to know its signature: the order of the fields and
/// their form are part of the protocol.
#[derive(Serialize, Deserialize)]
struct Payload {
    is_from_worker: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    team_canonical: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    server_key: String,
    hail: String,
}

/// Why a text is no worker token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// Not in the form of a token.
    #[error(
        "is no worker token (expected three parts with dots between, as `pikoci worker-token` prints them)"
    )]
    Form,
    /// A token, but for something else.
    #[error("is a token, but not a worker's (expected one that `pikoci worker-token` or the server made)")]
    Kind,
}

/// The secret that all servers of an installation share, and what follows from it.
#[derive(Clone)]
pub struct Installation {
    secret: Vec<u8>,
    pub(super) exchange: StaticSecret,
    pub(super) hail: Secret,
    pub(super) between: Secret,
}

/// A token as its holder has it.
#[derive(Clone)]
pub struct WorkerToken {
    claims: Claims,
    pub(super) servers: PublicKey,
    pub(super) hail: Secret,
    pub(super) key: Secret,
}

impl fmt::Debug for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Installation(***)")
    }
}

impl fmt::Debug for WorkerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerToken").field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl Installation {
    /// From the installation's secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let of = |purpose: &[u8]| derive(PROTOCOL, secret.as_bytes(), &[purpose]);
        Self {
            secret: secret.as_bytes().to_vec(),
            exchange: StaticSecret::from(of(b"exchange").0),
            hail: of(b"hail"),
            between: of(b"between servers"),
        }
    }

    /// The token with these claims, as text. The same claims give the same token.
    #[must_use]
    pub fn token(&self, claims: &Claims) -> String {
        let signed = self.signed_part(claims);
        let signature = BASE64.encode(sign(&self.secret, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A mark by which servers know that they share the secret; it tells nothing of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mark = derive(PROTOCOL, &self.secret, &[b"fingerprint"]);
        BASE64.encode(mark.0)
    }

    /// The key that the token with these claims is.
    pub(super) fn key(&self, claims: &Claims) -> Secret {
        token_key(&sign(&self.secret, self.signed_part(claims).as_bytes()))
    }

    fn signed_part(&self, claims: &Claims) -> String {
        let payload = Payload {
            is_from_worker: true,
            team_canonical: claims.team.clone(),
            salt: claims.salt.clone(),
            exp: claims.expires,
            server_key: BASE64.encode(PublicKey::from(&self.exchange)),
            hail: BASE64.encode(self.hail.0),
        };
        // Texts and numbers only: there is nothing in it that JSON could not say.
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(payload))
    }
}

impl WorkerToken {
    /// Reads a token. Whether a server takes it, the server says.
    ///
    /// # Errors
    /// It is no token, or not one of a worker.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        let mut parts = text.trim().split('.');
        let (Some(_), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let decode = |part: &str| BASE64.decode(part).map_err(|_| TokenError::Form);
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let payload: Payload = serde_json::from_slice(&payload).map_err(|_| TokenError::Kind)?;
        let bytes = |text: &str| <[u8; 32]>::try_from(decode(text)?).map_err(|_| TokenError::Kind);
        if !payload.is_from_worker || signature.len() != 32 {
            return Err(TokenError::Kind);
        }
        Ok(Self {
            servers: PublicKey::from(bytes(&payload.server_key)?),
            hail: Secret(bytes(&payload.hail)?),
            key: token_key(&signature),
            claims: Claims { team: payload.team_canonical, salt: payload.salt, expires: payload.exp },
        })
    }

    /// What it allows.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

fn token_key(signature: &[u8]) -> Secret {
    derive(PROTOCOL, signature, &[b"token"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_claimed_and_servers_know_its_key() {
        let servers = Installation::new("a secret of servers");
        let claims =
            Claims { team: Some("blue".into()), salt: Some("n1".into()), expires: Some(1_900_000_000) };
        let text = servers.token(&claims);
        let token = WorkerToken::read(&format!("{text}\n")).unwrap();
        assert_eq!(token.claims(), &claims);
        assert_eq!(token.key.0, servers.key(&claims).0);
        assert_ne!(token.key.0, servers.key(&Claims::default()).0);
        assert_ne!(token.key.0, Installation::new("another secret of servers").key(&claims).0);
        assert!(!format!("{token:?} {servers:?}").contains("secret"));
        let changed = Claims { team: Some("red".into()), ..claims };
        let (head, tail) = (servers.token(&changed), text);
        let spliced = format!("{}.{}", head.rsplit_once('.').unwrap().0, tail.rsplit_once('.').unwrap().1);
        assert_ne!(WorkerToken::read(&spliced).unwrap().key.0, servers.key(&changed).0);
    }

    #[test]
    fn other_texts_are_no_worker_tokens() {
        for text in ["", "abc", "a.b", "a.b.c.d", "!.!.!"] {
            assert_eq!(WorkerToken::read(text).unwrap_err(), TokenError::Form, "{text}");
        }
        let other = format!("{}.{}.{}", BASE64.encode(HEADER), BASE64.encode("{}"), BASE64.encode([0; 32]));
        assert_eq!(WorkerToken::read(&other).unwrap_err(), TokenError::Kind);
    }
}
