//! Teams, users, settings.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pikoci_model::{
    id::{TeamId, UserId},
    port::{
        StoreError,
        store::{AccountStore, Team, User},
    },
};

use crate::{
    error::Fault,
    field::{get, unsigned},
    sql::{Conn, Row, Sql, query},
    store::SqlStore,
    upsert,
    writer::{Command, Tx},
};

fn team(row: &Row) -> Result<Team, Fault> {
    Ok(Team { id: TeamId(get(row, 0)?), canonical: get(row, 1)?, name: get(row, 2)? })
}

async fn find_team(conn: &mut Conn, canonical: &str) -> Result<Option<Team>, Fault> {
    let query = query("SELECT id, canonical, name FROM teams WHERE canonical = ?").bind(canonical);
    query.fetch_optional(conn).await?.as_ref().map(team).transpose()
}

async fn all_teams(conn: &mut Conn) -> Result<Vec<Team>, Fault> {
    let query = query("SELECT id, canonical, name FROM teams ORDER BY id DESC");
    query.fetch_all(conn).await?.iter().map(team).collect()
}

const USER: Sql = Sql::new(
    "SELECT id, username, full_name, admin, password_hash, token_generation FROM users WHERE username = ?",
);

async fn find_user(conn: &mut Conn, sql: Sql, username: &str) -> Result<Option<User>, Fault> {
    let row = query(sql).bind(username).fetch_optional(conn).await?;
    row.map(|row| {
        Ok(User {
            id: UserId(get(&row, 0)?),
            username: get(&row, 1)?,
            full_name: get(&row, 2)?,
            admin: get(&row, 3)?,
            password_hash: get(&row, 4)?,
            token_generation: get(&row, 5)?,
        })
    })
    .transpose()
}

/// Users in memory, where nobody else writes: every request asks for one.
pub(crate) struct Users {
    known: Mutex<Known>,
    remembers: bool,
}

#[derive(Default)]
struct Known {
    users: HashMap<String, User>,
    /// Grows with each change, so that what was read before it is not kept after it.
    changes: u64,
}

impl Users {
    /// Nobody else writes.
    pub fn remembering() -> Self {
        Self { known: Mutex::default(), remembers: true }
    }

    /// Others write: each is read each time.
    pub fn forgetful() -> Self {
        Self { known: Mutex::default(), remembers: false }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        let mut known = self.known();
        known.users.clear();
        known.changes += 1;
    }
}

struct EnsureTeam {
    canonical: String,
    name: String,
}

#[async_trait]
impl Command for EnsureTeam {
    type Answer = Team;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Team, Fault> {
        if let Some(team) = find_team(tx.conn().await?, &self.canonical).await? {
            return Ok(team);
        }
        let insert = query(Sql::new("INSERT INTO teams (canonical, name) VALUES (?, ?)").with_id());
        let done = insert.bind(&self.canonical).bind(&self.name).execute(tx.conn().await?).await?;
        let id = TeamId(done.inserted);
        Ok(Team { id, canonical: self.canonical.clone(), name: self.name.clone() })
    }
}

struct SaveUser {
    username: String,
    full_name: String,
    admin: bool,
    password_hash: String,
}

#[async_trait]
impl Command for SaveUser {
    type Answer = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let known = find_user(tx.conn().await?, USER.locking(), &self.username).await?;
        let generation = known
            .as_ref()
            .map_or(1, |user| user.token_generation + i64::from(user.password_hash != self.password_hash));
        let statement = match known {
            Some(_) => {
                "UPDATE users SET full_name = ?, admin = ?, password_hash = ?, token_generation = ? \
                 WHERE username = ?"
            }
            None => {
                "INSERT INTO users (full_name, admin, password_hash, token_generation, username) \
                 VALUES (?, ?, ?, ?, ?)"
            }
        };
        let save = query(statement).bind(&self.full_name).bind(self.admin).bind(&self.password_hash);
        save.bind(generation).bind(&self.username).execute(tx.conn().await?).await?;
        Ok(known.is_none())
    }
}

struct SettingOrInsert {
    name: String,
    value: String,
}

