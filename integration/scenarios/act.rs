//! What people do in a scenario, and what they wait for.

use std::fs;

use serde_json::{Value, json};

use super::{play::Play, script::Act};
use crate::world::{api::build_path, deadline::until};

impl Play<'_> {
    fn pipeline(&self) -> String {
        format!("/api/v1/teams/main/pipelines/{}", self.script.name)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.api().post(path, body);
        assert!(
            answer.status < 300,
            "{}: POST {path}: {} {:#}",
            self.script.name,
            answer.status,
            answer.body
        );
        answer.body
    }

    fn check(&self, resource: &str) {
        self.post(&format!("{}/resources/{resource}/trigger", self.pipeline()), &json!({}));
    }

    fn of_build(&self, build: &str, act: &str) {
        self.post(&format!("{}/{act}", build_path(&self.script.name, build)), &json!({}));
    }

    /// Does what has no answer to wait for.
    pub(super) fn act(&self, act: &Act) {
        match act {
            Act::Push { repository, files } => {
                let files = files.iter().map(|(path, content)| (path.clone(), self.fill(content))).collect();
                self.repositories[repository].push(&files, "change");
                self.check(&format!("git.{repository}"));
            }
            Act::Tag { repository, tag } => {
                self.repositories[repository].tag(tag);
                self.check(&format!("git.{repository}"));
            }
            Act::Trigger(job) => {
                self.post(&format!("{}/jobs/{job}/trigger", self.pipeline()), &json!({}));
            }
            Act::Check(resource) => self.check(resource),
            Act::Webhook(resource) => {
                let known = self.resource(resource);
                self.post(&format!("/webhooks/{}", known["webhook_token"].as_str().unwrap()), &json!({}));
            }
            Act::AddVersion { resource, version } => {
                let path = format!("{}/resources/{resource}/versions", self.pipeline());
                self.post(&path, &json!({ "version": version }));
            }
            Act::TriggerVersion { resource, field, is } => {
                self.trigger_version(resource, field, &self.fill(is))
            }
            Act::Cancel(build) => self.of_build(build, "cancel"),
            Act::Retry(build) => self.of_build(build, "retry"),
            Act::Refused { post, status } => {
                let answer = self.api().post(&format!("{}/{post}", self.pipeline()), &json!({}));
                assert_eq!(answer.status, *status, "{}: POST {post}: {:#}", self.script.name, answer.body);
            }
            Act::Update(file) => self.save(&fs::read_to_string(super::directory().join(file)).unwrap()),
            Act::Write { file, content } => fs::write(self.dir.join(file), content).unwrap(),
            Act::Remove(file) => fs::remove_file(self.dir.join(file)).unwrap(),
            wait => self.wait(wait),
        }
    }

    fn wait(&self, act: &Act) {
        let (api, name) = (self.api(), self.script.name.as_str());
        let what = format!("{name}: {act:?}");
        let field = |build: &str, field: &str| {
            api.build(name, build).map(|b| b[field].as_str().unwrap_or_default().to_owned())
        };
        match act {
            Act::Done(build) => drop(api.done(name, build)),
            Act::Status { build, is } => until(&what, || (field(build, "status")? == *is).then_some(())),
            Act::Phase { build, is } => until(&what, || (field(build, "phase")? == *is).then_some(())),
            Act::Waits { build, contains } => {
                until(&what, || field(build, "waiting_reason")?.contains(contains).then_some(()));
            }
            Act::Log { build, step, contains } => until(&what, || {
                api.build(name, build)?;
                api.log(name, build, step).contains(contains).then_some(())
            }),
            Act::File(file) => until(&what, || self.dir.join(file).exists().then_some(())),
            Act::Versions { resource, count } => until(&what, || {
                let found = self.versions(resource).len();
                assert!(found <= *count, "{what}: there are {found}");
                (found == *count).then_some(())
            }),
            Act::Resource { resource, field, contains } => until(&what, || {
                let value = &self.resource(resource)[field.as_str()];
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text.contains(contains).then_some(())
            }),
            Act::Look(command) => self.look(command),
            other => panic!("not an act that waits: {other:?}"),
        }
    }

    fn resource(&self, resource: &str) -> Value {
        let answer = self.api().get(&format!("{}/resources/{resource}", self.pipeline()));
        assert_eq!(answer.status, 200, "{}: {resource}: {:#}", self.script.name, answer.body);
        answer.body["data"].clone()
    }

    fn versions(&self, resource: &str) -> Vec<Value> {
        let answer = self.api().get(&format!("{}/resources/{resource}/versions?limit=500", self.pipeline()));
        assert_eq!(answer.status, 200, "{}: {resource}: {:#}", self.script.name, answer.body);
        answer.body["data"].as_array().unwrap().clone()
    }

    fn trigger_version(&self, resource: &str, field: &str, is: &str) {
        let versions = self.versions(resource);
        let wanted = versions.iter().find(|version| version["version"][field] == is);
        let id = &wanted.unwrap_or_else(|| panic!("no {field} {is} in {versions:?}"))["id"];
        self.post(&format!("{}/resources/{resource}/versions/{id}/trigger", self.pipeline()), &json!({}));
    }

    /// No argument of any process shows what may appear nowhere.
    fn look(&self, command: &str) {
        until(&format!("{}: a process {command}", self.script.name), || {
            self.everything_alive().iter().any(|found| found.command.contains(command)).then_some(())
        });
        for found in self.everything_alive() {
            for text in &self.script.nowhere {
                let name = &self.script.name;
                assert!(
                    !found.command.contains(text.as_str()),
                    "{name}: {text} in the arguments of {found:?}"
                );
            }
        }
    }
}
