//! A person's terminal: a directory, and commands typed in it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use tempfile::TempDir;

use crate::world::{
    deadline::PATIENCE,
    processes::{Kin, none_left},
    program::{MARK, command, fresh_mark},
};

/// A terminal.
pub struct Shell {
    home: TempDir,
    mark: String,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), mark: fresh_mark() }
    }

    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.dir().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a command to its end, after which nothing of it is alive.
    pub fn run(&self, args: &[&str]) -> Said {
        let output = command(self.dir()).args(args).env(MARK, &self.mark).output().unwrap();
        none_left(&self.mark, Kin::All);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs it and expects this exit code.
    pub fn expect(&self, code: i32, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, code, "{args:?}: {said:#?}");
        said
    }

    /// Starts a command whose output is read while it runs.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child =
            command(self.dir()).args(args).env(MARK, &self.mark).stdout(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let out = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, lines, mark: self.mark.clone() }
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    mark: String,
}

impl Running {
    /// Waits for a line that contains this; gives the lines up to it.
    pub fn until(&self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {text:?} in {seen:#?}"));
            seen.push(line);
            if seen.last().is_some_and(|line| line.contains(text)) {
                return seen;
            }
        }
    }

    /// Sends a signal, as Ctrl-C does.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success()
        );
    }

    /// Waits for the end; gives exit code and the lines that were not read.
    pub fn end(mut self) -> (i32, Vec<String>) {
        let status = self.child.wait().unwrap();
        none_left(&self.mark, Kin::All);
        (status.code().unwrap(), self.lines.iter().collect())
    }
}
