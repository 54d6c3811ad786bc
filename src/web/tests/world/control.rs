//! An engine that stores what is asked of it, and does nothing by itself.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use pikoci_model::{
    build::{Build, BuildVersion, Cause},
    contract::MemoryStore,
    id::{BuildId, JobId, PipelineId, ResourceId, VersionId},
    port::{
        CheckRequested, Control, Refusal, SavePipeline, Saved, Signals, Topic, Trigger,
        store::{
            BuildStore, CancelRequest, PipelineStore, ResourceStore, SaveRevision, SavedRevision,
            SchedulingStore,
        },
    },
    scheduling::{InsertedBuild, NewBuild, Write},
    version::VersionValue,
};

use super::{Bells, compiler::compile, now};

pub struct Desk {
    pub store: MemoryStore,
    pub bells: Arc<Bells>,
}

impl Desk {
    fn ring(&self, pipeline: PipelineId) {
        self.bells.ring(Topic::Pipeline(pipeline));
        self.bells.ring(Topic::Everything);
    }

    async fn insert(
        &self,
        pipeline: PipelineId,
        job: JobId,
        cause: Cause,
        versions: BTreeMap<String, BuildVersion>,
        inputs: BTreeMap<String, String>,
    ) -> Result<InsertedBuild, Refusal> {
        let row = self.store.pipeline_by_id(pipeline).await?.unwrap();
        let build = NewBuild { job, revision: row.revision, cause, versions, inputs, created_at: now() };
        let applied =
            self.store.apply(pipeline, None, vec![Write::InsertBuild(build)], now()).await?.unwrap();
        self.ring(pipeline);
        Ok(applied.builds[0].clone())
    }

    async fn build(&self, id: BuildId) -> Result<Build, Refusal> {
        self.store.build(id).await?.ok_or_else(|| Refusal::NotFound(format!("no build {id}")))
    }
}

#[async_trait]
impl Control for Desk {
    async fn save_pipeline(&self, request: SavePipeline) -> Result<Saved, Refusal> {
        let compiled = compile("pipeline.hcl", &request.source).map_err(Refusal::Pipeline)?;
        let canonical = request.name.to_lowercase().replace(' ', "-");
        let save = SaveRevision {
            team: request.team,
            canonical: canonical.clone(),
            content_hash: format!("{}", request.source.len()),
            name: request.name,
            source: request.source,
            compiled,
            vars: request.vars.unwrap_or_default(),
            given_secrets: BTreeMap::new(),
            public: request.public,
            must_exist: request.must_exist,
            at: now(),
            by: request.by,
        };
        match self.store.save_revision(save).await? {
            SavedRevision::Saved { pipeline, number, changed, .. } => {
                self.ring(pipeline);
                Ok(Saved { pipeline, revision: number, changed, diagnostics: Vec::new() })
            }
            SavedRevision::Exists(true) => {
                Err(Refusal::Conflict(format!("there is a pipeline \"{canonical}\"")))
            }
            SavedRevision::Exists(false) => {
                Err(Refusal::NotFound(format!("there is no pipeline \"{canonical}\"")))
            }
        }
    }

    async fn delete_pipeline(&self, pipeline: PipelineId, _: &str) -> Result<(), Refusal> {
        if !self.store.delete_pipeline(pipeline).await? {
            return Err(Refusal::Conflict("a build does not end".into()));
        }
        self.ring(pipeline);
        Ok(())
    }

    async fn trigger(&self, request: Trigger) -> Result<InsertedBuild, Refusal> {
        if let Some(name) = request.inputs.keys().find(|name| *name == "wrong") {
            return Err(Refusal::Invalid(format!("the job has no input \"{name}\"")));
        }
        let cause = Cause::Manual { nonce: uuid::Uuid::new_v4(), by: request.by };
        self.insert(request.pipeline, request.job, cause, BTreeMap::new(), request.inputs).await
    }

    async fn trigger_version(
        &self,
        resource: ResourceId,
        version: VersionId,
        by: &str,
    ) -> Result<Vec<InsertedBuild>, Refusal> {
        let pipeline = self.store.resource_by_id(resource).await?.unwrap().pipeline;
        let job = self.store.job(pipeline, "unit").await?.unwrap().id;
        let versions = BTreeMap::from([("app".to_owned(), BuildVersion { resource, version })]);
        let cause = Cause::Manual { nonce: uuid::Uuid::new_v4(), by: by.into() };
        Ok(vec![self.insert(pipeline, job, cause, versions, BTreeMap::new()).await?])
    }

    async fn cancel(&self, id: BuildId, by: &str) -> Result<(), Refusal> {
        let pipeline = self.build(id).await?.pipeline;
        let answer = self.store.request_cancel(id, &format!("cancelled by {by}"), now()).await?;
        self.bells.ring(Topic::Build(id));
        self.ring(pipeline);
        match answer {
            CancelRequest::TooLate(status) => Err(Refusal::Conflict(format!("the build is {status}"))),
            _ => Ok(()),
        }
    }

    async fn retry(&self, id: BuildId, by: &str) -> Result<InsertedBuild, Refusal> {
        let build = self.build(id).await?;
        if !build.status.is_final() {
            return Err(Refusal::Conflict("the build has not ended".into()));
        }
        let number = self.store.retries(build.job, build.number.major).await? + 1;
        let cause = Cause::Retry { source: id, number, by: by.into() };
        self.insert(build.pipeline, build.job, cause, build.versions, build.inputs).await
    }

    async fn check(&self, resource: ResourceId) -> Result<CheckRequested, Refusal> {
        let follows = self.store.request_check(resource, now()).await?;
        Ok(if follows { CheckRequested::FollowsRunning } else { CheckRequested::Queued })
    }

    async fn add_version(&self, resource: ResourceId, value: VersionValue) -> Result<VersionId, Refusal> {
        Ok(self.store.add_version(resource, &value, now()).await?.0)
    }
}
