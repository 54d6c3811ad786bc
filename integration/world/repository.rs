//! Real git repositories.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const DATE: &str = "2020-02-02T02:02:02Z";

/// A bare repository with a working copy beside it.
pub struct Repository {
    pub bare: PathBuf,
    work: PathBuf,
}

impl Repository {
    /// Makes `NAME.git` below `dir`, with branch `main` and one commit of `files`.
    pub fn new(dir: &Path, name: &str, files: &BTreeMap<String, String>) -> Self {
        let (bare, work) = (dir.join(format!("{name}.git")), dir.join(format!("{name}.work")));
        git(dir, &["init", "-q", "--bare", "-b", "main", &bare.to_string_lossy()]);
        git(dir, &["clone", "-q", &bare.to_string_lossy(), &work.to_string_lossy()]);
        git(&work, &["checkout", "-q", "-B", "main"]);
        let repository = Self { bare, work };
        repository.push(files, "first");
        repository
    }

    /// Commits `files` and pushes; gives the commit.
    pub fn push(&self, files: &BTreeMap<String, String>, message: &str) -> String {
        for (path, content) in files {
            let target = self.work.join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, content).unwrap();
        }
        git(&self.work, &["add", "-A"]);
        git(&self.work, &["commit", "-q", "--allow-empty", "-m", message]);
        git(&self.work, &["push", "-q", "origin", "main"]);
        git(&self.work, &["rev-parse", "HEAD"])
    }

    /// Tags HEAD and pushes the tag.
    pub fn tag(&self, name: &str) {
        git(&self.work, &["tag", name]);
        git(&self.work, &["push", "-q", "origin", name]);
    }

    /// The commit of a branch or tag in the bare repository.
    pub fn commit(&self, reference: &str) -> String {
        git(&self.bare, &["rev-parse", reference])
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"];
    // The same files and messages make the same commits in every play.
    let output = Command::new("git")
        .args(identity)
        .args(args)
        .current_dir(dir)
        .env("GIT_AUTHOR_DATE", DATE)
        .env("GIT_COMMITTER_DATE", DATE)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
