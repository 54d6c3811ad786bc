//! `ready TYPE` and `http-ready URL`: one probe whether a service answers in its own protocol.
//!
//! A connection alone proves nothing: a container engine accepts it before the server listens. So
//! each probe says hello as a client would and looks at the answer.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pikoci_fetch::{FetchPolicy, Request, send};

use super::{Outcome, engine, environment, vault};

/// For the connection and for each answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long one probe goes on asking. A server that is up in 30 ms should not cost a job the
/// interval between two probes.
const WINDOW: Duration = Duration::from_secs(5);

/// Between two questions of one probe.
const PAUSE: Duration = Duration::from_millis(25);

/// `ready TYPE` reads `SERVICE_HOST`, `SERVICE_PORT` and the parameters of the service.
pub(super) fn run(args: &[String]) -> Outcome {
    let kind = args.first().map_or("", String::as_str);
    let probe: fn(&Service) -> Result<(), String> = match kind {
        "tcp" => |service| service.connect().map(drop),
        // Twice, because the server of the official image starts a second time at its first start.
        "postgresql" => |service| service.postgresql().and_then(|()| service.postgresql()),
        "mysql" => Service::mysql,
        "redis" => Service::redis,
        "nats" => Service::nats,
        "rabbitmq" => Service::rabbitmq,
        "kafka" => Service::kafka,
        "vault" => |service| vault::ready(&service.host, service.port),
        other => return Err(format!("there is no probe for `{other}`")),
    };
    let service = Service::from_environment()?;
    let end = Instant::now() + WINDOW;
    loop {
        match probe(&service) {
            Ok(()) => return Ok(ExitCode::SUCCESS),
            Err(_) if Instant::now() < end => sleep(PAUSE),
            Err(reason) => {
                return Err([Some(reason), ended_container()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("\n"));
            }
        }
    }
}

/// `http-ready URL`: the answer is a status from 200 to 299.
pub(super) fn http(args: &[String]) -> Outcome {
    let url = args.first().ok_or("usage: internal http-ready URL")?;
    let answer = send(&probing(), &Request::get(url.as_str())).map_err(|e| e.to_string())?;
    match answer.status {
        200..=299 => Ok(ExitCode::SUCCESS),
        other => Err(format!("{url} answers with status {other}")),
    }
}

/// The policy of a probe: services are on this machine.
pub(super) fn probing() -> FetchPolicy {
    FetchPolicy { connect_timeout: PATIENCE, total_timeout: PATIENCE, ..FetchPolicy::trusting() }
}

/// Why a container that should answer never will: its exit and its last words.
fn ended_container() -> Option<String> {
    if environment::get("SERVICE_RUNTIME").as_deref() != Some("docker") {
        return None;
    }
    let label = format!("pikoci.instance={}", environment::get("SERVICE_INSTANCE")?);
    let container = engine::containers_with(&label).ok()?.into_iter().next()?;
    let state =
        engine::ask(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", &container]).ok()?;
    let code = state.strip_prefix("exited ")?;
    let output = engine::client().args(["logs", "--tail", "20", &container]).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(format!("the container has ended with code {code}:\n{}", String::from_utf8_lossy(&text).trim_end()))
}

/// The service that is asked.
#[derive(Default)]
struct Service {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
}

impl Service {
    fn from_environment() -> Result<Self, String> {
        Ok(Self {
            host: environment::require("SERVICE_HOST")?,
            port: environment::require("SERVICE_PORT")?.parse().map_err(|_| "`SERVICE_PORT` is no port")?,
            user: environment::get("param_user"),
            password: environment::get("param_password"),
        })
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let (host, port) = (&self.host, self.port);
        let failed = |reason: String| format!("{host}:{port}: {reason}");
        let address = (host.as_str(), port).to_socket_addrs().map_err(|e| failed(e.to_string()))?.next();
        let address = address.ok_or_else(|| failed("no address".to_owned()))?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|e| failed(e.to_string()))?;
        let limited =
            stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        limited.map_err(|e| failed(e.to_string()))?;
        Ok(stream)
    }

    /// Says `hello` and reads `count` bytes.
    fn exchange(&self, hello: &[u8], count: usize) -> Result<(TcpStream, Vec<u8>), String> {
        let mut stream = self.connect()?;
        stream.write_all(hello).map_err(|e| format!("cannot send: {e}"))?;
        let answer = receive(&mut stream, count)?;
        Ok((stream, answer))
    }

    /// A server that takes clients asks for authentication (`R`); one that is starting up refuses
    /// (`E`).
    fn postgresql(&self) -> Result<(), String> {
        let user = self.user.as_deref().unwrap_or("postgres");
        let protocol = [0, 3, 0, 0]; // 3.0
        let body = [&protocol[..], b"user\0", user.as_bytes(), b"\0\0"].concat();
        let length = u32::try_from(body.len() + 4).map_err(|_| "the user's name is too long")?;
        let (_, answer) = self.exchange(&[&length.to_be_bytes()[..], &body].concat(), 1)?;
        match answer[0] {
            b'R' => Ok(()),
            _ => Err("the server does not take clients yet".to_owned()),
        }
    }

    /// The server speaks first: protocol version 10, or an error packet.
    fn mysql(&self) -> Result<(), String> {
        let (_, greeting) = self.exchange(b"", 5)?;
        match greeting[4] {
            10 => Ok(()),
            _ => Err("the server does not take clients yet".to_owned()),
        }
    }

    fn redis(&self) -> Result<(), String> {
        let mut stream = self.connect()?;
        let mut say = |command: &[&str]| {
            let words: String = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
            let sent = stream.write_all(format!("*{}\r\n{words}", command.len()).as_bytes());
            sent.map_err(|e| format!("cannot send: {e}"))?;
            receive_line(&mut stream)
        };
        if let Some(password) = &self.password {
            match say(&["AUTH", password])?.as_str() {
                "+OK" => {}
                other => return Err(format!("the server does not take the password: {other}")),
            }
        }
        match say(&["PING"])?.as_str() {
            "+PONG" => Ok(()),
            other => Err(format!("the server answers {other}")),
        }
    }

    fn nats(&self) -> Result<(), String> {
        let (_, greeting) = self.exchange(b"", 5)?;
        if greeting == *b"INFO " { Ok(()) } else { Err("the server does not speak NATS".to_owned()) }
    }

    /// A broker that takes clients starts the handshake with a method frame on channel 0.
    fn rabbitmq(&self) -> Result<(), String> {
        let (_, answer) = self.exchange(b"AMQP\0\0\x09\x01", 3)?;
        if answer == [1, 0, 0] { Ok(()) } else { Err("the broker does not speak AMQP 0-9-1".to_owned()) }
    }

    /// Asks for the cluster's metadata: a broker that is fully up lists at least itself.
    fn kafka(&self) -> Result<(), String> {
        // Length, key 3 (metadata), version 1, correlation 1, client id "p", no topics.
        let request = [0, 0, 0, 15, 0, 3, 0, 1, 0, 0, 0, 1, 0, 1, b'p', 0, 0, 0, 0];
        let (_, answer) = self.exchange(&request, 12)?;
        let brokers = u32::from_be_bytes([answer[8], answer[9], answer[10], answer[11]]);
        if brokers > 0 { Ok(()) } else { Err("the broker is not registered yet".to_owned()) }
    }
}

fn receive(stream: &mut TcpStream, count: usize) -> Result<Vec<u8>, String> {
    let mut answer = vec![0; count];
    stream.read_exact(&mut answer).map_err(|e| format!("no answer yet: {e}"))?;
    Ok(answer)
}

/// One line of text, at most 4 KiB.
fn receive_line(stream: &mut TcpStream) -> Result<String, String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") && line.len() < 4096 {
        line.extend(receive(stream, 1)?);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server for one client: reads `hello` bytes, then says `answer`.
    fn server(hello: usize, answer: &'static [u8]) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut vec![0; hello]).unwrap();
            stream.write_all(answer).unwrap();
        });
        Service { host: "127.0.0.1".into(), port, ..Service::default() }
    }

    #[test]
    fn each_protocol_s_greeting_is_known() {
        server(23, b"R\0\0\0\x0c").postgresql().unwrap();
        server(0, b"J\0\0\0\x0a8.0").mysql().unwrap();
        server(0, b"INFO {}\r\n").nats().unwrap();
        server(8, b"\x01\0\0").rabbitmq().unwrap();
        server(19, b"\0\0\0\x20\0\0\0\x01\0\0\0\x01").kafka().unwrap();
        server(14, b"+PONG\r\n").redis().unwrap();
    }

    #[test]
    fn a_server_that_is_not_ready_yet_is_told() {
        assert!(server(23, b"E\0").postgresql().is_err());
        assert!(server(0, b"\x10\0\0\0\xff").mysql().is_err());
        assert!(server(0, b"HTTP/1.1").nats().is_err());
        assert!(server(8, b"AMQP\0\0\x09\x01").rabbitmq().is_err());
        assert!(server(19, &[0; 12]).kafka().is_err());
        assert_eq!(server(14, b"-LOADING\r\n").redis().unwrap_err(), "the server answers -LOADING");
        assert!(server(0, b"").nats().unwrap_err().starts_with("no answer yet"));
    }

    #[test]
    fn redis_is_asked_with_its_password() {
        let hello = "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n".len();
        let service = Service { password: Some("pw".into()), ..server(hello, b"+OK\r\n+PONG\r\n") };
        service.redis().unwrap();
        let service = Service { password: Some("pw".into()), ..server(hello, b"-WRONGPASS\r\n") };
        assert!(service.redis().unwrap_err().contains("WRONGPASS"));
    }
}
