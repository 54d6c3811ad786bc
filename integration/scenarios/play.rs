//! Playing a scenario.

use std::{collections::BTreeMap, fs, path::Path};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{
    expectation::check,
    script::{Act, Script},
};
use crate::world::{
    api::{Api, build_path},
    deadline::until,
    processes::none_left,
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

struct Play<'a> {
    script: &'a Script,
    stage: Stage,
    dir: &'a Path,
    mark: String,
    repositories: BTreeMap<String, Repository>,
}

/// Plays it and compares.
pub fn play(script: &Script, stage: Stage) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("dir");
    fs::create_dir(&dir).unwrap();
    let repositories = script
        .repository
        .iter()
        .map(|(name, files)| (name.clone(), Repository::new(home.path(), name, files)));
    let repositories = repositories.collect();
    let play = Play { script, stage, dir: &dir, mark: fresh_mark(), repositories };
    let mut server = play.start(home.path());
    let mut api = server.api();
    play.save(&api, &script.pipeline);
    for act in &script.acts {
        match act {
            Act::Stop(signal) => {
                server.signal(signal);
                let (status, log) = server.wait();
                assert!(status.success(), "{}: the server ended with {status}\n{log}", script.about);
                none_left(&play.mark);
                play.files();
                return;
            }
            Act::Restart(signal) => {
                server.signal(signal);
                server.wait();
                server = play.start(home.path());
                api = server.api();
            }
            act => play.act(&api, act),
        }
    }
    check(script, &api, &|text| play.fill(text));
    play.files();
    none_left(&play.mark);
    let (status, log) = server.stop();
    assert!(status.success(), "{}: the server ended with {status}\n{log}", script.about);
    for text in &script.nowhere {
        assert!(!log.contains(text.as_str()), "{}: the server's log shows {text}", script.about);
    }
}

impl Play<'_> {
    fn start(&self, home: &Path) -> Server {
        let mut start =
            Start::new(home).args(&["--db-system", &self.script.db, "--admin-password", "correct horse"]);
        start.mark.clone_from(&self.mark);
        start.args.extend(self.script.flags.iter().cloned());
        start.env.extend(self.script.env.iter().map(|(name, value)| (name.clone(), self.fill(value))));
        if let Stage::Faulty { seed } = self.stage {
            start.args.push(format!("--chaos-seed={seed}"));
        }
        let mut server = start.server();
        "correct horse".clone_into(&mut server.password);
        server
    }

    /// `${dir}` in a text is the scenario's directory, `${NAME.commit}` a repository's newest commit.
    fn fill(&self, text: &str) -> String {
        let mut text = text.replace("${dir}", &self.dir.to_string_lossy());
        for (name, repository) in &self.repositories {
            let place = format!("${{{name}.commit}}");
            if text.contains(&place) {
                text = text.replace(&place, &repository.commit("main"));
            }
        }
        text
    }

    fn save(&self, api: &Api, pipeline: &str) {
        let mut vars: BTreeMap<String, Value> = BTreeMap::new();
        for (name, repository) in &self.repositories {
            vars.insert(format!("{name}_url"), json!(repository.bare.to_string_lossy()));
        }
        vars.extend(self.script.vars.iter().map(|(name, value)| (name.clone(), json!(self.fill(value)))));
        let name = &self.script.name;
        let body = json!({ "name": name, "config": BASE64_STANDARD.encode(pipeline), "vars": vars });
        let path = format!("/api/v1/teams/main/pipelines/{name}");
        let answer = if api.get(&path).status == 404 {
            api.post("/api/v1/teams/main/pipelines", &body)
        } else {
            api.put(&path, &body)
        };
        assert!(answer.status < 300, "{name}: {} {:#}", answer.status, answer.body);
    }

    fn act(&self, api: &Api, act: &Act) {
        let name = self.script.name.as_str();
        let pipeline = format!("/api/v1/teams/main/pipelines/{name}");
        let post = |path: String| {
            let answer = api.post(&path, &json!({}));
            assert!(answer.status < 300, "{name}: POST {path}: {} {:#}", answer.status, answer.body);
            answer.body
        };
        match act {
            Act::Push { repository, files } => {
                self.repositories[repository].push(files, "change");
                post(format!("{pipeline}/resources/git.{repository}/trigger"));
            }
            Act::Tag { repository, tag } => {
                self.repositories[repository].tag(tag);
                post(format!("{pipeline}/resources/git.{repository}/trigger"));
            }
            Act::Trigger(job) => drop(post(format!("{pipeline}/jobs/{job}/trigger"))),
            Act::Check(resource) => drop(post(format!("{pipeline}/resources/{resource}/trigger"))),
            Act::Webhook(resource) => {
                let token =
                    api.get(&format!("{pipeline}/resources/{resource}")).body["data"]["webhook_token"]
                        .clone();
                post(format!("/webhooks/{}", token.as_str().unwrap()));
            }
            Act::Cancel(build) => drop(post(format!("{}/cancel", build_path(name, build)))),
            Act::Retry(build) => drop(post(format!("{}/retry", build_path(name, build)))),
            Act::Refused { post: path, status } => {
                let answer = api.post(&format!("{pipeline}/{path}"), &json!({}));
                assert_eq!(answer.status, *status, "{name}: POST {path}: {:#}", answer.body);
            }
            Act::Update(file) => self.save(api, &fs::read_to_string(super::directory().join(file)).unwrap()),
            Act::Write { file, content } => fs::write(self.dir.join(file), content).unwrap(),
            wait => self.wait(api, wait),
        }
    }

    fn wait(&self, api: &Api, act: &Act) {
        let name = self.script.name.as_str();
        let field = |build: &str, field: &str| {
            api.build(name, build).map(|b| b[field].as_str().unwrap_or_default().to_owned())
        };
        match act {
            Act::Done(build) => drop(api.done(name, build)),
            Act::Status { build, is } => {
                until(&format!("{build} {is}"), || (field(build, "status")? == *is).then_some(()))
            }
            Act::Waits { build, contains } => {
                until(&format!("{build} waits: {contains}"), || {
                    field(build, "waiting_reason")?.contains(contains).then_some(())
                });
            }
            Act::Log { build, step, contains } => until(&format!("{contains} in {build} {step}"), || {
                api.build(name, build)?;
                api.log(name, build, step).contains(contains).then_some(())
            }),
            Act::File(file) => until(&format!("file {file}"), || self.dir.join(file).exists().then_some(())),
            other => panic!("not an act that waits: {other:?}"),
        }
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
