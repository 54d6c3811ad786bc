//! Session tokens: JWT, HS256, with the user as claims. A changed password ends older ones.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pikoci_model::{port::store::User, text::SecretValue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The keys that sign sessions and what is derived from them.
pub(crate) struct SessionKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: Option<Duration>,
}

/// What a session token says. Rights are never taken from it: the user's row is read with each request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(super) user: ClaimedUser,
    /// The user's `token_generation` when the session began.
    pub(super) token_gen: i64,
    /// Random name of the session; the CSRF token is derived from it.
    pub(super) sid: Uuid,
    /// Seconds since the epoch.
    pub(super) iat: i64,
    /// Seconds since the epoch; none = no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
}

/// The user in a session token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClaimedUser {
    pub(super) id: i64,
    pub(super) username: String,
    pub(super) full_name: String,
    pub(super) admin: bool,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: User,
    /// Every form of the session carries it.
    pub(crate) csrf: String,
    /// It came in the cookie, so a page of somebody else may have caused the request.
    pub(crate) by_cookie: bool,
}

impl SessionKeys {
    pub(crate) fn new(key: &SecretValue, lifetime: Option<Duration>) -> Self {
        let bytes = key.reveal().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            lifetime,
        }
    }

    /// Begins a session.
    pub(super) fn issue(&self, user: &User, now: DateTime<Utc>) -> Result<String, String> {
        let claims = Claims {
            user: ClaimedUser {
                id: user.id.0,
                username: user.username.clone(),
                full_name: user.full_name.clone(),
                admin: user.admin,
            },
            token_gen: user.token_generation,
            sid: Uuid::new_v4(),
            iat: now.timestamp(),
            exp: self.lifetime.map(|lifetime| now.timestamp().saturating_add_unsigned(lifetime.as_secs())),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| error.to_string())
    }

    /// Reads a token: none if it was not signed with this key, is over, or is no session.
    pub(super) fn read(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        // The library would ask the machine's clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        claims.exp.is_none_or(|end| now.timestamp() < end).then_some(claims)
    }

    /// The token that a page of this session carries and a page of somebody else cannot know.
    pub(super) fn csrf(&self, sid: Uuid) -> String {
        jsonwebtoken::crypto::sign(format!("csrf:{sid}").as_bytes(), &self.encoding, Algorithm::HS256)
            .unwrap_or_default()
    }

    pub(super) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

/// Whether two secrets are equal, in a time that depends on their length alone. Nothing equals an empty one.
pub(crate) fn same(given: &str, expected: &str) -> bool {
    let difference = given.bytes().zip(expected.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    !expected.is_empty() && given.len() == expected.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use pikoci_model::id::UserId;

    use super::*;

    fn user() -> User {
        User {
            id: UserId(7),
            username: "ann".into(),
            full_name: "Ann".into(),
            admin: true,
            password_hash: String::new(),
            token_generation: 3,
        }
    }

    fn keys(key: &str, seconds: Option<u64>) -> SessionKeys {
        SessionKeys::new(&SecretValue::new(key), seconds.map(Duration::from_secs))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_session_ends_with_its_lifetime() {
        let keys = keys("k", Some(60));
        let token = keys.issue(&user(), at(1000)).unwrap();
        let claims = keys.read(&token, at(1059)).unwrap();
        assert_eq!((claims.user.username.as_str(), claims.token_gen), ("ann", 3));
        assert!(keys.read(&token, at(1060)).is_none());
    }

    #[test]
    fn another_key_or_algorithm_is_refused() {
        let token = keys("k", None).issue(&user(), at(0)).unwrap();
        assert!(keys("other", None).read(&token, at(0)).is_none());
        let (_, rest) = token.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        // {"alg":"none"}
        assert!(keys("k", None).read(&format!("eyJhbGciOiJub25lIn0.{claims}."), at(0)).is_none());
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same("abc", "abc") && !same("abd", "abc") && !same("ab", "abc") && !same("", ""));
    }
}
