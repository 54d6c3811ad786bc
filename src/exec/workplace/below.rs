//! Resolving a pipeline's path below WORKDIR.

use std::path::{Component, Path, PathBuf};

/// `path` joined to `root`, if it is relative and has no `..` part.
pub(super) fn join(root: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    inside.then(|| root.join(relative))
}

/// Like [`join`], with every link followed: `None` if it does not exist or leads outside.
pub(super) fn existing(root: &Path, path: &str) -> Option<PathBuf> {
    let real = join(root, path)?.canonicalize().ok()?;
    real.starts_with(root.canonicalize().ok()?).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_outside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        assert!(existing(dir.path(), "in").is_some() && existing(dir.path(), ".").is_some());
        assert!(existing(dir.path(), "out/passwd").is_none());
        assert!(join(dir.path(), "../x").is_none() && join(dir.path(), "/etc").is_none());
    }
}
