//! What hides the secrets of a work item in memory: as they are, in no other form.

use std::sync::{Mutex, PoisonError};

use crate::{port::Mask, text::SecretValue};

#[derive(Default)]
pub(super) struct MemoryMask(Mutex<Vec<SecretValue>>);

impl MemoryMask {
    pub fn add(&self, values: &[SecretValue]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(values);
    }
}

impl Mask for MemoryMask {
    fn masked(&self, text: &str) -> String {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "***"))
    }
}
