//! The project's own pipeline.

use super::directory;
use crate::world::program::run;

#[test]
fn the_pipelines_are_valid_and_formatted() {
    let home = tempfile::tempdir().unwrap();
    for file in ["hello.hcl", "pipeline.hcl"] {
        let file = directory().join(file).canonicalize().unwrap().display().to_string();
        for command in [&["validate", "--strict"][..], &["fmt", "--check"]] {
            let output = run(home.path(), &[&["pipeline"], command, &[&*file]].concat());
            assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
