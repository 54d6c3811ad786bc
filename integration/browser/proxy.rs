//! A way to the server that breaks when the test says so.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Passes connections on, and keeps the beginning of what is asked.
pub struct Proxy {
    pub address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: Vec<TcpStream>,
    asked: Vec<String>,
}

impl Proxy {
    /// In front of a server (`host:port`).
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (server, state) = (server.to_owned(), Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(upstream) = TcpStream::connect(&server) else { continue };
                let (a, b) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                shared.lock().unwrap().open.extend([a.try_clone().unwrap(), b.try_clone().unwrap()]);
                let heard = Arc::clone(&shared);
                thread::spawn(move || pass(client, upstream, Some(&heard)));
                thread::spawn(move || pass(b, a, None));
            }
        });
        Self { address, state }
    }

    /// Ends every connection at once.
    pub fn cut(&self) {
        for stream in self.state.lock().unwrap().open.drain(..) {
            // One that has ended already is cut enough.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Heads of the requests for event streams so far.
    pub fn streams(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let heads = state
            .asked
            .iter()
            .filter(|head| head.lines().next().is_some_and(|first| first.contains("/events")));
        heads.cloned().collect()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, heard: Option<&Mutex<State>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(state) = heard {
            // A browser sends the head of a request in one piece.
            let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
            state.lock().unwrap().asked.push(head);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
