//! Who may log in: the first admin and the users of the configuration.

use std::path::Path;

use pikoci_model::port::Store;

use super::agreement::of_host_key;
use crate::config::{ServerConfig, read_secret};

/// A generated password, to be shown once.
pub struct Generated {
    pub password: Option<String>,
}

/// Makes the team and the users.
///
/// # Errors
/// What is wrong with the configuration, or with the store.
pub async fn prepare(store: &dyn Store, config: &ServerConfig) -> Result<Generated, String> {
    let store_error = |error: pikoci_model::port::StoreError| error.to_string();
    store.ensure_team("main", "main").await.map_err(store_error)?;
    if config.team_canonical != "main" {
        store.ensure_team(&config.team_canonical, &config.team_canonical).await.map_err(store_error)?;
    }
    for (index, entry) in config.users.iter().enumerate() {
        let (name, hash) = split_user(entry)?;
        store.save_user(name, "", index == 0, hash).await.map_err(store_error)?;
    }
    let given =
        read_secret("admin-password", config.admin_password.clone(), config.admin_password_file.as_deref())
            .map_err(|error| error.to_string())?;
    if let Some(password) = given {
        if password.chars().count() < 8 {
            return Err("--admin-password needs at least 8 characters".to_owned());
        }
        let known = store.user("admin").await.map_err(store_error)?;
        // The same password again is no other one: another hash of it would end all sessions.
        let hash = match known.filter(|known| pikoci_web::is_password(&known.password_hash, &password)) {
            Some(known) => known.password_hash,
            None => pikoci_web::hash_password(&password)?,
        };
        store.save_user("admin", "", true, &hash).await.map_err(store_error)?;
        return Ok(Generated { password: None });
    }
    if store.user_count().await.map_err(store_error)? > 0 {
        return Ok(Generated { password: None });
    }
    let password = uuid::Uuid::new_v4().simple().to_string();
    // Stretching protects what people choose; 122 random bits need none, and the server starts 20 ms sooner.
    let hash = bcrypt::hash(&password, 4).map_err(|error| error.to_string())?;
    store.save_user("admin", "", true, &hash).await.map_err(store_error)?;
    Ok(Generated { password: Some(password) })
}

fn split_user(entry: &str) -> Result<(&str, &str), String> {
    let wrong = || "--users: expected USERNAME:BCRYPT (`pikoci user-password` makes it)".to_owned();
    let (name, hash) = entry.split_once(':').ok_or_else(wrong)?;
    if name.is_empty() || !hash.starts_with("$2") { Err(wrong()) } else { Ok((name, hash)) }
}

/// The key of the sessions: given, or made once and kept in the store.
///
/// # Errors
/// What is wrong with the configuration, or with the store.
pub async fn session_key(store: &dyn Store, config: &ServerConfig) -> Result<String, String> {
    let file: Option<&Path> = config.jwt_secret_file.as_deref();
    let given =
        read_secret("jwt-secret", config.jwt_secret.clone(), file).map_err(|error| error.to_string())?;
    match given {
        Some(key) if key.len() < 16 => Err("--jwt-secret needs at least 16 characters".to_owned()),
        Some(key) => Ok(key),
        None => {
            let fresh = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            store.setting_or_insert("session_key", &fresh).await.map_err(|error| of_host_key(&error))
        }
    }
}
