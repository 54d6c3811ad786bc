//! The guarded client against a server of the tests' own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use pikoci_fetch::{Failure, FetchPolicy, Method, Request, fetch, fetch_async, send};

/// Serves `answers` in turn, a connection each, and hands out the requests as they were read.
struct Server {
    address: SocketAddr,
    requests: Receiver<String>,
}

impl Server {
    fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut seen = Vec::new();
                let mut buffer = [0; 4096];
                while !complete(&seen) {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => seen.extend_from_slice(&buffer[..count]),
                    }
                }
                drop(sender.send(String::from_utf8_lossy(&seen).into_owned()));
                if answer == "hang" {
                    // Ends when the client gives up.
                    drop(stream.read(&mut buffer));
                } else {
                    drop(stream.write_all(answer.as_bytes()));
                }
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn local() -> FetchPolicy {
    FetchPolicy::trusting()
}

#[test]
fn gets_a_body() {
    let server = Server::start(vec![answer("200 OK", "", "hello")]);
    let fetched = fetch(&local(), &server.url("/a?b=c")).unwrap();
    assert_eq!((&fetched.body[..], fetched.url), (&b"hello"[..], server.url("/a?b=c")));
    assert!(server.requests.recv().unwrap().starts_with("GET /a?b=c HTTP/1.1\r\n"));
}

#[tokio::test]
async fn both_faces_work_inside_a_runtime() {
    let server = Server::start(vec![answer("200 OK", "", "1"), answer("200 OK", "", "2")]);
    assert_eq!(&fetch(&local(), &server.url("/")).unwrap().body[..], b"1");
    assert_eq!(&fetch_async(&local(), &server.url("/")).await.unwrap().body[..], b"2");
}

#[test]
fn only_status_200_is_an_answer() {
    let server = Server::start(vec![answer("404 Not Found", "", "no"), answer("204 No Content", "", "")]);
    let error = fetch(&local(), &server.url("/x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot fetch {}: the server answered with status 404", server.url("/x"))
    );
    assert_eq!(fetch(&local(), &server.url("/")).unwrap_err().failure, Failure::Status(204));
}

#[test]
fn http_needs_permission() {
    let failure = fetch(&FetchPolicy::default(), "http://example.org/a").unwrap_err().failure;
    assert_eq!(failure, Failure::Scheme("http".into()));
    let failure = fetch(&local(), "ftp://example.org/a").unwrap_err().failure;
    assert_eq!(failure, Failure::Scheme("ftp".into()));
    assert_eq!(fetch(&local(), "no url").unwrap_err().failure, Failure::InvalidUrl);
}

#[test]
fn addresses_of_this_machine_are_refused() {
    let policy = FetchPolicy { allow_insecure: true, ..FetchPolicy::default() };
    for url in
        ["http://127.0.0.1:1/", "http://[::1]/", "http://10.0.0.1/", "http://0x7f.1/", "http://2130706433/"]
    {
        let failure = fetch(&policy, url).unwrap_err().failure;
        assert!(matches!(failure, Failure::PrivateAddress(_)), "{url}: {failure:?}");
    }
}

#[test]
fn names_that_lead_to_this_machine_are_refused() {
    let policy = FetchPolicy { allow_insecure: true, ..FetchPolicy::default() };
    let failure = fetch(&policy, "http://localhost:9/").unwrap_err().failure;
    assert!(matches!(failure, Failure::PrivateAddress(address) if address.is_loopback()), "{failure:?}");
}

#[test]
fn only_allowed_hosts_are_asked() {
    let policy = FetchPolicy { allowed_hosts: Some(vec!["localhost".into()]), ..local() };
    let server = Server::start(vec![answer("302 Found", "location: http://127.0.0.1:1/\r\n", "")]);
    let url = format!("http://localhost:{}/", server.address.port());
    assert_eq!(fetch(&policy, &url).unwrap_err().failure, Failure::HostNotAllowed("127.0.0.1".into()));
}

#[test]
fn redirects_are_followed_up_to_the_limit() {
    let to = |path: &str| answer("302 Found", &format!("location: {path}\r\n"), "");
    let server = Server::start(vec![to("/2"), to("/3"), answer("200 OK", "", "end")]);
    let fetched = fetch(&local(), &server.url("/1")).unwrap();
    assert_eq!((&fetched.body[..], fetched.url), (&b"end"[..], server.url("/3")));

    let server = Server::start((0..6).map(|_| to("/again")).collect());
    assert_eq!(fetch(&local(), &server.url("/")).unwrap_err().failure, Failure::TooManyRedirects(5));
}

#[test]
fn a_redirect_without_target_is_refused() {
    let server = Server::start(vec![answer("302 Found", "", "")]);
    assert_eq!(fetch(&local(), &server.url("/")).unwrap_err().failure, Failure::Redirect(String::new()));
}

#[test]
fn large_bodies_are_cut_off() {
    let policy = FetchPolicy { max_bytes: 10, ..local() };
    let server = Server::start(vec![answer("200 OK", "", "0123456789"), answer("200 OK", "", "0123456789a")]);
    assert!(fetch(&policy, &server.url("/")).is_ok());
    assert_eq!(fetch(&policy, &server.url("/")).unwrap_err().failure, Failure::TooLarge(10));
}

#[test]
fn a_silent_server_is_given_up() {
    let policy = FetchPolicy { total_timeout: Duration::from_millis(50), ..local() };
    let server = Server::start(vec!["hang".into()]);
    let error = fetch(&policy, &server.url("/")).unwrap_err();
    assert_eq!(error.failure.to_string(), "no complete answer within 50ms");
}

#[test]
fn no_server_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(&local(), &format!("http://{address}/")).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    let failure = fetch(&local(), "http://no-such-host.invalid/").unwrap_err().failure;
    assert_eq!(failure, Failure::UnknownHost("no-such-host.invalid".into()));
}

#[test]
fn passwords_of_a_url_are_not_shown() {
    let error = fetch(&FetchPolicy::default(), "http://user:hunter2@example.org/").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn requests_carry_method_headers_and_body() {
    let server = Server::start(vec![answer("503 Service Unavailable", "", "sealed")]);
    let request = Request {
        method: Method::PUT,
        url: server.url("/v1/sys/init"),
        headers: vec![("X-Vault-Token".into(), "t".into())],
        body: Some(b"{}".to_vec()),
    };
    let got = send(&local(), &request).unwrap();
    assert_eq!((got.status, &got.body[..]), (503, &b"sealed"[..]));
    let seen = server.requests.recv().unwrap();
    assert!(
        seen.starts_with("PUT /v1/sys/init") && seen.contains("x-vault-token: t") && seen.ends_with("{}")
    );
}

#[test]
fn headers_stay_with_their_host() {
    let other = Server::start(vec![answer("200 OK", "", "other")]);
    let location = format!("location: {}\r\n", other.url("/"));
    let server = Server::start(vec![answer("302 Found", &location, "")]);
    let request =
        Request { headers: vec![("X-Vault-Token".into(), "t".into())], ..Request::get(server.url("/")) };
    assert_eq!(&send(&local(), &request).unwrap().body[..], b"other");
    assert!(server.requests.recv().unwrap().contains("x-vault-token"));
    assert!(!other.requests.recv().unwrap().contains("x-vault-token"));
}
