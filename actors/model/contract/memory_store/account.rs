//! Teams, users, settings.

use async_trait::async_trait;

use super::{MemoryStore, tables::Tables};
use crate::{
    id::{TeamId, UserId},
    port::{
        StoreError,
        store::{AccountStore, Team, User},
    },
};

#[async_trait]
impl AccountStore for MemoryStore {
    async fn ensure_team(&self, canonical: &str, name: &str) -> Result<Team, StoreError> {
        let mut tables = self.tables();
        if let Some(team) = tables.teams.values().find(|team| team.canonical == canonical) {
            return Ok(team.clone());
        }
        let id = TeamId(tables.next_id("teams"));
        let team = Team { id, name: name.to_owned(), canonical: canonical.to_owned() };
        tables.teams.insert(id, team.clone());
        Ok(team)
    }

    async fn team(&self, canonical: &str) -> Result<Option<Team>, StoreError> {
        Ok(self.tables().teams.values().find(|team| team.canonical == canonical).cloned())
    }

    async fn teams(&self) -> Result<Vec<Team>, StoreError> {
        Ok(self.tables().teams.values().rev().cloned().collect())
    }

    async fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        Ok(self.tables().users.values().find(|user| user.username == username).cloned())
    }

    async fn save_user(
        &self,
        username: &str,
        full_name: &str,
        admin: bool,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        if let Some(user) = tables.users.values_mut().find(|user| user.username == username) {
            user.token_generation += i64::from(user.password_hash != password_hash);
            user.full_name = full_name.to_owned();
            user.admin = admin;
            user.password_hash = password_hash.to_owned();
            return Ok(false);
        }
        let id = UserId(tables.next_id("users"));
        let user = User {
            id,
            username: username.to_owned(),
            full_name: full_name.to_owned(),
            admin,
            password_hash: password_hash.to_owned(),
            token_generation: 1,
        };
        tables.users.insert(id, user);
        Ok(true)
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        Ok(self.tables().users.len() as u64)
    }

    async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        Ok(self.tables().settings.entry(key.to_owned()).or_insert_with(|| value.to_owned()).clone())
    }

    async fn replace_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.tables().settings.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError> {
        Ok(self.tables().salt(team, false))
    }

    async fn renew_worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError> {
        Ok(self.tables().salt(team, true))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Tables {
    fn salt(&mut self, team: Option<&str>, renew: bool) -> Option<String> {
        if let Some(canonical) = team {
            self.teams.values().find(|team| team.canonical == canonical)?;
        }
        let key = team.map(str::to_owned);
        if renew {
            self.salts.remove(&key);
        }
        Some(self.salts.entry(key).or_insert_with(|| uuid::Uuid::new_v4().to_string()).clone())
    }
}
