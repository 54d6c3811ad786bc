//! The port's implementation.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use pikoci_model::{
    id::InstanceId,
    port::{Spill, Workdir, Workplace, WorkplaceError},
};

use super::{WorkplaceOptions, below, cache::CacheLocks, engine::EngineProbe, port, spill::SpillRoom};

/// This host.
pub struct HostWorkplace {
    options: WorkplaceOptions,
    caches: CacheLocks,
    engine: EngineProbe,
    spills: Arc<SpillRoom>,
}

impl HostWorkplace {
    /// Makes the root directories.
    ///
    /// # Errors
    /// A directory that cannot be made, with its path.
    pub fn new(options: WorkplaceOptions) -> Result<Self, WorkplaceError> {
        make_dir(&options.root, 0o700)?;
        make_dir(&options.service_root, 0o711)?;
        let spills = SpillRoom::new(&options.root, options.outbox_limit);
        Ok(Self { options, caches: CacheLocks::default(), engine: EngineProbe::default(), spills })
    }
}

#[async_trait]
impl Workplace for HostWorkplace {
    async fn make_workdir(&self) -> Result<Workdir, WorkplaceError> {
        let path = self.options.root.join(uuid::Uuid::now_v7().to_string());
        make_dir(&path, 0o700)?;
        make_dir(&path.join(".pikoci"), 0o700)?;
        Ok(Workdir { path })
    }

    async fn remove_workdir(&self, workdir: &Workdir) -> Result<(), WorkplaceError> {
        if self.options.keep_workdir || self.options.state.needs_workdir(&workdir.path) {
            return Ok(());
        }
        remove_tree(workdir.path.clone()).await
    }

    async fn make_service_data(&self, instance: InstanceId) -> Result<PathBuf, WorkplaceError> {
        let path = self.options.service_root.join(instance.to_string());
        make_dir(&path, 0o711)?;
        Ok(path)
    }

    async fn cache_dir(
        &self,
        team: &str,
        pipeline: &str,
        canonical: &str,
    ) -> Result<PathBuf, WorkplaceError> {
        let path = self.options.root.join("cache").join(team).join(pipeline).join(canonical);
        make_dir(&path, 0o700)?;
        Ok(path)
    }

    async fn lock_cache(&self, dir: &Path) -> Box<dyn Send + Sync> {
        self.caches.lock(dir).await
    }

    async fn exists(&self, workdir: &Workdir, path: &str) -> bool {
        below::existing(&workdir.path, path).is_some()
    }

    async fn reset_file(&self, workdir: &Workdir, path: &str) -> Result<(), WorkplaceError> {
        let target = inside(workdir, path)?;
        match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(system(&target, &error)),
            _ => {}
        }
        create_private(&target, b"", 0o600)
    }

    async fn read_file(
        &self,
        workdir: &Workdir,
        path: &str,
        limit: usize,
    ) -> Result<Vec<u8>, WorkplaceError> {
        let shown = workdir.path.join(path);
        let target = below::existing(&workdir.path, path)
            .ok_or_else(|| system(&shown, &io::Error::from(io::ErrorKind::NotFound)))?;
        read_limited(&target, limit)
    }

    async fn private_file(
        &self,
        workdir: &Workdir,
        name: &str,
        content: &[u8],
        executable: bool,
    ) -> Result<String, WorkplaceError> {
        let relative = format!(".pikoci/{name}");
        let target = inside(workdir, &relative)?;
        create_private(&target, content, if executable { 0o700 } else { 0o600 })?;
        Ok(relative)
    }

    async fn free_port(&self) -> Result<u16, WorkplaceError> {
        port::free().map_err(|error| system(Path::new("0.0.0.0"), &error))
    }

    async fn engine_answers(&self) -> bool {
        self.engine.answers(&self.options.engine_socket).await
    }

    fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.options.inherited.get("PATH")?;
        let executable = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        };
        path.split(':').map(|dir| Path::new(dir).join(name)).find(executable)
    }

    fn inherited_environment(&self) -> BTreeMap<String, String> {
        self.options.inherited.clone()
    }

    fn secret_environment(&self) -> BTreeMap<String, String> {
        self.options.secret_environment.clone()
    }

    fn program(&self) -> PathBuf {
        self.options.program.clone()
    }

    fn spill(&self) -> Box<dyn Spill> {
        Box::new(self.spills.spill())
    }
}

fn inside(workdir: &Workdir, path: &str) -> Result<PathBuf, WorkplaceError> {
    below::join(&workdir.path, path).ok_or_else(|| WorkplaceError::System {
        path: path.to_owned(),
        reason: "leads outside the work directory".to_owned(),
    })
}

fn make_dir(path: &Path, mode: u32) -> Result<(), WorkplaceError> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| system(path, &error))
}

fn create_private(path: &Path, content: &[u8], mode: u32) -> Result<(), WorkplaceError> {
    let open = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    open.and_then(|mut file| io::Write::write_all(&mut file, content)).map_err(|error| system(path, &error))
}

fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, WorkplaceError> {
    let limit64 = u64::try_from(limit).unwrap_or(u64::MAX);
    let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| system(path, &error))?;
    let metadata = file.metadata().map_err(|error| system(path, &error))?;
    if !metadata.is_file() {
        return Err(WorkplaceError::System {
            path: path.display().to_string(),
            reason: "is not a file".to_owned(),
        });
    }
    if metadata.len() > limit64 {
        return Err(WorkplaceError::TooLarge {
            path: path.display().to_string(),
            size: metadata.len(),
            limit: limit64,
        });
    }
    let mut content = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, limit64), &mut content)
        .map_err(|error| system(path, &error))?;
    Ok(content)
}

async fn remove_tree(path: PathBuf) -> Result<(), WorkplaceError> {
    let shown = path.clone();
    blocking(move || match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(system(&shown, &error)),
        _ => Ok(()),
    })
    .await
}

async fn blocking(
    work: impl FnOnce() -> Result<(), WorkplaceError> + Send + 'static,
) -> Result<(), WorkplaceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(WorkplaceError::System { path: String::new(), reason: error.to_string() }),
    }
}

pub(super) fn system(path: &Path, error: &io::Error) -> WorkplaceError {
    let path = path.display().to_string();
    if error.kind() == io::ErrorKind::StorageFull {
        return WorkplaceError::DiskFull { path };
    }
    WorkplaceError::System { path, reason: error.to_string() }
}
