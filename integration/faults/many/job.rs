//! The two jobs, and what their tasks print.

use std::fmt::Write;

/// A job of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Over in less than half a second.
    Short,
    /// Its first run is never over within a lease; later ones are short.
    Long,
}

/// What the task's script is told: how many beats, and lines a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course {
    beats: u64,
    lines: u64,
}

impl Job {
    pub const ALL: [Self; 2] = [Self::Short, Self::Long];

    pub fn name(self) -> &'static str {
        if self == Self::Short { "short" } else { "long" }
    }

    /// Each build number has its own course; the same arithmetic as in the pipeline.
    fn course(self, number: u64, run: u64) -> Course {
        match self {
            Self::Short => {
                Course { beats: number % 5 + 1, lines: if number.is_multiple_of(20) { 200 } else { 2 } }
            }
            Self::Long => Course { beats: if run > 1 { 5 } else { 400 }, lines: 2 },
        }
    }

    /// What the task of this run prints from its first to its last line.
    pub fn prints(self, number: u64, run: u64, fence: &str) -> String {
        let course = self.course(number, run);
        let mut text = String::new();
        for beat in 1..=course.beats {
            for line in 1..=course.lines {
                let _ = writeln!(text, "{} {number}, run {run} {fence}: {beat}.{line}", self.name());
            }
        }
        text
    }
}

/// The pipeline; `dir` is where script and ledgers are.
pub const PIPELINE: &str = r#"
variable "dir" { type = "string" }
job "short" {
  task "work" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "lines=2; [ $((BUILD_NUMBER % 20)) -ne 0 ] || lines=200; exec /bin/sh -e ${var.dir}/task.sh ${var.dir} $((BUILD_NUMBER % 5 + 1)) $lines 0.05"]
    }
  }
}
job "long" {
  task "work" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "beats=5; [ $BUILD_RUN -gt 1 ] || beats=400; exec /bin/sh -e ${var.dir}/task.sh ${var.dir} $beats 2 0.1"]
    }
  }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_prints_is_known() {
        let text = "short 5, run 2 0a: 1.1\nshort 5, run 2 0a: 1.2\n";
        assert_eq!(Job::Short.prints(5, 2, "0a"), text);
        assert_eq!(Job::Short.prints(44, 1, "0a").lines().count(), 10);
        assert_eq!(Job::Long.prints(1, 1, "0a").lines().count(), 800);
    }
}
