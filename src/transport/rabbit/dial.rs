//! How a RabbitMQ broker is connected to, and how an attempt that is given up comes to an end.

use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties, runtime,
    tcp::{AMQPUriTcpExt, OwnedTLSConfig},
    uri::{AMQPScheme, AMQPUri},
};
use pikoci_model::id::NodeId;

use crate::settings::{BrokerError, BrokerSettings};

/// How long an attempt may take, from the first packet until everything is declared, where the address names no
/// `connection_timeout`. The client keeps no limit of its own, and heartbeats begin after the handshake.
const OPENING: Duration = Duration::from_secs(10);

/// How to connect.
pub(super) struct Dial {
    pub uri: AMQPUri,
    /// How long an attempt may take.
    pub limit: Duration,
    name: String,
    tls: OwnedTLSConfig,
}

impl Dial {
    pub fn new(settings: &BrokerSettings, node: &NodeId) -> Result<Self, BrokerError> {
        let mut uri: AMQPUri = settings.address.parse().map_err(BrokerError::Address)?;
        if settings.tls {
            uri.scheme = AMQPScheme::AMQPS;
        }
        let user = &mut uri.authority.userinfo;
        if let Some(name) = &settings.user {
            user.username.clone_from(name);
        }
        if let Some(password) = settings.token.as_ref().or(settings.password.as_ref()) {
            user.password = password.reveal().to_owned();
        }
        uri.query.heartbeat.get_or_insert(10);
        let limit = uri.query.connection_timeout.filter(|limit| *limit > 0);
        let chain = settings.ca_file.as_ref().map(|path| {
            let failed = |reason: io::Error| BrokerError::Certificates {
                path: path.clone(),
                reason: reason.to_string(),
            };
            std::fs::read_to_string(path).map_err(failed)
        });
        let tls = OwnedTLSConfig { identity: None, cert_chain: chain.transpose()? };
        let limit = limit.map_or(OPENING, Duration::from_millis);
        Ok(Self { uri, limit, name: format!("pikoci {}", node.0), tls })
    }

    /// Connects. What is still under way when `attempt` is given up ends then.
    pub async fn connect(&self, attempt: &Attempt) -> lapin::Result<Connection> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let (tls, line, limit) = (self.tls.clone(), Arc::clone(&attempt.0), self.limit);
        Connection::connector(
            self.uri.clone(),
            runtime::default_runtime()?,
            async move |uri, runtime| {
                let connecting = async {
                    let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
                    let stream = plain.connect_with_config_async(tls.as_ref(), &runtime).await?;
                    if let AsyncTcpStream::Plain(stream) = &stream {
                        lock(&line).begin(stream.get_ref())?;
                    }
                    match uri.scheme {
                        AMQPScheme::AMQP => Ok(stream),
                        AMQPScheme::AMQPS => stream.into_tls(&uri.authority.host, tls.as_ref()).await,
                    }
                };
                Ok(tokio::time::timeout(limit, connecting).await.map_err(io::Error::from)??)
            },
            properties,
        )
        .await
    }
}

/// An attempt to connect. The client makes it in a thread of its own, which would wait for a silent broker long after
/// the attempt was given up: the thread ends when its socket does.
#[derive(Default)]
pub(super) struct Attempt(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    given_up: bool,
    /// The same socket as the client's.
    socket: Option<TcpStream>,
}

impl Line {
    fn begin(&mut self, socket: &impl AsFd) -> io::Result<()> {
        if self.given_up {
            return Err(io::Error::other("the attempt to connect was given up"));
        }
        self.socket = Some(socket.as_fd().try_clone_to_owned()?.into());
        Ok(())
    }
}

impl Attempt {
    /// It has come to a connection or to an error: from now on the client takes its leave itself.
    pub fn decided(self) {
        lock(&self.0).socket = None;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut line = lock(&self.0);
        line.given_up = true;
        if let Some(socket) = line.socket.take() {
            // Whoever is at the other end, or no longer is: the thread reads the end either way.
            socket.shutdown(Shutdown::Both).ok();
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
