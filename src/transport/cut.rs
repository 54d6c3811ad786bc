//! A cable that somebody pulls out and puts in again: while a file is there, nothing passes. For tests that must cut off
//! a worker that lives in the server's process.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, future::ready, stream::BoxStream};
use pikoci_model::port::{Address, Arrival, Bus, BusError};

/// A bus with such a cable.
pub struct Cut {
    bus: Arc<dyn Bus>,
    file: Arc<PathBuf>,
}

impl Cut {
    /// Nothing passes while `file` is there.
    pub fn new(bus: Arc<dyn Bus>, file: PathBuf) -> Self {
        Self { bus, file: Arc::new(file) }
    }
}

#[async_trait]
impl Bus for Cut {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if self.file.exists() { Ok(()) } else { self.bus.send(to, envelope).await }
    }

    fn receive(&self) -> BoxStream<'static, Arrival> {
        let file = Arc::clone(&self.file);
        self.bus.receive().filter(move |_| ready(!file.exists())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use pikoci_model::id::NodeId;

    use super::*;
    use crate::{LocalHub, Roles};

    #[tokio::test]
    async fn nothing_passes_while_the_file_is_there() {
        let hub = LocalHub::default();
        let (one, two) = (NodeId("w1".to_owned()), NodeId("s1".to_owned()));
        let file = tempfile::NamedTempFile::new().unwrap();
        let worker = Cut::new(Arc::new(hub.join(one.clone(), Roles::WORKER)), file.path().to_owned());
        let server = hub.join(two.clone(), Roles::SERVER);
        let (mut at_worker, mut at_server) = (worker.receive(), server.receive());
        let say = async |word: &'static str| {
            worker.send(&Address::Node(two.clone()), Bytes::from(word)).await.unwrap();
            server.send(&Address::Node(one.clone()), Bytes::from(word)).await.unwrap();
        };
        say("lost").await;
        assert!(at_worker.next().now_or_never().is_none());
        file.close().unwrap();
        say("heard").await;
        for inbox in [&mut at_worker, &mut at_server] {
            assert_eq!(inbox.next().await.unwrap().envelope, "heard");
        }
    }
}
