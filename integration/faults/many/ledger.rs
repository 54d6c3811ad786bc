//! What the tasks of one build wrote, decided afterwards. Each word was one append, so their order is the order in which
//! they were said.

/// What all attempts of one build did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub attempts: Vec<Attempt>,
    /// How often two attempts were alive at one time, each told once.
    pub overlaps: Vec<String>,
}

/// One attempt: one claim of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    pub run: u64,
    pub fence: String,
    /// Whether its task came to its end.
    pub ended: bool,
    overlapped: bool,
}

impl Ledger {
    /// Reads it. A last line without its end is one that was being written by a process that was killed.
    pub fn read(text: &str) -> Self {
        let mut ledger = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if let [word, run, fence, rest] = words[..] {
                ledger.word(word, run, fence, rest);
            }
        }
        ledger
    }

    fn word(&mut self, word: &str, run: &str, fence: &str, rest: &str) {
        let last = self.attempts.len().wrapping_sub(1);
        let place = self.attempts.iter().position(|attempt| attempt.fence == fence);
        match (word, place) {
            ("begin", None) => {
                let run = run.parse().unwrap_or_default();
                self.attempts.push(Attempt { run, fence: fence.to_owned(), ..Attempt::default() });
            }
            ("begin", Some(_)) => self.overlaps.push(format!("claim {fence} began twice")),
            ("met", _) => self.overlaps.push(format!("{fence} began while {rest} was alive")),
            ("beat" | "end", Some(place)) => {
                let Some(attempt) = self.attempts.get_mut(place) else { return };
                attempt.ended |= word == "end";
                if place != last && !attempt.overlapped {
                    attempt.overlapped = true;
                    self.overlaps.push(format!("{fence} was alive when a later one had begun"));
                }
            }
            _ => {}
        }
    }

    /// The newest claim that began.
    pub fn newest(&self) -> Option<&Attempt> {
        self.attempts.iter().max_by_key(|attempt| &attempt.fence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_one_after_the_other_do_not_overlap() {
        let ledger = Ledger::read("begin 1 0a 7\nbeat 1 0a 1\nbegin 2 0b 8\nbeat 2 0b 1\nend 2 0b 1\n");
        assert!(ledger.overlaps.is_empty());
        assert_eq!(ledger.newest().map(|newest| (newest.run, newest.ended)), Some((2, true)));
        assert!(!ledger.attempts[0].ended);
    }

    #[test]
    fn a_sign_of_life_after_the_next_began_is_an_overlap() {
        let ledger = Ledger::read("begin 1 0a 7\nbegin 2 0b 8\nbeat 1 0a 1\nend 1 0a 1\n");
        assert_eq!(ledger.overlaps, ["0a was alive when a later one had begun"]);
        assert_eq!(Ledger::read("begin 1 0a 7\nmet 2 0b 0a\nbegin 2 0b 8\n").overlaps.len(), 1);
        assert_eq!(Ledger::read("begin 1 0a 7\nbegin 1 0a 8\n").overlaps.len(), 1);
    }
}
