//! Masking: every byte that belongs to a form of a secret is replaced, whatever borders it crosses.
//!
//! Matches may overlap; what is replaced is their union, one `***` for each run of covered bytes. At the end of a block
//! the longest tail that could still become a match is held back, and nothing more.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::{self, DFA};
use aho_corasick::{Anchored, MatchKind, StartKind, nfa};
use bytes::{Bytes, BytesMut};
use pikoci_model::port::Mask;

use super::forms;
use super::skim::Skim;

/// What stands in the log for a secret.
const MASK: &[u8] = b"***";
/// A table over more bytes of forms than this would fall out of the processor's caches and use tens of megabytes; then
/// the compact automaton is better, though slower.
const LARGEST_TABLE: usize = 256 * 1024;

/// The automaton over all forms of a set of secrets.
#[derive(Debug)]
pub struct Masker(Option<Machine>);

#[derive(Debug)]
enum Machine {
    Table(Tree<DFA>),
    Compact(Tree<nfa::contiguous::NFA>),
}

#[derive(Debug)]
struct Tree<A> {
    automaton: A,
    start: StateID,
    /// For a state, the length of the longest tail of what was read that a longer form begins with.
    depth: HashMap<StateID, usize>,
    /// Finds what the automaton has to look at. None: everything.
    skim: Option<Skim>,
}

impl Masker {
    /// For these values. Those that are too short are left out.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let forms = forms::all(values);
        if forms.is_empty() {
            return Self(None);
        }
        let table = forms.iter().map(Vec::len).sum::<usize>() <= LARGEST_TABLE;
        let mut of_table = dfa::Builder::new();
        of_table.match_kind(MatchKind::Standard).start_kind(StartKind::Unanchored).prefilter(false);
        let machine = match table.then(|| of_table.build(&forms)).and_then(Result::ok) {
            Some(automaton) => Tree::new(automaton, &forms).map(Machine::Table),
            None => nfa::contiguous::Builder::new()
                .match_kind(MatchKind::Standard)
                .prefilter(false)
                .build(&forms)
                .ok()
                .and_then(|automaton| Tree::new(automaton, &forms))
                .map(Machine::Compact),
        };
        Self(machine)
    }

    /// Scans what is new in `buffer`, takes out of it everything that is decided, masked, and leaves the rest.
    /// `at_end`: nothing follows, so everything is decided.
    pub fn scan(&self, scanner: &mut Scanner, buffer: &mut BytesMut, at_end: bool) -> Bytes {
        let undecided = match &self.0 {
            None => 0,
            Some(Machine::Table(tree)) => tree.scan(scanner, buffer),
            Some(Machine::Compact(tree)) => tree.scan(scanner, buffer),
        };
        scanner.scanned = buffer.len();
        let decided = if at_end { buffer.len() } else { buffer.len() - undecided.min(buffer.len()) };
        scanner.take(buffer, decided)
    }
}

/// Where the automaton stands.
struct Walk {
    state: StateID,
    at: usize,
}

impl<A: Automaton> Tree<A> {
    fn new(automaton: A, forms: &BTreeSet<Vec<u8>>) -> Option<Self> {
        let start = automaton.start_state(Anchored::No).ok()?;
        let mut depth = HashMap::new();
        for form in forms {
            let mut state = start;
            for (before, byte) in form.iter().enumerate() {
                state = automaton.next_state(Anchored::No, state, *byte);
                depth.insert(state, before + 1);
            }
        }
        for form in forms {
            let state =
                form.iter().fold(start, |state, byte| automaton.next_state(Anchored::No, state, *byte));
            let live = (0..form.len()).find(|from| begins_longer(forms, &form[*from..]));
            depth.insert(state, live.map_or(0, |from| form.len() - from));
        }
        Some(Self { automaton, start, depth, skim: Skim::new(forms) })
    }

    /// Gives the number of bytes at the end that may yet become part of a match.
    fn scan(&self, scanner: &mut Scanner, buffer: &[u8]) -> usize {
        let mut walk = Walk { state: scanner.state.unwrap_or(self.start), at: scanner.scanned };
        if let Some(skim) = &self.skim {
            let from = walk.at;
            // A form may have begun before.
            self.walk(&mut walk, buffer, (from + skim.longest()).min(buffer.len()), scanner);
            for (first, end) in skim.stretches(buffer, from) {
                self.jump(&mut walk, first);
                self.walk(&mut walk, buffer, end, scanner);
            }
            // The state at the end depends on no more than this.
            self.jump(&mut walk, buffer.len().saturating_sub(skim.longest()));
        }
        self.walk(&mut walk, buffer, buffer.len(), scanner);
        scanner.state = Some(walk.state);
        self.depth.get(&walk.state).copied().unwrap_or(0)
    }

