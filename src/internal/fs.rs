//! The resource type `fs`: a file or directory of the worker's host is the resource, the digest of
//! its content the version.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Outcome, environment};

/// `fs-check`: the version that is there now, or none when the path is missing.
pub(super) fn check(_: &[String]) -> Outcome {
    let path = environment::require("param_path")?;
    let version = match version(Path::new(&path)) {
        Ok(version) => json!([version]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => json!([]),
        Err(error) => return Err(format!("cannot read `{path}`: {error}")),
    };
    super::answer(&version.to_string())
}

/// `fs-pull`: copies the file or directory into the current directory, under its own name.
pub(super) fn pull(_: &[String]) -> Outcome {
    let path = PathBuf::from(environment::require("param_path")?);
    let shown = path.display();
    let name = path.file_name().ok_or_else(|| format!("`{shown}` has no name of its own"))?;
    copy(&path, Path::new(name)).map_err(|e| format!("cannot copy `{shown}`: {e}"))?;
    let hash = hash(&path).map_err(|e| format!("cannot read `{shown}`: {e}"))?;
    if environment::get("version_hash").is_some_and(|wanted| wanted != hash) {
        super::say(&format!("WARNING: `{shown}` has changed since this version was found"));
    }
    super::answer(&format!("{shown} {hash}"))
}

fn version(path: &Path) -> io::Result<serde_json::Value> {
    let meta = fs::metadata(path)?;
    let (shown, hash) = (path.display().to_string(), hash(path)?);
    if meta.is_dir() {
        return Ok(json!({ "path": shown, "hash": hash }));
    }
    let modified = DateTime::<Utc>::from(meta.modified()?).to_rfc3339_opts(SecondsFormat::Secs, true);
    Ok(json!({ "path": shown, "hash": hash, "modified": modified, "size": meta.len() }))
}

/// SHA-256 of a file's content; of a directory, over names, kinds and contents in name order.
fn hash(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    if fs::metadata(path)?.is_dir() {
        hash_directory(path, Path::new(""), &mut digest)?;
    } else {
        hash_content(path, &mut digest)?;
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Each entry is preceded by the length of its name, so that no two trees give the same bytes.
fn hash_directory(root: &Path, below: &Path, digest: &mut Sha256) -> io::Result<()> {
    for name in sorted_names(&root.join(below))? {
        let relative = below.join(&name);
        let path = root.join(&relative);
        let meta = fs::symlink_metadata(&path)?;
        let bytes = relative.as_os_str().as_encoded_bytes();
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
        match kind(&meta) {
            Kind::Directory => {
                digest.update(b"d");
                hash_directory(root, &relative, digest)?;
            }
            Kind::Link => {
                let target = fs::read_link(&path)?;
                let target = target.as_os_str().as_encoded_bytes();
                digest.update(b"l");
                digest.update(target.len().to_le_bytes());
                digest.update(target);
            }
            Kind::File => {
                digest.update(if meta.permissions().mode() & 0o111 == 0 { b"f" } else { b"x" });
                digest.update(meta.len().to_le_bytes());
                hash_content(&path, digest)?;
            }
            Kind::Other => {}
        }
    }
    Ok(())
}

fn hash_content(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Sockets, pipes and devices are left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !fs::metadata(from)?.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for name in sorted_names(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        match kind(&fs::symlink_metadata(&source)?) {
            Kind::Link => std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?,
            Kind::Directory | Kind::File => copy(&source, &target)?,
            Kind::Other => {}
        }
    }
    Ok(())
}

enum Kind {
    Directory,
    File,
    Link,
    Other,
}

fn kind(meta: &Metadata) -> Kind {
    let kind = meta.file_type();
    if kind.is_symlink() {
        Kind::Link
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Other
    }
}

fn sorted_names(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_s_hash_follows_names_and_contents() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("tree");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/b"), "1").unwrap();
        let before = hash(&root).unwrap();
        assert_eq!(before, hash(&root).unwrap());

        fs::write(root.join("a/b"), "2").unwrap();
        let changed = hash(&root).unwrap();
        assert_ne!(before, changed);

        fs::rename(root.join("a/b"), root.join("a/c")).unwrap();
        assert_ne!(changed, hash(&root).unwrap());
    }

    #[test]
    fn a_copy_has_the_same_hash() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/file"), "x").unwrap();
        std::os::unix::fs::symlink("sub/file", from.join("link")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(hash(&from).unwrap(), hash(&to).unwrap());
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("sub/file"));
    }

    #[test]
    fn a_file_is_described_by_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "abc").unwrap();
        let version = version(&file).unwrap();
        assert_eq!(version["hash"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(version["size"], 3);
    }
}
