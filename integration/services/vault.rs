//! Secrets of a Vault: a server with the documented shapes of both versions of the key-value store.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use super::perform;

const TOKEN: &str = "the-token";

/// Answers until the test's process ends; gives its address.
fn vault() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(client));
        }
    });
    address
}

fn answer(client: TcpStream) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let is_known = head.iter().any(|line| line.to_lowercase() == format!("x-vault-token: {TOKEN}"));
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, body) =
        if is_known { content(path) } else { ("403 Forbidden", r#"{"errors":["permission denied"]}"#) };
    let length = body.len();
    // A client that has gone needs no answer.
    let _ = write!(
        &client,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn content(path: &str) -> (&'static str, &'static str) {
    match path {
        "/v1/secret/data/db" => (
            "200 OK",
            r#"{"data":{"data":{"password":"open-sesame"},"metadata":{"version":3,"destroyed":false}},"lease_id":""}"#,
        ),
        "/v1/kv/old" => ("200 OK", r#"{"data":{"word":"old-sesame"},"lease_duration":2764800}"#),
        path if path.starts_with("/v1/sys/internal/ui/mounts/secret") => {
            ("200 OK", r#"{"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#)
        }
        path if path.starts_with("/v1/sys/internal/ui/mounts/kv") => {
            ("200 OK", r#"{"data":{"path":"kv/","type":"kv","options":null}}"#)
        }
        "/v1/secret/db" => (
            "404 Not Found",
            r#"{"errors":[],"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs."]}"#,
        ),
        _ => ("404 Not Found", r#"{"errors":[]}"#),
    }
}

#[test]
fn secrets_come_from_both_versions_of_the_store() {
    let address = vault();
    perform("secret", |script| {
        script.env.insert("VAULT_ADDR".to_owned(), address);
        script.env.insert("VAULT_TOKEN".to_owned(), TOKEN.to_owned());
    });
}
