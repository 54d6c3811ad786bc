//! What all servers of one database must have in common: the host key, which seals what is private in it, and the jwt secret,
//! which makes sessions and worker tokens.

use pikoci_model::port::{Store, StoreError};
use pikoci_seal::mail::Installation;

use crate::config::{DbSystem, ServerConfig};

/// A setting that says nothing: like all settings it is sealed under the host key, so another one cannot read it.
const SEALED: &str = "host_key_mark";
/// The setting that holds the mark of the jwt secret.
const MARK: &str = "jwt_secret_mark";

/// Checks both against what the first server wrote down.
///
/// # Errors
/// They differ: what was found and what to set; or the store cannot be asked.
pub async fn agree(store: &dyn Store, config: &ServerConfig, secret: &str) -> Result<(), String> {
    if config.database.db_system == DbSystem::Mem {
        return Ok(());
    }
    store.setting_or_insert(SEALED, "").await.map_err(|error| of_host_key(&error))?;
    // Alone with its state a server may change its secret as it likes: sessions end, nothing else.
    if !matches!(config.database.db_system, DbSystem::Server(_)) {
        return Ok(());
    }
    let mark = Installation::new(secret).fingerprint();
    if config.replace_jwt_secret {
        tracing::warn!(
            "this jwt secret is the installation's from now on: other servers need it, and new worker tokens"
        );
        return store.replace_setting(MARK, &mark).await.map_err(|error| error.to_string());
    }
    let known = store.setting_or_insert(MARK, &mark).await.map_err(|error| error.to_string())?;
    if known == mark {
        return Ok(());
    }
    Err("the jwt secret is not that of the other servers of this database; expected the same --jwt-secret or \
         --jwt-secret-file for all of them, or for none (then it is in the database). If it shall be another one, start \
         this server with --replace-jwt-secret once"
        .to_owned())
}

/// What a store says that cannot read its own settings.
pub fn of_host_key(error: &StoreError) -> String {
    match error {
        StoreError::Inconsistent { table, .. } if *table == "settings" => {
            format!(
                "the host key is not the one that this database was made with ({error}); expected a copy of that, as \
                 host.key in --state-dir or named by --host-key-file, the same for all servers"
            )
        }
        other => other.to_string(),
    }
}
