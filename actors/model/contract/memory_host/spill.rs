//! Records that wait, in memory.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryHost;
use crate::port::{Spill, WorkplaceError};

pub(super) struct MemorySpill {
    host: MemoryHost,
    records: VecDeque<Bytes>,
}

impl MemorySpill {
    pub(super) fn new(host: MemoryHost) -> Self {
        Self { host, records: VecDeque::new() }
    }
}

#[async_trait]
impl Spill for MemorySpill {
    async fn push(&mut self, records: Vec<Bytes>) -> Result<(), WorkplaceError> {
        let more: usize = records.iter().map(Bytes::len).sum();
        let room = &mut self.host.state().spill;
        let size = room.used + more;
        if let Some(limit) = room.limit.filter(|limit| size > *limit) {
            let (size, limit) = (size as u64, limit as u64);
            return Err(WorkplaceError::TooLarge { path: "the spills".to_owned(), size, limit });
        }
        room.used = size;
        self.records.extend(records);
        Ok(())
    }

    async fn pop(&mut self, bytes: usize) -> Result<Vec<Bytes>, WorkplaceError> {
        let room = &mut self.host.state().spill;
        if room.broken {
            return Err(WorkplaceError::System {
                path: "a spill".to_owned(),
                reason: "is broken".to_owned(),
            });
        }
        let (mut taken, mut left) = (Vec::new(), bytes);
        while let Some(first) = self.records.front().filter(|first| taken.is_empty() || first.len() <= left) {
            left = left.saturating_sub(first.len());
            room.used -= first.len();
            taken.extend(self.records.pop_front());
        }
        Ok(taken)
    }
}

impl Drop for MemorySpill {
    fn drop(&mut self) {
        let held: usize = self.records.iter().map(Bytes::len).sum();
        self.host.state().spill.used -= held;
    }
}
