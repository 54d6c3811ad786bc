//! Files of certificate authorities, looked at before anybody is called: a client that cannot use one only says that no
//! connection comes about.

use std::path::Path;

use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::ConfigError;

/// Checks that the file of setting `name` can be read and holds certificates.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_authorities(name: &str, file: Option<&Path>) -> Result<(), ConfigError> {
    let Some(path) = file else { return Ok(()) };
    let wrong = |reason: String| ConfigError::new(format!("--{name} {}: {reason}", path.display()));
    // Read here: the parser would tell of a file that is not there in its own way.
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    match CertificateDer::pem_slice_iter(&text).next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(wrong(format!("{error}; expected certificates in PEM form"))),
        None => Err(wrong("it holds no certificate; expected certificates in PEM form".to_owned())),
    }
}
