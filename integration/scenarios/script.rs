//! The form of a scenario file.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

/// One scenario.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it shows, in one line.
    pub about: String,
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub pipeline: String,
    /// `mem` or `sqlite`.
    #[serde(default = "mem")]
    pub db: String,
    /// Builds that run at once.
    #[serde(default = "four")]
    pub concurrency: u32,
    /// Further flags of the server.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Environment of the server.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Repositories: name → files. Variable `NAME_url` of the pipeline is its path.
    #[serde(default)]
    pub repository: BTreeMap<String, BTreeMap<String, String>>,
    /// Further variables; `${dir}` is a directory of the scenario. A variable `dir` needs no mention.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// Files below `${dir}` that are there from the beginning.
    #[serde(default)]
    pub given: BTreeMap<String, String>,
    /// What people do, in order.
    #[serde(default, rename = "act")]
    pub acts: Vec<Act>,
    /// Builds by `job/number`. A job that is named may have no further builds.
    #[serde(default)]
    pub build: BTreeMap<String, Expected>,
    /// Files below `${dir}` and their exact content at the end; `~text` = contains, `-` = absent.
    #[serde(default)]
    pub file: BTreeMap<String, String>,
    /// Texts that may appear nowhere: no log, no answer of the API, no word of the server, and no process's arguments
    /// at a `look`.
    #[serde(default)]
    pub nowhere: Vec<String>,
    /// Steps (`job/number path`) whose logs depend on time or chance, and so may differ from one play to the next.
    #[serde(default)]
    pub varying: Vec<String>,
    /// Work directories that stay, because a stop that is owed needs them.
    #[serde(default)]
    pub owed_directories: usize,
}

/// One act.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Commits files to a repository and asks for a check of `git.NAME`.
    Push { repository: String, files: BTreeMap<String, String> },
    /// Tags a repository's HEAD and asks for a check of `git.NAME`.
    Tag { repository: String, tag: String },
    /// Starts a build by hand.
    Trigger(String),
    /// Asks for a check of a resource.
    Check(String),
    /// Posts to a resource's webhook.
    Webhook(String),
    /// Records a version of a resource by hand.
    AddVersion { resource: String, version: BTreeMap<String, String> },
    /// Starts builds with the version of a resource that has this field.
    TriggerVersion { resource: String, field: String, is: String },
    /// Waits until a resource has exactly so many versions; more are an error.
    Versions { resource: String, count: usize },
    /// Waits until a field of a resource contains a text.
    Resource { resource: String, field: String, contains: String },
    /// Waits until a build is done.
    Done(String),
    /// Waits until a build has this status, whatever its phase.
    Status { build: String, is: String },
    /// Waits until a build is in this phase.
    Phase { build: String, is: String },
    /// Waits until a build has this waiting reason.
    Waits { build: String, contains: String },
    /// Waits until a step's log contains a text.
    Log { build: String, step: String, contains: String },
    /// Waits until a file below `${dir}` exists.
    File(String),
    /// Writes a file below `${dir}`.
    Write { file: String, content: String },
    /// Removes a file below `${dir}`.
    Remove(String),
    /// Cancels a build.
    Cancel(String),
    /// Asks for something that must be refused with this status.
    Refused { post: String, status: u16 },
    /// Runs a build again.
    Retry(String),
    /// Replaces the pipeline's file by another of this directory.
    Update(String),
    /// Waits until a process with this text in its command is alive, then looks for `nowhere` in the arguments of all.
    Look(String),
    /// Kills every helper process of the server that has this name.
    Kill(String),
    /// Sends the server a signal.
    Signal(String),
    /// Waits for the server's end: in order, unless it was killed. Nothing may be left alive.
    Ended {},
    /// Starts the server again.
    Started {},
}

/// What must come of a build.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub status: String,
    /// The error contains this; `-` = there is none.
    pub error: Option<String>,
    /// Step path → status; `absent` where there is no such step.
    #[serde(default)]
    pub steps: BTreeMap<String, String>,
    /// Step path → its whole log, exactly; `~text` = contains, `!text` = does not contain.
    #[serde(default)]
    pub log: BTreeMap<String, String>,
    /// Service name → state.
    #[serde(default)]
    pub services: BTreeMap<String, String>,
    /// The build's cause.
    pub cause: Option<String>,
    /// Which run it is.
    pub run: Option<u64>,
}

fn four() -> u32 {
    4
}

fn mem() -> String {
    "mem".to_owned()
}

impl Script {
    /// Reads `NAME.toml` and `NAME.hcl`.
    pub fn read(directory: &Path, name: &str) -> Self {
        let text = fs::read_to_string(directory.join(format!("{name}.toml"))).unwrap();
        let mut script: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        script.name = name.to_owned();
        script.pipeline = fs::read_to_string(directory.join(format!("{name}.hcl"))).unwrap();
        script
    }
}
