//! Passwords: hashed with argon2id; bcrypt hashes, as the `--users` flag carries them, are verified too.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

/// Hashes a password with argon2id and a random salt. Takes some 20 ms of one core: not for an async context.
///
/// # Errors
/// The system has no randomness.
pub fn hash_password(password: &str) -> Result<String, String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether the password is the one of the hash.
#[must_use]
pub fn is_password(hash: &str, password: &str) -> bool {
    verify(Some(hash), password)
}

/// Compared with when there is no such user: an unknown name must not be told from a wrong password by the clock.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").unwrap_or_default());

/// Whether the password is the one of the hash. Without a hash it takes as long, and the answer is no.
pub(super) fn verify(hash: Option<&str>, password: &str) -> bool {
    let hash = match hash {
        Some(hash) => hash,
        None => {
            let _ = verify_argon2(&NOBODY, password);
            return false;
        }
    };
    if hash.starts_with("$2") {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    verify_argon2(hash, password)
}

fn verify_argon2(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_hashes_are_verified() {
        let argon = hash_password("correct horse").unwrap();
        assert!(argon.starts_with("$argon2id$") && verify(Some(&argon), "correct horse"));
        let bcrypt = bcrypt::hash("correct horse", 4).unwrap();
        assert!(verify(Some(&bcrypt), "correct horse"));
        for hash in [argon.as_str(), bcrypt.as_str(), "", "plain", "$2y$broken"] {
            assert!(!verify(Some(hash), "battery staple"), "{hash}");
        }
        assert!(!verify(None, "nobody has this password"));
    }
}