    /// Goes on at `to`, unless it is there already: nothing that begins before it is left to be found.
    fn jump(&self, walk: &mut Walk, to: usize) {
        if to > walk.at {
            *walk = Walk { state: self.start, at: to };
        }
    }

    fn walk(&self, walk: &mut Walk, buffer: &[u8], end: usize, scanner: &mut Scanner) {
        let Some(bytes) = buffer.get(walk.at..end) else { return };
        for (place, byte) in (walk.at..).zip(bytes) {
            walk.state = self.automaton.next_state(Anchored::No, walk.state, *byte);
            if self.automaton.is_special(walk.state) && self.automaton.is_match(walk.state) {
                scanner.cover(place + 1 - self.longest(walk.state), place + 1);
            }
        }
        walk.at = end;
    }

    /// Of the forms that end in this state, the longest covers the others.
    fn longest(&self, state: StateID) -> usize {
        let matches = 0..self.automaton.match_len(state);
        matches
            .map(|index| self.automaton.pattern_len(self.automaton.match_pattern(state, index)))
            .max()
            .unwrap_or(0)
    }
}

/// Whether one of the forms begins with this and goes on.
fn begins_longer(forms: &BTreeSet<Vec<u8>>, text: &[u8]) -> bool {
    let behind = (Bound::Excluded(text), Bound::Unbounded);
    forms.range::<[u8], _>(behind).next().is_some_and(|form| form.starts_with(text))
}

/// How far one stream has been scanned.
#[derive(Debug, Default)]
pub struct Scanner {
    state: Option<StateID>,
    /// Bytes of the buffer that have been scanned.
    scanned: usize,
    /// What is covered, from the buffer's beginning on; apart from each other and in order.
    covered: Vec<(usize, usize)>,
    /// The last byte that was taken out was covered, so its `***` is written already.
    inside: bool,
}

impl Scanner {
    /// Another set of secrets applies from here on; what is held back is scanned again.
    pub fn restart(&mut self) {
        self.state = None;
        self.scanned = 0;
    }

    /// Ends of matches only grow, so only the last of what is covered can be touched.
    fn cover(&mut self, mut from: usize, to: usize) {
        while let Some((start, end)) = self.covered.pop() {
            if end < from {
                self.covered.push((start, end));
                break;
            }
            from = from.min(start);
        }
        self.covered.push((from, to));
    }

    fn take(&mut self, buffer: &mut BytesMut, decided: usize) -> Bytes {
        self.scanned -= decided;
        let taken = buffer.split_to(decided);
        if taken.is_empty() || self.covered.first().is_none_or(|(start, _)| *start >= decided) {
            self.inside &= taken.is_empty();
            self.shift(decided);
            return taken.freeze();
        }
        let mut masked = BytesMut::with_capacity(taken.len());
        let mut place = 0;
        for (start, end) in self.covered.iter().copied().filter(|(start, _)| *start < decided) {
            masked.extend_from_slice(&taken[place..start]);
            if start > place || !self.inside {
                masked.extend_from_slice(MASK);
            }
            self.inside = true;
            place = end.min(decided);
        }
        masked.extend_from_slice(&taken[place..]);
        self.inside = place == decided;
        self.shift(decided);
        masked.freeze()
    }

    fn shift(&mut self, taken: usize) {
        self.covered.retain_mut(|(start, end)| {
            *start = start.saturating_sub(taken);
            *end = end.saturating_sub(taken);
            *end > 0
        });
    }
}

/// The secrets of a work item; they grow while it runs.
#[derive(Debug)]
pub struct Masking {
    inner: RwLock<(BTreeSet<String>, Arc<Masker>)>,
}

impl Default for Masking {
    fn default() -> Self {
        Self { inner: RwLock::new((BTreeSet::new(), Arc::new(Masker(None)))) }
    }
}

impl Masking {
    /// Adds values to be masked from now on. Gives how many are too short for it.
    pub fn add<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> usize {
        let (short, long): (Vec<&str>, Vec<&str>) =
            values.into_iter().partition(|value| forms::is_too_short(value));
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let before = inner.0.len();
        inner.0.extend(long.into_iter().map(str::to_owned));
        if inner.0.len() > before {
            inner.1 = Arc::new(Masker::new(inner.0.iter().map(String::as_str)));
        }
        short.len()
    }

    /// What masks now.
    pub fn current(&self) -> Arc<Masker> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner).1)
    }
}

impl Mask for Masking {
    fn masked(&self, text: &str) -> String {
        let masked = self.current().scan(&mut Scanner::default(), &mut BytesMut::from(text), true);
        String::from_utf8_lossy(&masked).into_owned()
    }
}

#[cfg(test)]
mod tests;
