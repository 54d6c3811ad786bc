//! A door to the engine behind which the creation of a container takes long: longer than its client lives.

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use super::engine::Engine;
use crate::world::deadline::PATIENCE;

/// How long the engine goes on creating after its client is gone: longer than a stop takes, shorter than the pause
/// before the second.
const AFTER_THE_CLIENT: Duration = Duration::from_secs(1);

/// Passes everything on at once but requests to create a container, which wait until their client has gone.
pub struct SlowDoor {
    host: String,
    begun: Receiver<()>,
    created: Arc<AtomicU32>,
}

impl SlowDoor {
    /// Opens it beside the engine's own.
    pub fn open(engine: &Engine) -> Self {
        let path = engine.home().join("slow.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (begins, begun) = channel();
        let created = Arc::new(AtomicU32::new(0));
        let (real, count) = (engine.socket(), Arc::clone(&created));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // An engine that has been stopped takes nobody.
                let Ok(engine) = UnixStream::connect(&real) else { return };
                let (begins, count) = (begins.clone(), Arc::clone(&count));
                thread::spawn(move || pass(client, engine, &begins, &count));
            }
        });
        Self { host: format!("unix://{}", path.display()), begun, created }
    }

    /// As `DOCKER_HOST`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Waits until a client has asked for a container.
    pub fn wait_for_creation(&self) {
        self.begun.recv_timeout(PATIENCE).unwrap();
    }

    /// Containers that were created after their client had gone.
    pub fn created(&self) -> u32 {
        self.created.load(Ordering::SeqCst)
    }
}

/// Passes one connection on, in both directions.
fn pass(mut client: UnixStream, mut engine: UnixStream, begins: &Sender<()>, created: &AtomicU32) {
    let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        // Whoever went away hears no answer.
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Write);
    });
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let request = &buffer[..length];
        let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.starts_with(b"POST") && String::from_utf8_lossy(line).contains("/containers/create") {
            return create(request, &mut client, &mut engine, begins, created);
        }
        if engine.write_all(request).is_err() {
            return;
        }
    }
    let _ = engine.shutdown(std::net::Shutdown::Write);
}

fn create(
    request: &[u8],
    client: &mut UnixStream,
    engine: &mut UnixStream,
    begins: &Sender<()>,
    created: &AtomicU32,
) {
    let mut request = request.to_vec();
    let _ = begins.send(());
    // All that follows belongs to the request; then the client is gone.
    let _ = client.read_to_end(&mut request);
    thread::sleep(AFTER_THE_CLIENT);
    if engine.write_all(&request).is_ok() {
        created.fetch_add(1, Ordering::SeqCst);
    }
}
