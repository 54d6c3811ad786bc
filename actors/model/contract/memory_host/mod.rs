//! A host in memory: launcher and workplace over the same files, with programs of its own.
//!
//! | program | what it does |
//! |---|---|
//! | `/usr/bin/pikoci …` | the program itself: ends with 0 |
//! | `true`, `false`, `exit N` | ends with 0, 1, N |
//! | `say WORDS`, `complain WORDS` | prints a line on standard output or error and ends with 0 |
//! | `show NAME` | prints `NAME=value` of its environment |
//! | `export KEY=VALUE` | adds a line to `$PIKOCI_OUTPUT` |
//! | `touch PATH`, `has PATH` | makes a file below WORKDIR; ends with 0 if it exists |
//! | `fail-before N WORDS` | says the words and ends with 1 before attempt N, with 0 from then on |
//! | `fail-times N WORDS` | says the words and ends with 1 the first N times that anybody says them, then with 0 |
//! | `read PATH` | prints the first line of a file that was handed to it |
//! | `hang` | runs until it is terminated |
//! | `stuck` | runs until [`MemoryHost::unstick`]; no signal ends it |
//!
//! What happens is written down in order ([`MemoryHost::story`]); whoever waits for a line is woken by it.

mod host;
mod launcher;
mod mask;
mod process;
mod program;
mod slot;
mod spill;
mod workplace;

pub use host::MemoryHost;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

    use super::*;
    use crate::{
        contract::{
            launcher::{Act, LauncherWorld, launcher_suite},
            workplace_suite,
        },
        port::Launcher,
    };

    #[async_trait::async_trait]
    impl LauncherWorld for MemoryHost {
        fn launcher(&self) -> &dyn Launcher {
            self
        }

        fn directory(&self) -> PathBuf {
            "/work".into()
        }

        fn argv(&self, act: Act<'_>) -> Vec<String> {
            let line = match act {
                Act::Exit(code) => format!("exit|{code}"),
                Act::Say(words) => format!("say|{words}"),
                Act::Complain(words) => format!("complain|{words}"),
                Act::Show(name) => format!("show|{name}"),
                Act::Read(path) => format!("read|{path}"),
                Act::Mark(word) => format!("say|mark {word}"),
                Act::Hang => "hang".to_owned(),
                Act::Missing => "no-such-program".to_owned(),
            };
            line.split('|').map(str::to_owned).collect()
        }

        fn env(&self) -> BTreeMap<String, String> {
            BTreeMap::new()
        }

        fn marks(&self) -> Vec<String> {
            let story = self.story();
            let marks = story.iter().filter_map(|line| line.split_once(": say mark "));
            marks.map(|(_, word)| word.to_owned()).collect()
        }

        /// Everything that happens has happened.
        async fn marked(&self, _: &str) {}
    }

    #[test]
    fn passes_the_suites() {
        futures::executor::block_on(launcher_suite(|| Box::new(MemoryHost::new())));
        futures::executor::block_on(workplace_suite(|| Arc::new(MemoryHost::new())));
    }
}
