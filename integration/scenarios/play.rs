//! Playing a scenario: the stage it is played on, from the first start of the server to the last end.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{
    expectation::check,
    record::{Record, record},
    script::{Act, Script},
};
use crate::world::{
    api::Api,
    processes::{Kin, alive, kill_below, none_left},
    program::{Server, Start, fresh_mark},
    repository::Repository,
};

/// On which transport.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// As people have it.
    Plain,
    /// With faults from this seed.
    Faulty { seed: u64 },
}

/// A play that is going on.
pub(super) struct Play<'a> {
    pub(super) script: &'a Script,
    pub(super) dir: PathBuf,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) mark: String,
    stage: Stage,
    home: PathBuf,
    server: Option<Server>,
    api: Option<Api>,
    killed: bool,
    ever_killed: bool,
}

/// Plays it, compares what came of it with what is written, and gives what was recorded.
pub fn play(script: &Script, stage: Stage) -> Record {
    let home = tempfile::tempdir().unwrap();
    let mut play = Play::prepare(script, stage, home.path());
    play.start();
    play.save(&script.pipeline);
    for act in &script.acts {
        match act {
            Act::Signal(name) => play.signal(name),
            Act::Kill(name) => {
                let killed = kill_below(play.server.as_ref().unwrap().pid(), name);
                assert!(killed > 0, "{}: there is no {name}", script.name);
                play.ever_killed = true;
            }
            Act::Ended {} => play.end(),
            Act::Started {} => play.start(),
            act => play.act(act),
        }
    }
    let record = play.compare();
    play.files();
    play.end_in_order();
    record
}

impl<'a> Play<'a> {
    fn prepare(script: &'a Script, stage: Stage, home: &Path) -> Self {
        let dir = home.join("dir");
        fs::create_dir(&dir).unwrap();
        for (file, content) in &script.given {
            fs::write(dir.join(file), content).unwrap();
        }
        let repositories =
            script.repository.iter().map(|(name, files)| (name.clone(), Repository::new(home, name, files)));
        let repositories = repositories.collect();
        let (home, mark) = (home.to_owned(), fresh_mark());
        Self {
            script,
            dir,
            repositories,
            mark,
            stage,
            home,
            server: None,
            api: None,
            killed: false,
            ever_killed: false,
        }
    }

    fn start(&mut self) {
        let mut start = Start::new(&self.home).args(&[
            "--db-system",
            &self.script.db,
            "--admin-password",
            "correct horse",
        ]);
        start.mark.clone_from(&self.mark);
        start.args.push(format!("--concurrency={}", self.script.concurrency));
        start.args.extend(self.script.flags.iter().map(|flag| self.fill(flag)));
        start.env.extend(self.script.env.iter().map(|(name, value)| (name.clone(), self.fill(value))));
        if let Stage::Faulty { seed } = self.stage {
            start.args.push(format!("--chaos-seed={seed}"));
        }
        let mut server = start.server();
        "correct horse".clone_into(&mut server.password);
        self.api = Some(server.api());
        self.server = Some(server);
        self.killed = false;
    }

    fn signal(&mut self, name: &str) {
        self.server.as_ref().unwrap().signal(name);
        self.killed = name == "KILL";
        self.ever_killed |= self.killed;
    }

    /// Waits for the server's end and for the end of everything that it started.
    fn end(&mut self) {
        let script = self.script;
        let (status, log) = self.server.take().unwrap().wait();
        self.api = None;
        assert!(self.killed || status.success(), "{}: the server ended with {status}\n{log}", script.name);
        for text in &script.nowhere {
            assert!(!log.contains(text.as_str()), "{}: the server's log shows {text}", script.name);
        }
        none_left(&self.mark, Kin::All);
    }

    fn end_in_order(&mut self) {
        if self.server.is_some() {
            none_left(&self.mark, Kin::Work);
            self.no_directory_left();
            self.signal("TERM");
            self.end();
        }
    }

    /// What builds and checks worked in is gone; only caches stay, and what a stop that is owed needs. Who was killed
    /// could not clear up.
    fn no_directory_left(&self) {
        if self.ever_killed {
            return;
        }
        let Ok(entries) = fs::read_dir(self.home.join(".cache/pikoci")) else { return };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // A work directory is named by a UUID; a check may be running at this moment.
        let left: Vec<String> = names.filter(|name| name.len() == 36).collect();
        let checks = self.script.pipeline.contains("check");
        let owed = self.script.owed_directories;
        assert!(checks || left.len() == owed, "{}: work directories are left: {left:?}", self.script.name);
    }

    pub(super) fn api(&self) -> &Api {
        self.api.as_ref().unwrap_or_else(|| panic!("{}: the server does not run", self.script.name))
    }

    /// The server itself, for a look at its processes.
    pub(super) fn everything_alive(&self) -> Vec<crate::world::processes::Found> {
        alive(&self.mark, Kin::All)
    }

    /// `${dir}` in a text is the scenario's directory, `${NAME.commit}` a repository's newest commit.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut text = text.replace("${dir}", &self.dir.to_string_lossy());
        for (name, repository) in &self.repositories {
            let place = format!("${{{name}.commit}}");
            if text.contains(&place) {
                text = text.replace(&place, &repository.commit("main"));
            }
        }
        text
    }

    /// Creates the pipeline, or replaces its file.
    pub(super) fn save(&self, pipeline: &str) {
        let mut vars: BTreeMap<String, Value> = BTreeMap::new();
        for (name, repository) in &self.repositories {
            vars.insert(format!("{name}_url"), json!(repository.bare.to_string_lossy()));
        }
        if pipeline.contains("variable \"dir\"") {
            vars.insert("dir".to_owned(), json!(self.dir.to_string_lossy()));
        }
        vars.extend(self.script.vars.iter().map(|(name, value)| (name.clone(), json!(self.fill(value)))));
        let name = &self.script.name;
        let body = json!({ "name": name, "config": BASE64_STANDARD.encode(pipeline), "vars": vars });
        let path = format!("/api/v1/teams/main/pipelines/{name}");
        let answer = if self.api().get(&path).status == 404 {
            self.api().post("/api/v1/teams/main/pipelines", &body)
        } else {
            self.api().put(&path, &body)
        };
        assert!(answer.status < 300, "{name}: {} {:#}", answer.status, answer.body);
    }

    fn compare(&self) -> Record {
        if self.api.is_none() {
            assert!(self.script.build.is_empty(), "{}: no server can be asked for builds", self.script.name);
            return Record::default();
        }
        check(self.script, self.api(), &|text| self.fill(text));
        record(
            self.script,
            self.api(),
            &[(&*self.dir.to_string_lossy(), "DIR"), (&*self.home.to_string_lossy(), "HOME")],
        )
    }

    fn files(&self) {
        for (file, expected) in &self.script.file {
            let found = fs::read_to_string(self.dir.join(file)).ok();
            let expected = self.fill(expected);
            match (found, expected.strip_prefix('~')) {
                (None, _) => assert_eq!(expected, "-", "{}: file {file} is missing", self.script.name),
                (Some(found), Some(part)) => {
                    assert!(found.contains(part), "{}: {file} has {found:?}", self.script.name)
                }
                (Some(found), None) => assert_eq!(found, expected, "{}: file {file}", self.script.name),
            }
        }
    }
}
