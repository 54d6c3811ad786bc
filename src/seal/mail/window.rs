//! Which numbers of one sender have come already.

/// How far an envelope may be overtaken by others.
const SIZE: u64 = 1024;
const WORDS: usize = (SIZE / 64) as usize;

/// The newest number and those before it. Numbers begin at 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    newest: u64,
    seen: [u64; WORDS],
}

impl Window {
    /// Whether this number has not come yet, as far as is known; a number that is too old counts as come.
    pub fn is_fresh(&self, number: u64) -> bool {
        if number > self.newest {
            return true;
        }
        self.newest - number < SIZE && number != 0 && self.seen[word(number)] & bit(number) == 0
    }

    /// Notes it; only what was authenticated may be noted.
    pub fn note(&mut self, number: u64) {
        if number > self.newest {
            let first = self.newest + 1;
            for skipped in first.max(number.saturating_sub(SIZE - 1))..=number {
                self.seen[word(skipped)] &= !bit(skipped);
            }
            self.newest = number;
        }
        self.seen[word(number)] |= bit(number);
    }
}

fn word(number: u64) -> usize {
    usize::try_from(number % SIZE / 64).unwrap_or(0)
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_comes_once() {
        // Compared with a set that forgets nothing, over numbers that wander.
        let (mut window, mut seen, mut newest) = (Window::default(), BTreeSet::new(), 0_u64);
        let mut state = 7_u64;
        for _ in 0..50_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let step = (state >> 33) % 3000;
            let number = (newest + 40).saturating_sub(step).max(1);
            let fresh = number > newest || (newest - number < SIZE && !seen.contains(&number));
            assert_eq!(window.is_fresh(number), fresh, "{number} after {newest}");
            if fresh {
                window.note(number);
                seen.insert(number);
                newest = newest.max(number);
            }
        }
        assert!(!window.is_fresh(0));
        window.note(u64::MAX);
        assert!(!window.is_fresh(u64::MAX) && window.is_fresh(u64::MAX - 1) && !window.is_fresh(newest));
    }
}
