//! Room on a worker's disk for what no server takes at the moment.

use async_trait::async_trait;
use bytes::Bytes;

use super::WorkplaceError;

/// Records that leave as they came, first in, first out. Nothing of it is left when it is dropped, nor when its process
/// ends in whatever way.
#[async_trait]
pub trait Spill: Send + 'static {
    /// Appends records, all of them or none.
    async fn push(&mut self, records: Vec<Bytes>) -> Result<(), WorkplaceError>;
    /// Takes the oldest records: as many as have `bytes` together, and one at least if there is one.
    async fn pop(&mut self, bytes: usize) -> Result<Vec<Bytes>, WorkplaceError>;
}
