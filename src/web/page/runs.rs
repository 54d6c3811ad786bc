//! The runs of a build: it runs again when its worker is lost, and what the lost run did stays to be read.

/// Which run of a build a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// The one that is shown, from 1.
    pub shown: u32,
    /// The newest.
    pub newest: u32,
    /// How many there may be at most.
    pub most: u32,
}

impl Runs {
    /// Whether a run is shown that was lost.
    pub(crate) fn is_old(self) -> bool {
        self.shown < self.newest
    }

    /// Each run with the address of its page; none for the one that is shown.
    pub(crate) fn links(self, base: &str) -> Vec<(u32, Option<String>)> {
        let link = |run| match run {
            run if run == self.shown => None,
            run if run == self.newest => Some(base.to_owned()),
            run => Some(format!("{base}?run={run}")),
        };
        (1..=self.newest).map(|run| (run, link(run))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_has_the_address_of_the_build() {
        let runs = Runs { shown: 2, newest: 3, most: 3 };
        assert!(runs.is_old());
        assert_eq!(runs.links("/b/7"), [(1, Some("/b/7?run=1".into())), (2, None), (3, Some("/b/7".into()))]);
    }
}
