use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::*;

/// How long the test waits for what must come.
const MUST: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_broker_that_takes_the_connection_and_is_silent_is_left_and_dialled_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("amqp://{}?connection_timeout=50", listener.local_addr().unwrap());
    let (node, link) = (NodeId("n".into()), Link::new());
    let dial = Dial::new(&BrokerSettings::plain(address, "t"), &node).unwrap();
    let names = Arc::new(Names::new("t", node, Roles::SERVER));
    let (tell_channel, _channel) = watch::channel(None);
    let mut keeping = JoinSet::new();
    keeping.spawn(keep(dial, names, Mailbox::new(), link.clone(), tell_channel));
    for _ in 0..2 {
        let called = tokio::time::timeout(MUST, listener.accept()).await;
        let (mut caller, _) = called.expect("it is dialled again").unwrap();
        // An attempt that is given up holds neither a socket nor a thread.
        let ended = tokio::time::timeout(MUST, caller.read_to_end(&mut Vec::new())).await;
        ended.expect("the attempt ends").unwrap();
    }
    assert!(link.trouble().unwrap().contains("does not answer"), "{:?}", link.trouble());
}
