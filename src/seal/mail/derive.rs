//! Keys from keys.

use std::fmt;

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hmac::Mac;
use sha2::{Digest, Sha256};

/// 32 secret bytes. Shows as `Secret(***)`.
#[derive(Clone)]
pub(super) struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A key for one purpose, from secret material.
pub(super) fn derive(salt: &[u8], material: &[u8], purpose: &[&[u8]]) -> Secret {
    let mut key = [0; 32];
    let expanded = Hkdf::<Sha256>::new(Some(salt), material).expand_multi_info(purpose, &mut key);
    debug_assert!(expanded.is_ok(), "32 bytes are within what HKDF gives");
    Secret(key)
}

/// HMAC-SHA256.
pub(super) fn sign(key: &[u8], text: &[u8]) -> [u8; 32] {
    // A key of any length is taken, so there is no error to be had.
    <hmac::Hmac<Sha256> as Mac>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// The name of who has this public key.
pub(super) fn name_of(kind: char, public: &[u8]) -> String {
    let digest = Sha256::digest(public);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{hex}")
}

/// One direction's cipher. The number of an envelope is its nonce: never the same twice under one key.
#[derive(Clone)]
pub(super) struct Cipher(ChaCha20Poly1305);

impl Cipher {
    pub fn new(key: &Secret) -> Self {
        Self(ChaCha20Poly1305::new(Key::from_slice(&key.0)))
    }

    /// None only for what is larger than the cipher takes, 256 GiB.
    pub fn seal(&self, number: u64, header: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(&nonce(number), Payload { msg: plain, aad: header }).ok()
    }

    pub fn open(&self, number: u64, header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(&nonce(number), Payload { msg: sealed, aad: header }).ok()
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce.into()
}
