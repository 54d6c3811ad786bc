//! Asks a broker's port itself why no connection comes about: clients say "IO error" where a person needs place, reason and
//! what would be right.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::settings::BrokerSettings;

/// How long a port may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// How the clients of one kind of broker talk.
pub(crate) struct Manner {
    /// Where no port is given.
    pub port: u16,
    /// What an address with TLS begins with.
    pub encrypted: &'static str,
    /// Whether the server speaks first, in clear, and says there whether TLS comes next.
    pub greets: bool,
}

/// What to ask, and with which authorities.
pub(crate) struct Probe {
    places: Vec<String>,
    manner: Manner,
    /// Whether the settings ask for TLS.
    tls: bool,
    ca_file: Option<PathBuf>,
}

/// What a port turned out to be.
#[derive(Debug)]
enum Port {
    Closed(String),
    Silent,
    Plain,
    Trusted,
    Untrusted(String),
    Refusing(String),
}

impl Probe {
    pub fn new(settings: &BrokerSettings, manner: Manner) -> Self {
        let tls = settings.tls || settings.address.starts_with(manner.encrypted);
        let places = settings.address.split(',').map(|address| place_of(address, manner.port)).collect();
        Self { places, manner, tls, ca_file: settings.ca_file.clone() }
    }

    /// What is wrong with the first place with which something is; none if the ports are as they should be.
    pub async fn ask(&self) -> Option<String> {
        for place in &self.places {
            if let Some(fault) = self.fault(place, self.look(place).await) {
                return Some(fault);
            }
        }
        None
    }

    fn fault(&self, place: &str, port: Port) -> Option<String> {
        let encrypted = self.manner.encrypted;
        // Who greets may ask for TLS although the address did not: the client then follows.
        let tls = self.tls || self.manner.greets;
        match port {
            Port::Closed(error) => Some(format!("{place}: {error}")),
            Port::Silent => Some(format!("{place} takes the connection and does not answer")),
            Port::Plain if self.tls => Some(format!(
                "{place} does not speak TLS; expected a port that does, or an address without {encrypted} and \
                 without --pubsub-tls"
            )),
            Port::Plain => None,
            _ if !tls => Some(format!("{place} speaks TLS; expected {encrypted}{place} or --pubsub-tls")),
            Port::Trusted => None,
            Port::Untrusted(error) => Some(format!(
                "{place} shows a certificate that is not trusted ({error}); expected one of an authority that the \
                 system trusts or that --pubsub-ca names"
            )),
            Port::Refusing(error) => Some(format!("{place} refuses TLS with us: {error}")),
        }
    }

    async fn look(&self, place: &str) -> Port {
        let stream = match timeout(PATIENCE, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Port::Closed(error.to_string()),
            Err(_) => return Port::Closed(format!("nobody answers within {} s", PATIENCE.as_secs())),
        };
        let mut stream = BufReader::new(stream);
        if self.manner.greets {
            let mut greeting = String::new();
            match timeout(PATIENCE, stream.read_line(&mut greeting)).await {
                Err(_) => return Port::Silent,
                Ok(Ok(1..)) if offers_tls(&greeting) => {}
                Ok(_) => return Port::Plain,
            }
        }
        let host = place.rsplit_once(':').map_or(place, |(host, _)| host).trim_matches(['[', ']']);
        let (Ok(name), Ok(config)) = (ServerName::try_from(host.to_owned()), self.trust()) else {
            return Port::Refusing(format!("\"{host}\" is no name that a certificate could have"));
        };
        match timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await {
            Ok(Ok(_)) => Port::Trusted,
            Ok(Err(error)) => judge(&error),
            Err(_) => Port::Silent,
        }
    }

    fn trust(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &self.ca_file
            && let Ok(given) = CertificateDer::pem_file_iter(file)
        {
            roots.add_parsable_certificates(given.flatten());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn judge(error: &std::io::Error) -> Port {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Port::Untrusted(why.to_string()),
        Some(rustls::Error::AlertReceived(alert)) => Port::Refusing(format!("{alert:?}")),
        // It answered in another language, or hung up when it heard ours.
        _ => Port::Plain,
    }
}

/// Whether a NATS server's first line says that TLS is possible.
fn offers_tls(greeting: &str) -> bool {
    let plain: String = greeting.chars().filter(|c| !c.is_whitespace()).collect();
    ["\"tls_required\":true", "\"tls_available\":true"].iter().any(|offer| plain.contains(offer))
}

/// `host:port` of an address.
fn place_of(address: &str, port: u16) -> String {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let has_port = host.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(address: &str, tls: bool) -> Probe {
        let settings = BrokerSettings { tls, ..BrokerSettings::plain(address, "t") };
        Probe::new(&settings, Manner { port: 5672, encrypted: "amqps://", greets: false })
    }

    #[test]
    fn a_place_is_host_and_port() {
        for (address, place) in [
            ("amqp://ci:p@ss@broker.internal/ci?heartbeat=5", "broker.internal:5672"),
            ("broker:9092", "broker:9092"),
            ("tls://[::1]", "[::1]:5672"),
            ("tls://[::1]:4443", "[::1]:4443"),
        ] {
            assert_eq!(place_of(address, 5672), place);
        }
        assert_eq!(probe("a:1,b:2", false).places, ["a:1", "b:2"]);
    }

    #[test]
    fn what_is_wrong_names_place_and_what_would_be_right() {
        let said = |probe: &Probe, port| probe.fault("broker:1", port).unwrap_or_default();
        let (plain, tls) = (probe("amqp://broker:1", false), probe("amqps://broker:1", false));
        assert!(said(&plain, Port::Trusted).ends_with("expected amqps://broker:1 or --pubsub-tls"));
        assert!(said(&tls, Port::Plain).starts_with("broker:1 does not speak TLS"));
        assert!(said(&tls, Port::Untrusted("why".into())).contains("(why); expected one of an authority"));
        assert_eq!((said(&plain, Port::Plain), said(&tls, Port::Trusted)), (String::new(), String::new()));
    }

    #[tokio::test]
    async fn ports_are_told_apart() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let plain = tokio::spawn(async move {
            let (mut caller, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut caller, b"AMQP\x00\x00\x09\x01").await.unwrap();
            drop(listener);
        });
        let asked = probe(&address, true);
        assert!(matches!(asked.look(&address).await, Port::Plain));
        plain.await.unwrap();
        assert!(matches!(asked.look(&address).await, Port::Closed(_)));
    }
}
