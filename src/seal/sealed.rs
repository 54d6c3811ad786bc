//! The sealed form: version, nonce, ciphertext with its tag.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use crate::{HostKey, SealError};

/// First byte of every sealed value.
const VERSION: u8 = 1;
/// Random bytes of each sealing: enough that two never meet.
const NONCE: usize = 24;

/// Seals `plain` for `context`. Two sealings of the same value differ.
///
/// # Errors
/// The system gives no random bytes.
pub fn seal(key: &HostKey, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|e| SealError::NoRandomness(e.to_string()))?;
    let payload = Payload { msg: plain, aad: context.as_bytes() };
    let sealed =
        cipher(key).encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| SealError::NotOpened)?;
    let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
    out.push(VERSION);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what was sealed with this key for this context.
///
/// # Errors
/// Another key, another context, a changed or foreign value.
pub fn open(key: &HostKey, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let Some((&VERSION, rest)) = sealed.split_first() else {
        return Err(SealError::Format(sealed.first().copied()));
    };
    let (nonce, body) = rest.split_at_checked(NONCE).ok_or(SealError::NotOpened)?;
    let payload = Payload { msg: body, aad: context.as_bytes() };
    cipher(key).decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::NotOpened)
}

fn cipher(key: &HostKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(key.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_only_at_its_place() {
        let (key, other) = (HostKey::random().unwrap(), HostKey::random().unwrap());
        let sealed = seal(&key, "given:7:token", b"hunter2").unwrap();
        assert_eq!(open(&key, "given:7:token", &sealed).unwrap(), b"hunter2");
        assert!(matches!(open(&key, "given:8:token", &sealed), Err(SealError::NotOpened)));
        assert!(matches!(open(&other, "given:7:token", &sealed), Err(SealError::NotOpened)));
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_ne!(sealed, seal(&key, "given:7:token", b"hunter2").unwrap());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let key = HostKey::random().unwrap();
        let sealed = seal(&key, "c", b"x").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key, "c", &changed).is_err(), "byte {at}");
            assert!(open(&key, "c", &sealed[..at]).is_err(), "length {at}");
        }
    }
}
