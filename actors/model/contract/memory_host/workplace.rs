//! The workplace: directories and files, ports, what is installed.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

use super::{MemoryHost, spill::MemorySpill};
use crate::{
    id::InstanceId,
    port::{Spill, Workdir, Workplace, WorkplaceError},
};

#[async_trait]
impl Workplace for MemoryHost {
    async fn make_workdir(&self) -> Result<Workdir, WorkplaceError> {
        let mut state = self.state();
        state.directories += 1;
        let path = PathBuf::from(format!("/work/{}", state.directories));
        state.workdirs.insert(path.clone());
        Ok(Workdir { path })
    }

    async fn remove_workdir(&self, workdir: &Workdir) -> Result<(), WorkplaceError> {
        let mut state = self.state();
        state.workdirs.remove(&workdir.path);
        state.files.retain(|path, _| !path.starts_with(&workdir.path));
        Ok(())
    }

    async fn make_service_data(&self, instance: InstanceId) -> Result<PathBuf, WorkplaceError> {
        Ok(PathBuf::from(format!("/data/{instance}")))
    }

    async fn cache_dir(
        &self,
        team: &str,
        pipeline: &str,
        canonical: &str,
    ) -> Result<PathBuf, WorkplaceError> {
        Ok(PathBuf::from(format!("/cache/{team}/{pipeline}/{canonical}")))
    }

    async fn lock_cache(&self, dir: &Path) -> Box<dyn Send + Sync> {
        let cache = Arc::clone(self.state().caches.entry(dir.to_owned()).or_default());
        Box::new(cache.lock_owned().await)
    }

    async fn exists(&self, workdir: &Workdir, path: &str) -> bool {
        inside(workdir, path).is_ok_and(|path| self.state().files.contains_key(&path))
    }

    async fn reset_file(&self, workdir: &Workdir, path: &str) -> Result<(), WorkplaceError> {
        self.state().files.insert(inside(workdir, path)?, Vec::new());
        Ok(())
    }

    async fn read_file(
        &self,
        workdir: &Workdir,
        path: &str,
        limit: usize,
    ) -> Result<Vec<u8>, WorkplaceError> {
        let whole = self.state().files.get(&inside(workdir, path)?).cloned();
        match whole {
            None => Err(WorkplaceError::System { path: path.to_owned(), reason: "no such file".to_owned() }),
            Some(bytes) if bytes.len() > limit => {
                let (size, limit) = (bytes.len() as u64, limit as u64);
                Err(WorkplaceError::TooLarge { path: path.to_owned(), size, limit })
            }
            Some(bytes) => Ok(bytes),
        }
    }

    async fn private_file(
        &self,
        workdir: &Workdir,
        name: &str,
        content: &[u8],
        _: bool,
    ) -> Result<String, WorkplaceError> {
        let relative = format!(".pikoci/{name}");
        self.state().files.insert(inside(workdir, &relative)?, content.to_vec());
        Ok(relative)
    }

    async fn free_port(&self) -> Result<u16, WorkplaceError> {
        let mut state = self.state();
        state.ports += 1;
        Ok(40_000 + state.ports)
    }

    async fn engine_answers(&self) -> bool {
        self.state().engine
    }

    fn find_program(&self, name: &str) -> Option<PathBuf> {
        self.state().programs.contains(name).then(|| PathBuf::from(format!("/usr/bin/{name}")))
    }

    fn inherited_environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
    }

    fn secret_environment(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn program(&self) -> PathBuf {
        PathBuf::from("/usr/bin/pikoci")
    }

    fn spill(&self) -> Box<dyn Spill> {
        Box::new(MemorySpill::new(self.clone()))
    }
}

fn inside(workdir: &Workdir, path: &str) -> Result<PathBuf, WorkplaceError> {
    let below =
        Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let reason = "leads outside the work directory".to_owned();
    if below {
        Ok(workdir.path.join(path))
    } else {
        Err(WorkplaceError::System { path: path.to_owned(), reason })
    }
}
