//! Reaching a database server, and saying why it could not be reached.

use sqlx::{mysql::MySqlDatabaseError, postgres::PgDatabaseError};
use tokio::time::timeout;

use super::pool::WAIT;
use crate::options::OpenError;

/// Who it is that answers, or why nobody does.
pub(crate) async fn reached<C>(
    place: &str,
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
) -> Result<C, OpenError> {
    match timeout(WAIT, connecting).await {
        Ok(connected) => connected.map_err(|error| refused(place, &error)),
        Err(_) => {
            let reason = format!("nobody answers within {} s", WAIT.as_secs());
            Err(OpenError::Unreachable { place: place.to_owned(), reason })
        }
    }
}

/// Why we are not let in.
pub(crate) fn refused(place: &str, error: &sqlx::Error) -> OpenError {
    let (place, reason) = (place.to_owned(), format!("{error}{}", advice(error)));
    let Some(said) = error.as_database_error() else { return OpenError::Unreachable { place, reason } };
    let number = said.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
    let state = said.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code);
    match (state, number) {
        (Some("3D000"), _) | (_, Some(1049)) => OpenError::Missing { place, reason },
        (Some("28000" | "28P01" | "42501"), _) | (_, Some(1044 | 1045 | 1130 | 1142 | 1698)) => {
            OpenError::Denied { place, reason }
        }
        _ => OpenError::Unreachable { place, reason },
    }
}

/// What would be right, where the two sides do not agree about TLS.
fn advice(error: &sqlx::Error) -> &'static str {
    let text = error.to_string();
    if text.contains("invalid peer certificate") {
        "; expected a certificate of an authority that the system trusts or that --db-ca names"
    } else if text.contains("server does not support TLS") {
        "; expected a server with TLS, or --db-tls off"
    } else if text.contains("no encryption") || text.contains("require_secure_transport") {
        "; expected --db-tls verified"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_lacks_is_named() {
        let refused = |text: &str| advice(&sqlx::Error::Protocol(text.to_owned()));
        assert!(refused("invalid peer certificate: UnknownIssuer").contains("--db-ca"));
        assert!(refused("server does not support TLS").contains("--db-tls off"));
        assert!(refused("no pg_hba.conf entry for host, no encryption").contains("--db-tls verified"));
        assert_eq!(refused("something else"), "");
    }
}
