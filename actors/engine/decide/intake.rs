//! The numbered events of one claim: which are new, and which may be stored next.

use std::collections::BTreeMap;

use pikoci_model::build::BuildEvent;
use pikoci_model::message::Numbered;

/// Events that cannot be taken yet are kept, at most this many: more than a worker's whole window has of the smallest
/// ones. What does not fit is sent again.
const MOST_AHEAD: usize = 32 * 1024;

/// When what is ready should be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing is ready.
    Nothing,
    /// It can wait for what follows.
    Soon,
    /// Somebody waits for it.
    Now,
}

/// Whether somebody waits for it: who reads a log, or who wants the place that the build gives back.
fn is_awaited(event: &BuildEvent) -> bool {
    matches!(event, BuildEvent::Log(_) | BuildEvent::Stuck { .. }) || event.is_last()
}

/// Filters what arrives more than once, early or late.
#[derive(Debug, Default)]
pub struct Intake {
    taken: u64,
    ahead: BTreeMap<u64, BuildEvent>,
}

impl Intake {
    /// Everything up to `through` is stored.
    pub fn after(through: u64) -> Self {
        Self { taken: through, ahead: BTreeMap::new() }
    }

    /// Highest number that was given out or skipped.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Events that wait for the one before them, or to be taken.
    pub fn waiting(&self) -> usize {
        self.ahead.len()
    }

    /// The sender holds nothing up to this number any more: somebody stored and acknowledged it.
    pub fn skip_to(&mut self, acknowledged: u64) {
        if acknowledged > self.taken {
            self.taken = acknowledged;
            self.ahead = self.ahead.split_off(&(acknowledged + 1));
        }
    }

    /// Keeps what is new.
    pub fn offer(&mut self, events: Vec<Numbered>) {
        for Numbered { number, event } in events {
            let next = number == self.taken + 1;
            if number > self.taken && (next || self.ahead.len() < MOST_AHEAD) {
                self.ahead.entry(number).or_insert(event);
            }
        }
    }

    /// Whether there is something to take, and whether it can wait a moment for what follows: what begins or ends in a
    /// build is shown a little later, and a short one costs some writes less.
    pub fn urgency(&self) -> Urgency {
        let ready = (self.taken + 1..).map_while(|number| self.ahead.get(&number));
        ready.fold(Urgency::Nothing, |urgency, event| match urgency {
            Urgency::Now => Urgency::Now,
            _ if is_awaited(event) => Urgency::Now,
            _ => Urgency::Soon,
        })
    }

    /// The events that follow without a gap, with their numbers.
    pub fn take(&mut self) -> Vec<(u64, BuildEvent)> {
        let mut ready = Vec::new();
        while let Some(event) = self.ahead.remove(&(self.taken + 1)) {
            self.taken += 1;
            ready.push((self.taken, event));
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use pikoci_model::build::Phase;

    fn events(numbers: &[u64]) -> Vec<Numbered> {
        numbers
            .iter()
            .map(|number| Numbered { number: *number, event: BuildEvent::Phase(Phase::Running) })
            .collect()
    }

    fn taken(intake: &mut Intake) -> Vec<u64> {
        intake.take().into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn each_number_comes_out_once_and_in_order() {
        let mut intake = Intake::default();
        intake.offer(events(&[3, 1]));
        assert_eq!(taken(&mut intake), [1]);
        intake.offer(events(&[1, 2, 2, 5]));
        assert_eq!(taken(&mut intake), [2, 3]);
        assert_eq!((intake.taken(), intake.waiting()), (3, 1));
        intake.offer(events(&[4]));
        assert_eq!(taken(&mut intake), [4, 5]);
    }

    #[test]
    fn what_nobody_awaits_can_wait() {
        let mut intake = Intake::default();
        assert_eq!(intake.urgency(), Urgency::Nothing);
        intake.offer(events(&[2]));
        assert_eq!(intake.urgency(), Urgency::Nothing, "the first is missing");
        intake.offer(events(&[1]));
        assert_eq!(intake.urgency(), Urgency::Soon);
        intake.offer(vec![Numbered { number: 3, event: BuildEvent::Finished { at: DateTime::UNIX_EPOCH } }]);
        assert_eq!(intake.urgency(), Urgency::Now);
    }

    #[test]
    fn an_adopting_server_goes_on_behind_what_was_acknowledged() {
        let mut intake = Intake::after(2);
        intake.offer(events(&[9, 10]));
        assert!(taken(&mut intake).is_empty());
        intake.skip_to(8);
        intake.skip_to(3);
        assert_eq!(taken(&mut intake), [9, 10]);
    }
}
