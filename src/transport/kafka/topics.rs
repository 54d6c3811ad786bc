//! The topics of one installation, made when they are not there.

use pikoci_model::id::NodeId;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode,
};

use super::ASK;
use crate::settings::MOST_CARRIED;

/// Nodes share this many partitions: enough that a node reads little of what is not its own.
pub const NODE_PARTITIONS: i32 = 64;
/// The servers of an installation share these.
pub const ANY_PARTITIONS: i32 = 8;
/// Nobody reads what is older: its sender has repeated it.
const KEPT_MS: &str = "600000";

/// Their names.
#[derive(Debug)]
pub struct Topics {
    pub prefix: String,
    pub any: String,
    pub nodes: String,
    pub servers: String,
    pub workers: String,
}

impl Topics {
    pub fn new(prefix: &str) -> Self {
        let topic = |name: &str| format!("{prefix}.{name}");
        Self {
            prefix: prefix.to_owned(),
            any: topic("any"),
            nodes: topic("nodes"),
            servers: topic("servers"),
            workers: topic("workers"),
        }
    }
}

/// The partition that a node reads. The same in every version: FNV-1a over the name.
pub fn partition_of(node: &NodeId) -> i32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let hash = node.0.bytes().fold(2_166_136_261, step);
    i32::try_from(hash % NODE_PARTITIONS.unsigned_abs()).unwrap_or(0)
}

/// Makes what is missing. Topics that an operator made stay as they are.
pub async fn make(config: &ClientConfig, topics: &Topics) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|error| error.to_string())?;
    // An envelope, and what the protocol adds.
    let largest = (MOST_CARRIED + 64 * 1024).to_string();
    let topic = |name, partitions| {
        NewTopic::new(name, partitions, TopicReplication::Fixed(-1))
            .set("max.message.bytes", &largest)
            .set("retention.ms", KEPT_MS)
            .set("cleanup.policy", "delete")
    };
    let wanted = [
        topic(&topics.any, ANY_PARTITIONS),
        topic(&topics.nodes, NODE_PARTITIONS),
        topic(&topics.servers, 1),
        topic(&topics.workers, 1),
    ];
    let options = AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK));
    let made = admin.create_topics(&wanted, &options).await.map_err(|error| error.to_string())?;
    let failed = made.into_iter().filter_map(Result::err);
    match failed.into_iter().find(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists) {
        Some((topic, code)) => Err(format!("topic {topic}: {code}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_partition() {
        let partition = |name: &str| partition_of(&NodeId(name.to_owned()));
        assert_eq!(
            (partition("server-1"), partition("worker-1")),
            (partition("server-1"), partition("worker-1"))
        );
        let used: std::collections::BTreeSet<i32> =
            (0..1000).map(|n| partition(&format!("worker-{n}"))).collect();
        assert_eq!(used.len(), 64);
    }
}
