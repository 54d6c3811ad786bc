//! The built-in type `git` with a `git` that fails.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use pikoci_language::LanguageCompiler;
use pikoci_model::pipeline::ResourceType;
use pikoci_model::port::{CompileRequest, Compiler};

const PIPELINE: &str =
    "resource \"git\" \"app\" {\n  params { url = \"x\" }\n}\njob \"a\" {\n  get \"git\" \"app\" {}\n}\n";

/// A `git` that does everything but list commits.
const FAILING: &str = r#"#!/bin/sh
case "$1" in
  ls-remote) printf '0123abcd\tHEAD\n' ;;
  init) mkdir -p "$4" ;;
  rev-list) echo 'fatal: bad object' >&2; exit 128 ;;
esac
"#;

async fn git() -> ResourceType {
    let request = CompileRequest {
        file: "pipeline.hcl".to_owned(),
        source: PIPELINE.as_bytes().to_vec(),
        vars: std::collections::BTreeMap::new(),
        now: chrono::DateTime::UNIX_EPOCH,
        fragment: false,
        lenient_vars: false,
        fetch: false,
        strict: true,
    };
    let mut pipeline = LanguageCompiler::default().compile(request).await.pipeline.unwrap();
    pipeline.resource_types.remove("git").unwrap()
}

#[tokio::test]
async fn a_check_fails_when_git_cannot_list_commits() {
    let check = git().await.check.unwrap();
    let script = check.args.last().unwrap().as_literal().unwrap();
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("failing-git");
    fs::create_dir_all(&home).unwrap();
    let program = home.join("git");
    fs::write(&program, FAILING).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", home.display(), env::var("PATH").unwrap());
    for filter in ["param_every", "param_skip_ci"] {
        let out = Command::new("/bin/sh")
            .args(["-ec", script])
            .envs([("param_url", "x"), (filter, "true"), ("PATH", path.as_str())])
            .env("WORKDIR", &home)
            .output()
            .unwrap();
        assert!(!out.status.success() && out.stdout.is_empty(), "{filter}: {out:?}");
        assert_eq!(String::from_utf8_lossy(&out.stderr), "fatal: bad object\n", "{filter}");
    }
}
