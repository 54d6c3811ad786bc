//! Which tokens are still good.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use pikoci_seal::mail::Claims;
use tokio::time::Instant;

/// How long an answer counts, and how long that there was none.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// How long an answer is waited for: the messages of the team that it is about wait with it.
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

/// Whose tokens: a team's, or those for all teams.
pub(crate) type Whose = Option<String>;

/// What is known of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Good,
    /// Another has taken its place, or its team is gone.
    Revoked,
    /// Nobody could be asked.
    Unknown(String),
}

/// A salt, or why it is not known.
type Answer = Result<Option<String>, String>;

/// The answers of the last two seconds.
pub(crate) struct Known {
    salts: Arc<dyn Salts>,
    /// The last answer, and when it was asked for last.
    answers: HashMap<Whose, (Answer, Instant)>,
    asking: FuturesUnordered<BoxFuture<'static, (Whose, Answer)>>,
    asked: HashSet<Whose>,
}

impl Known {
    pub fn new(salts: Arc<dyn Salts>) -> Self {
        let (answers, asked) = (HashMap::new(), HashSet::new());
        Self { salts, answers, asking: FuturesUnordered::new(), asked }
    }

    /// None if it has to be asked for, which begins here: [`Self::learn`] says when it is known.
    pub fn judge(&mut self, claims: &Claims) -> Option<Verdict> {
        // Made by hand with the servers' own secret.
        let Some(salt) = &claims.salt else { return Some(Verdict::Good) };
        let young = self.answers.get(&claims.team).filter(|(_, at)| at.elapsed() < GOOD_FOR);
        let Some((answer, _)) = young else {
            self.ask(&claims.team);
            return None;
        };
        Some(match answer {
            Ok(Some(current)) if current == salt => Verdict::Good,
            Ok(_) => Verdict::Revoked,
            Err(error) => Verdict::Unknown(error.clone()),
        })
    }

    fn ask(&mut self, team: &Whose) {
        if !self.asked.insert(team.clone()) {
            return;
        }
        let (salts, team) = (Arc::clone(&self.salts), team.clone());
        self.asking.push(Box::pin(async move {
            let answer = tokio::time::timeout(WAIT, salts.salt(team.as_deref())).await;
            (team, answer.unwrap_or_else(|_| Err("the database does not answer".to_owned())))
        }));
    }

    /// Waits for the next answer and says whose it is; none if nothing is asked.
    pub async fn learn(&mut self) -> Option<Whose> {
        let (team, answer) = self.asking.next().await?;
        self.asked.remove(&team);
        let now = Instant::now();
        match (answer, self.answers.get_mut(&team)) {
            // While the database is away the last answer counts; and it is asked again after the same time.
            (Err(_), Some((Ok(_), at))) => *at = now,
            (answer, _) => drop(self.answers.insert(team.clone(), (answer, now))),
        }
        Some(team)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What the database says next; none while it is away.
    struct Book(Mutex<Option<&'static str>>);

    #[async_trait]
    impl Salts for Book {
        async fn salt(&self, _: Option<&str>) -> Answer {
            let said = *self.0.lock().unwrap();
            said.map(|salt| Some(salt.to_owned())).ok_or_else(|| "away".to_owned())
        }
    }

    fn claims(salt: &str) -> Claims {
        Claims { salt: Some(salt.to_owned()), ..Claims::default() }
    }

    #[tokio::test]
    async fn the_last_answer_counts_during_an_outage_and_none_is_an_answer_for_a_while() {
        let book = Arc::new(Book(Mutex::new(None)));
        let mut known = Known::new(book.clone());
        assert_eq!(known.judge(&Claims::default()), Some(Verdict::Good));
        assert_eq!((known.judge(&claims("1")), known.judge(&claims("2"))), (None, None));
        assert_eq!(known.learn().await, Some(None));
        assert_eq!(known.learn().await, None, "it was asked once");
        assert_eq!(known.judge(&claims("1")), Some(Verdict::Unknown("away".into())));
        for (said, verdict) in
            [(Some("1"), Verdict::Good), (None, Verdict::Good), (Some("2"), Verdict::Revoked)]
        {
            *book.0.lock().unwrap() = said;
            let (_, at) = known.answers.get_mut(&None).unwrap();
            *at = at.checked_sub(GOOD_FOR).unwrap();
            assert_eq!(known.judge(&claims("1")), None);
            known.learn().await;
            assert_eq!(known.judge(&claims("1")), Some(verdict));
        }
    }
}
