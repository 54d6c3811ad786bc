//! Which tokens are still good.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use pikoci_seal::mail::Claims;
use tokio::time::Instant;

/// How long an answer counts.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// How long an answer is waited for: everything that arrives waits with it.
const WAIT: Duration = Duration::from_secs(1);

/// Knows the current generation of the tokens.
#[async_trait]
pub trait Salts: Send + Sync + 'static {
    /// The salt of the tokens of a team, by its canonical name, or of the tokens for all teams. None if there is no such
    /// team.
    ///
    /// # Errors
    /// It cannot be found out now; in words.
    async fn salt(&self, team: Option<&str>) -> Result<Option<String>, String>;
}

/// What is known of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Good,
    /// Another has taken its place, or its team is gone.
    Revoked,
    /// Nobody could be asked.
    Unknown(String),
}

/// The answers of the last two seconds.
pub(crate) struct Known {
    salts: Arc<dyn Salts>,
    answers: HashMap<Option<String>, (Option<String>, Instant)>,
}

impl Known {
    pub fn new(salts: Arc<dyn Salts>) -> Self {
        Self { salts, answers: HashMap::new() }
    }

    pub async fn judge(&mut self, claims: &Claims) -> Verdict {
        // Made by hand with the servers' own secret.
        let Some(salt) = &claims.salt else { return Verdict::Good };
        let young = self.answers.get(&claims.team).filter(|(_, at)| at.elapsed() < GOOD_FOR);
        if young.is_none() {
            let asked = tokio::time::timeout(WAIT, self.salts.salt(claims.team.as_deref())).await;
            match asked.unwrap_or_else(|_| Err("the database does not answer".to_owned())) {
                Ok(answer) => drop(self.answers.insert(claims.team.clone(), (answer, Instant::now()))),
                // While the database is away the last answer counts; and it is asked again after the same time.
                Err(error) => match self.answers.get_mut(&claims.team) {
                    Some((_, at)) => *at = Instant::now(),
                    None => return Verdict::Unknown(error),
                },
            }
        }
        match self.answers.get(&claims.team) {
            Some((Some(current), _)) if current == salt => Verdict::Good,
            _ => Verdict::Revoked,
        }
    }
}
