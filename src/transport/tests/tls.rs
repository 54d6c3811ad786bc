//! TLS to Kafka: `BACKENDS_TLS=1 integration/backends up kafka`.

use std::time::Duration;

use pikoci_model::{id::NodeId, text::SecretValue};
use pikoci_transport::{BrokerSettings, KafkaBus, LinkState, Roles};

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: BACKENDS_TLS=1 integration/backends up kafka"))
}

/// How the way there stands once something is known of it.
async fn state(settings: &BrokerSettings) -> LinkState {
    let bus = KafkaBus::join(settings, NodeId("tls-1".into()), Roles::SERVER).await.unwrap();
    let mut link = bus.link();
    let known = link.wait_for(|state| {
        *state == LinkState::Up
            || state.to_string().contains("localhost")
            || state.to_string().contains("Auth")
    });
    let state = tokio::time::timeout(Duration::from_secs(240), known).await.expect("the state is known");
    state.unwrap().clone()
}

#[tokio::test]
async fn kafka_is_reached_by_tls_only() {
    let here = variable("PIKOCI_TLS_KAFKA");
    let place = here.strip_prefix("tls://").unwrap();
    let login = |ca: &str, password: &str| BrokerSettings {
        user: Some("pikoci".into()),
        password: Some(SecretValue::new(password)),
        ca_file: Some(variable(ca).into()),
        ..BrokerSettings::plain(&*here, format!("tls-{}", uuid::Uuid::new_v4().simple()))
    };
    let (good, foreign) = (login("PIKOCI_TLS_CA", "open-sesame"), login("PIKOCI_TLS_FOREIGN", "open-sesame"));
    let (wrong, clear) =
        (login("PIKOCI_TLS_CA", "wrong"), BrokerSettings { address: place.into(), ..good.clone() });
    let (good, foreign, wrong, clear) =
        tokio::join!(state(&good), state(&foreign), state(&wrong), state(&clear));
    assert_eq!(good, LinkState::Up);
    for (said, expected) in [
        (foreign, format!("{place} shows a certificate that is not trusted")),
        (wrong, "uthentication".to_owned()),
        (clear, format!("{place} speaks TLS; expected tls://")),
    ] {
        assert!(said.to_string().contains(&expected), "{expected} is not in: {said}");
    }
}
