//! Teams, users and the installation's settings.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{TeamId, UserId};

/// A team.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Team {
    /// Its row.
    pub id: TeamId,
    /// As shown.
    pub name: String,
    /// In addresses.
    pub canonical: String,
}

/// A user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Its row.
    pub id: UserId,
    /// For login.
    pub username: String,
    /// As shown.
    pub full_name: String,
    /// Above all teams.
    pub admin: bool,
    /// Hash of the password (`$2…` or `$argon2…`).
    pub password_hash: String,
    /// Grows when the password changes: older sessions end.
    pub token_generation: i64,
}

/// Accounts.
#[async_trait]
pub trait AccountStore {
    /// The team, made if it does not exist.
    async fn ensure_team(&self, canonical: &str, name: &str) -> Result<Team, StoreError>;
    /// The team of this canonical.
    async fn team(&self, canonical: &str) -> Result<Option<Team>, StoreError>;
    /// All teams.
    async fn teams(&self) -> Result<Vec<Team>, StoreError>;
    /// The user of this name.
    async fn user(&self, username: &str) -> Result<Option<User>, StoreError>;
    /// Creates or replaces a user by name; a changed hash raises `token_generation`. True if it is new.
    async fn save_user(
        &self,
        username: &str,
        full_name: &str,
        admin: bool,
        password_hash: &str,
    ) -> Result<bool, StoreError>;
    /// How many users exist.
    async fn user_count(&self) -> Result<u64, StoreError>;
    /// A setting of the installation, such as the session key: the stored value, or `value` if none was.
    async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError>;
    /// Stores a setting in place of the one there is.
    async fn replace_setting(&self, key: &str, value: &str) -> Result<(), StoreError>;
    /// The salt that tokens carry for workers of a team (by canonical), or for workers of all teams: random, made the
    /// first time. A token with another salt is void. `None` if there is no such team.
    async fn worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError>;
    /// Replaces that salt by another: every token made so far for that team, or for all teams, is void. `None` if there
    /// is no such team.
    async fn renew_worker_salt(&self, team: Option<&str>) -> Result<Option<String>, StoreError>;
    /// Says whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
