//! A bounded map that forgets who was not heard for longest.

use std::{collections::HashMap, hash::Hash};

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (u64, V)>,
    capacity: usize,
    clock: u64,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity, clock: 0 }
    }

    /// What is kept, which is now the youngest.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let (used, value) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }

    /// Keeps it; gives the key of what had to go.
    pub fn insert(&mut self, key: K, value: V) -> Option<K> {
        self.clock += 1;
        let full = self.entries.len() >= self.capacity && !self.entries.contains_key(&key);
        let oldest = full.then(|| self.entries.iter().min_by_key(|(_, (used, _))| *used));
        let gone = oldest.flatten().map(|(key, _)| key.clone());
        if let Some(gone) = &gone {
            self.entries.remove(gone);
        }
        self.entries.insert(key, (self.clock, value));
        gone
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recent_goes() {
        let mut recent = Recent::new(2);
        assert_eq!((recent.insert(1, 'a'), recent.insert(2, 'b')), (None, None));
        assert_eq!(recent.get(&1), Some(&mut 'a'));
        assert_eq!(recent.insert(3, 'c'), Some(2));
        assert_eq!((recent.get(&1).copied(), recent.get(&2).copied(), recent.len()), (Some('a'), None, 2));
    }
}
