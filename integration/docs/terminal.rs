//! A terminal of a reader: one shell, one directory, commands typed in order, their output compared.
//!
//! `$ ` begins a command, `> ` goes on with it; other lines are its output, in which `…` stands for any text, and alone
//! on a line for any lines. A command that ends with `&` stays in the background; its lines are waited for, among
//! others, and it is ended with the page. The program's usual port is replaced by a free one, and so are the places of
//! servers that the page supposes.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
};

use tempfile::TempDir;

use super::page::{Block, Page};
use crate::world::{
    deadline::{PATIENCE, until},
    ports,
    processes::{Kin, none_left},
    program::{MARK, binary, fresh_mark},
};

/// The port that the pages name, and that of a second server.
const PORTS: [&str; 2] = ["8080", "8081"];
/// Ends the output of a command.
const END: &str = "=== end of the command";

pub struct Terminal {
    home: TempDir,
    shell: Child,
    keys: ChildStdin,
    lines: mpsc::Receiver<String>,
    /// What the pages name, and what stands here in its place.
    places: Vec<(String, String)>,
    mark: String,
    backgrounds: usize,
}

/// A text with the places of here; what was put in is not looked at again.
fn moved(text: &str, places: &[(String, String)]) -> String {
    let (mut rest, mut result) = (text, String::new());
    while let Some(first) = rest.chars().next() {
        let named = places.iter().find_map(|(there, here)| Some((rest.strip_prefix(there.as_str())?, here)));
        if let Some((after, here)) = named {
            result.push_str(here);
            rest = after;
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

/// A command and what it shall print.
struct Typed {
    line: usize,
    command: String,
    output: Vec<String>,
}

impl Terminal {
    pub fn open() -> Self {
        Self::among(Vec::new())
    }

    /// With servers that the page supposes: how it names each, and where it is.
    pub fn among(servers: Vec<(String, String)>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join(".tools");
        fs::create_dir(&tools).unwrap();
        symlink(binary(), tools.join("pikoci")).unwrap();
        let mut places = servers;
        places.extend(PORTS.map(|port| (port.to_owned(), ports::free().to_string())));
        let mark = fresh_mark();
        let mut shell = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .env_clear()
            .envs(Self::environment(&home, &moved(PORTS[0], &places)))
            .env(MARK, &mark)
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keys, out) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        let mut terminal = Self { home, shell, keys, lines, places, mark, backgrounds: 0 };
        terminal.press("exec 2>&1");
        terminal
    }

    /// A reader's environment: git knows who they are, no container engine answers, the program's usual port is free.
    fn environment(home: &TempDir, port: &str) -> Vec<(String, String)> {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let dir = home.path().display();
        [
            ("PATH", format!("{dir}/.tools:{path}:/usr/sbin")),
            ("HOME", dir.to_string()),
            ("XDG_STATE_HOME", format!("{dir}/.local/state")),
            ("LANG", "C.UTF-8".to_owned()),
            ("DOCKER_HOST", "unix:///nonexistent/docker.sock".to_owned()),
            ("PIKOCI_PORT", port.to_owned()),
            ("PIKOCI_URL", format!("http://localhost:{port}")),
            ("GIT_AUTHOR_NAME", "Reader".to_owned()),
            ("GIT_AUTHOR_EMAIL", "reader@example.com".to_owned()),
            ("GIT_COMMITTER_NAME", "Reader".to_owned()),
            ("GIT_COMMITTER_EMAIL", "reader@example.com".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Saves a file that the page shows.
    pub fn save(&self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, moved(text, &self.places)).unwrap();
    }

    /// Types the commands of a block.
    pub fn play(&mut self, page: &Page, block: &Block) {
        for typed in read(block) {
            let at = page.at(typed.line);
            let expected: Vec<String> = typed.output.iter().map(|line| moved(line, &self.places)).collect();
            let command = moved(&typed.command, &self.places);
            match command.strip_suffix('&') {
                Some(background) if !background.ends_with('&') => self.begin(&at, background, &expected),
                _ => self.run(&at, &command, &expected),
            }
        }
    }

    fn press(&mut self, command: &str) {
        writeln!(self.keys, "{command}").unwrap();
    }

    fn run(&mut self, at: &str, command: &str, expected: &[String]) {
        self.press(command);
        self.press(&format!("echo; echo '{END}' $?"));
        let mut said = Vec::new();
        let code = loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{at}: no end of {command}: {said:#?}"));
            match line.strip_prefix(END) {
                Some(code) => break code.trim().to_owned(),
                None => said.push(line),
            }
        };
        // The empty line of the mark, and the end of a last line that had none.
        said.pop_if(|line| line.is_empty());
        assert_eq!(code, "0", "{at}: {command}: {said:#?}");
        assert!(matches(expected, &said), "{at}: {command}\nexpected {expected:#?}\nfound {said:#?}");
    }

    fn begin(&mut self, at: &str, command: &str, expected: &[String]) {
        self.backgrounds += 1;
        let log = self.home.path().join(format!(".background-{}", self.backgrounds));
        self.press(&format!("{command} > {} 2>&1 &", log.display()));
        for line in expected {
            until(&format!("{at}: {line}"), || {
                let said = fs::read_to_string(&log).unwrap_or_default();
                said.lines().any(|found| fits(line, found)).then_some(())
            });
        }
    }

    /// Ends what is in the background; then nothing may be alive.
    pub fn close(mut self) {
        self.press("[ -z \"$(jobs -p)\" ] || kill $(jobs -p)");
        self.press("wait; exit 0");
        let status = until("the end of the shell", || self.shell.try_wait().unwrap());
        assert!(status.success());
        none_left(&self.mark, Kin::All);
    }
}

/// The commands of a block.
fn read(block: &Block) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        let begun = all.last_mut();
        if let Some(command) = line.strip_prefix("$ ") {
            all.push(Typed { line: block.line + index, command: command.to_owned(), output: Vec::new() });
        } else if let (Some(more), Some(typed)) = (line.strip_prefix("> "), begun) {
            typed.command = format!("{}\n{more}", typed.command);
        } else if let Some(typed) = all.last_mut() {
            typed.output.push(line.to_owned());
        }
    }
    all
}

/// Whether the lines are as expected.
fn matches(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=found.len()).any(|skipped| matches(rest, &found[skipped..]))
        }
        Some((first, rest)) => {
            found.split_first().is_some_and(|(line, more)| fits(first, line) && matches(rest, more))
        }
    }
}

/// Whether a line is as expected; `…` is any text.
fn fits(expected: &str, found: &str) -> bool {
    match expected.split_once('…') {
        None => expected == found,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|found| {
            let ends = found.char_indices().map(|(at, _)| at).chain([found.len()]);
            ends.into_iter().any(|at| fits(rest, &found[at..]))
        }),
    }
}

#[test]
fn a_wildcard_is_any_text_or_any_lines() {
    assert!(fits("a … c…", "a b c") && !fits("a … c", "a b d") && fits("…", ""));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n…\nd"), &lines("a\nb\nc\nd")) && matches(&lines("a\n…"), &lines("a")));
    assert!(!matches(&lines("a\n…\nd"), &lines("a\nb")) && !matches(&[], &lines("a")));
}
