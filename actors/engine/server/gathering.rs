//! Rings on their way to other servers: many within a moment go together, each topic once.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pikoci_model::port::Topic;

/// Topics that rang and were not told yet.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Mutex<BTreeSet<Topic>>);

impl Gathering {
    fn topics(&self) -> MutexGuard<'_, BTreeSet<Topic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if it is the first since the last [`take`](Self::take): somebody has to take them soon.
    pub(crate) fn add(&self, topic: Topic) -> bool {
        let mut topics = self.topics();
        topics.insert(topic);
        topics.len() == 1
    }

    /// What rang since.
    pub(crate) fn take(&self) -> Vec<Topic> {
        std::mem::take(&mut *self.topics()).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::id::BuildId;

    #[test]
    fn a_topic_goes_once_and_the_first_one_says_so() {
        let gathering = Gathering::default();
        let build = Topic::Build(BuildId(1));
        assert_eq!(
            [gathering.add(build), gathering.add(Topic::Everything), gathering.add(build)],
            [true, false, false]
        );
        assert_eq!(gathering.take(), [build, Topic::Everything]);
        assert!(gathering.take().is_empty() && gathering.add(build));
    }
}