#[async_trait]
impl Command for SettingOrInsert {
    type Answer = String;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, Fault> {
        let context = format!("setting:{}", self.name);
        let sealed = pikoci_seal::seal(&tx.shared.key, &context, self.value.as_bytes());
        let sealed = sealed.map_err(|e| Fault::Refused(e.to_string()))?;
        query(upsert::ADD_SETTING).bind(&self.name).bind(sealed).execute(tx.conn().await?).await?;
        let select = query("SELECT value FROM settings WHERE name = ?").bind(&self.name);
        let row = select.fetch_one(tx.conn().await?).await?;
        let stored = pikoci_seal::open(&tx.shared.key, &context, get(&row, 0)?);
        let bad = |problem: String| Fault::row("settings", &self.name, problem);
        String::from_utf8(stored.map_err(|e| bad(e.to_string()))?).map_err(|e| bad(e.to_string()))
    }
}

struct ReplaceSetting {
    name: String,
    value: String,
}

#[async_trait]
impl Command for ReplaceSetting {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let context = format!("setting:{}", self.name);
        let sealed = pikoci_seal::seal(&tx.shared.key, &context, self.value.as_bytes());
        let sealed = sealed.map_err(|e| Fault::Refused(e.to_string()))?;
        query(upsert::PUT_SETTING).bind(&self.name).bind(sealed).execute(tx.conn().await?).await?;
        Ok(())
    }
}

/// The salt of a team's workers; `''` is the row of all teams.
async fn find_salt(conn: &mut Conn, team: &str) -> Result<Option<String>, Fault> {
    let query = query("SELECT salt FROM worker_salts WHERE team = ?").bind(team);
    query.fetch_optional(conn).await?.map(|row| get(&row, 0)).transpose()
}

/// Makes a salt where none is, or in place of the one there is.
struct Salt {
    team: Option<String>,
    renew: bool,
}

#[async_trait]
impl Command for Salt {
    type Answer = Option<String>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<String>, Fault> {
        if let Some(team) = &self.team
            && find_team(tx.conn().await?, team).await?.is_none()
        {
            return Ok(None);
        }
        let team = self.team.as_deref().unwrap_or_default();
        let statement = if self.renew { upsert::PUT_SALT } else { upsert::ADD_SALT };
        tx.add(statement).bind(team).bind(uuid::Uuid::new_v4().to_string());
        find_salt(tx.conn().await?, team).await
    }
}

#[async_trait]
impl AccountStore for SqlStore {
    async fn ensure_team(&self, canonical: &str, name: &str) -> Result<Team, StoreError> {
        if let Some(team) = self.team(canonical).await? {
            return Ok(team);
        }
        self.writer.run(EnsureTeam { canonical: canonical.to_owned(), name: name.to_owned() }).await
    }

    async fn team(&self, canonical: &str) -> Result<Option<Team>, StoreError> {
        Ok(find_team(&mut self.reader().await?, canonical).await?)
    }

    async fn teams(&self) -> Result<Vec<Team>, StoreError> {
        Ok(all_teams(&mut self.reader().await?).await?)
    }

    async fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        let before = {
            let known = self.users.known();
            if let Some(user) = known.users.get(username) {
                return Ok(Some(user.clone()));
            }
            known.changes
        };
        let found = find_user(&mut self.reader().await?, USER, username).await?;
        let mut known = self.users.known();
        if self.users.remembers
            && known.changes == before
            && let Some(user) = &found
        {
            known.users.insert(user.username.clone(), user.clone());
        }
        Ok(found)
    }

    async fn save_user(
        &self,
        username: &str,
        full_name: &str,
        admin: bool,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        let command = SaveUser {
            username: username.to_owned(),
            full_name: full_name.to_owned(),
            admin,
            password_hash: password_hash.to_owned(),
        };
        let saved = self.writer.run(command).await;
        self.users.forget();
        saved
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        let query = query("SELECT COUNT(*) FROM users");
        let row = query.fetch_one(&mut self.reader().await?).await?;
        Ok(unsigned(&row, 0)?)
    }

    async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        self.writer.run(SettingOrInsert { name: key.to_owned(), value: value.to_owned() }).await
    }

    async fn replace_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.writer.run(ReplaceSetting { name: key.to_owned(), value: value.to_owned() }).await
    }

    async fn worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError> {
        let known = find_salt(&mut self.reader().await?, team.unwrap_or_default()).await?;
        match known.filter(|_| team != Some("")) {
            Some(known) => Ok(Some(known)),
            None => self.writer.run(Salt { team: team.map(str::to_owned), renew: false }).await,
        }
    }

    async fn renew_worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError> {
        self.writer.run(Salt { team: team.map(str::to_owned), renew: true }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        query("SELECT 1").execute(&mut self.reader().await?).await?;
        Ok(())
    }
}
