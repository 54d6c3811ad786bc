//! The programs of a host in memory.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

use super::{MemoryHost, launcher::Place, mask::MemoryMask};
use crate::{
    log::{Chunk, Stream},
    outcome::Ended,
    port::{Captured, Item, Mask, Spawn},
};

/// One run of a program.
pub(super) struct Run<'a> {
    host: &'a MemoryHost,
    item: &'a Item,
    spawn: Spawn,
    mask: &'a MemoryMask,
    place: &'a Mutex<Place>,
    /// What it printed, as far as it was asked to be kept.
    pub captured: Captured,
}

impl<'a> Run<'a> {
    pub fn new(
        host: &'a MemoryHost,
        item: &'a Item,
        mut spawn: Spawn,
        mask: &'a MemoryMask,
        place: &'a Mutex<Place>,
    ) -> Self {
        for file in std::mem::take(&mut spawn.files) {
            let path = format!("/handed/{}", file.placeholder);
            let content = file.content.reveal().as_bytes().to_vec();
            host.state().files.insert(PathBuf::from(&path), content);
            let values = spawn.argv.iter_mut().chain(spawn.env.values_mut());
            values.filter(|value| **value == file.placeholder).for_each(|value| value.clone_from(&path));
        }
        Self { host, item, spawn, mask, place, captured: Captured::default() }
    }

    /// How the program ended; nothing for one that goes on.
    pub fn execute(&mut self) -> Option<Ended> {
        let program = self.spawn.argv.first().cloned().unwrap_or_default();
        let words = self.spawn.argv.get(1..).unwrap_or_default().join(" ");
        let code = match program.as_str() {
            "true" | "/usr/bin/pikoci" => 0,
            "false" => 1,
            "exit" => words.parse().unwrap_or(2),
            "hang" | "stuck" => return None,
            "say" => self.print(Stream::Out, &words),
            "complain" => self.print(Stream::Err, &words),
            "show" => {
                let value = self.spawn.env.get(&words).cloned().unwrap_or_else(|| "(unset)".to_owned());
                self.print(Stream::Out, &format!("{words}={value}"))
            }
            "read" => self.read(&words),
            "export" => self.export(&words),
            "touch" => {
                self.host.state().files.insert(self.item.workdir.join(&words), Vec::new());
                0
            }
            "has" => i32::from(!self.host.state().files.contains_key(&self.item.workdir.join(&words))),
            "fail-before" => self.fail_before(&words),
            "fail-times" => self.fail_times(&words),
            _ => return Some(Ended::NotFound { program, searched: "the host in memory".to_owned() }),
        };
        Some(Ended::Exited(code))
    }

    fn print(&mut self, stream: Stream, words: &str) -> i32 {
        if self.spawn.capture && stream == Stream::Out {
            self.captured.last_line = Some(words.as_bytes().to_vec());
        }
        if self.spawn.capture {
            self.captured.last_mixed_line = Some(words.as_bytes().to_vec());
        }
        let masked = self.mask.masked(&format!("{words}\n"));
        if let (Some(sink), false) = (&self.spawn.sink, self.spawn.hide_stdout && stream == Stream::Out) {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let (step, attempt) = (self.spawn.step.clone(), self.spawn.attempt);
            let (offset, line, bytes) = (place.bytes, place.lines + 1, Bytes::from(masked));
            place.bytes += bytes.len() as u64;
            place.lines += 1;
            sink.accept(Chunk { step, attempt, stream, offset, line, t: 0, bytes });
        }
        0
    }

    fn read(&mut self, path: &str) -> i32 {
        let content = self.host.state().files.get(&PathBuf::from(path)).cloned();
        let Some(content) = content else { return 1 };
        let text = String::from_utf8_lossy(&content).into_owned();
        self.print(Stream::Out, text.lines().next().unwrap_or_default())
    }

    fn export(&self, words: &str) -> i32 {
        let Some(path) = self.spawn.env.get("PIKOCI_OUTPUT") else { return 1 };
        let mut state = self.host.state();
        let file = state.files.entry(PathBuf::from(path)).or_default();
        file.extend_from_slice(words.as_bytes());
        file.push(b'\n');
        0
    }

    fn fail_times(&mut self, words: &str) -> i32 {
        let (times, words) = words.split_once(' ').unwrap_or((words, ""));
        self.print(Stream::Out, words);
        let so_far = {
            let mut state = self.host.state();
            let so_far = state.runs.entry(words.to_owned()).or_default();
            *so_far += 1;
            *so_far
        };
        i32::from(times.parse::<u32>().is_ok_and(|times| so_far <= times))
    }

    fn fail_before(&mut self, words: &str) -> i32 {
        let (attempt, words) = words.split_once(' ').unwrap_or((words, ""));
        self.print(Stream::Out, words);
        i32::from(attempt.parse::<u32>().is_ok_and(|attempt| self.spawn.attempt < attempt))
    }
}
