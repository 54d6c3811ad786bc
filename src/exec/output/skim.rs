//! Skimming: most of a log holds no secret, and most of its bytes need not be looked at to know that.
//!
//! A form of at least `shortest` bytes, wherever it lies, wholly holds one of the words that begin at every
//! `shortest - word + 1`-th byte. So it is enough to look whether such a word occurs anywhere in any form. Where one
//! does, the automaton looks at all that a form around it can cover; elsewhere there is no form.

use std::collections::BTreeSet;

/// Fewer bytes between two words would save nothing.
const SMALLEST_STRIDE: usize = 4;
/// Bits of the table for each word of a form: one of so many words that occur in no form is taken for one that does.
const BITS_PER_WORD: usize = 16;
/// The table stays in a processor's second cache.
const MOST_BITS: usize = 1 << 21;

/// Which words occur in forms; a word that does not may be taken for one that does, never the other way round.
#[derive(Debug)]
pub struct Skim {
    table: Vec<u64>,
    shift: u32,
    long_words: bool,
    /// Bytes from one word to the next.
    stride: usize,
    /// Bytes of the longest form.
    longest: usize,
}

impl Skim {
    /// For these forms. None if one is so short that every byte has to be looked at.
    pub fn new(forms: &BTreeSet<Vec<u8>>) -> Option<Self> {
        let shortest = forms.iter().map(Vec::len).min()?;
        let longest = forms.iter().map(Vec::len).max()?;
        let word = if shortest >= 8 + SMALLEST_STRIDE { 8 } else { 4 };
        let stride = (shortest + 1).checked_sub(word).filter(|stride| *stride >= SMALLEST_STRIDE)?;
        let words = || forms.iter().flat_map(|form| form.windows(word));
        let bits = (words().count() * BITS_PER_WORD).next_power_of_two().clamp(64, MOST_BITS);
        let shift = u64::BITS - bits.trailing_zeros();
        let mut skim = Self { table: vec![0; bits / 64], shift, long_words: word == 8, stride, longest };
        for word in words() {
            let place = skim.word(word).map(|word| skim.place(word)).unwrap_or_default();
            skim.table[place / 64] |= 1 << (place % 64);
        }
        Some(skim)
    }

    /// Where a form may end that begins at `from` or later, one stretch after the other: the first gives where its first
    /// byte may be, the second where its last one ends at the latest.
    pub fn stretches<'a>(
        &'a self,
        bytes: &'a [u8],
        from: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let size = if self.long_words { 8 } else { 4 };
        (from..bytes.len())
            .step_by(self.stride)
            .filter(|at| self.may_occur(bytes, *at))
            .map(move |at| ((at + size).saturating_sub(self.longest), (at + self.longest).min(bytes.len())))
    }

    /// Bytes of the longest form.
    pub fn longest(&self) -> usize {
        self.longest
    }

    fn may_occur(&self, bytes: &[u8], at: usize) -> bool {
        self.word(&bytes[at..]).is_some_and(|word| {
            let place = self.place(word);
            self.table[place / 64] & (1 << (place % 64)) != 0
        })
    }

    fn word(&self, bytes: &[u8]) -> Option<u64> {
        if self.long_words {
            bytes.first_chunk().map(|word| u64::from_le_bytes(*word))
        } else {
            bytes.first_chunk().map(|word| u64::from(u32::from_le_bytes(*word)))
        }
    }

    /// The upper bits of a product mix all bits of a word.
    fn place(&self, word: u64) -> usize {
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skim(forms: &[&str]) -> Option<Skim> {
        Skim::new(&forms.iter().map(|form| form.as_bytes().to_vec()).collect())
    }

    #[test]
    fn every_form_lies_in_a_stretch_wherever_it_begins() {
        for form in ["sevenby", "a-longer-secret"] {
            let skim = skim(&[form, "another-that-is-much-longer-than-these"]).unwrap();
            for before in 0..100 {
                let text = format!("{}{form}{}", "x".repeat(before), "y".repeat(50));
                let end = before + form.len();
                let found = skim.stretches(text.as_bytes(), 0).any(|(from, to)| from <= before && end <= to);
                assert!(found, "{form} {before}");
            }
        }
    }

    #[test]
    fn short_forms_are_not_skimmed_for() {
        assert!(skim(&["abc", "a-longer-secret"]).is_none());
        assert!(skim(&["sixbyt"]).is_none());
        assert!(skim(&[]).is_none());
    }
}
