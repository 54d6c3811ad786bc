//! Builds that workers hold, by the process of the worker: whoever shows all workers reads them once.

use std::collections::BTreeMap;

use pikoci_model::{
    build::Build,
    id::NodeId,
    port::{Store, StoreError},
};

/// See the module. Each worker's are in order of creation.
pub(crate) struct Held(BTreeMap<NodeId, Vec<Build>>);

impl Held {
    pub(crate) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut held: BTreeMap<NodeId, Vec<Build>> = BTreeMap::new();
        for build in store.claimed_builds().await? {
            if let Some(claim) = &build.claim {
                held.entry(claim.node.clone()).or_default().push(build);
            }
        }
        Ok(Self(held))
    }

    /// What the worker at `node` holds.
    pub(crate) fn by(&self, node: &NodeId) -> &[Build] {
        self.0.get(node).map(Vec::as_slice).unwrap_or_default()
    }
}
