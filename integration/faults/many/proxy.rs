//! A link between a process and a server behind it, which can be cut, held, slowed down and refused.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::{kafka, transport::Speech};
use crate::Fallible;

const CHUNK: usize = 64 * 1024;

/// One link. Ends with the last reference and the last connection.
#[derive(Debug)]
pub struct Proxy {
    gate: Arc<Gate>,
    /// Where the process has to call.
    pub address: SocketAddr,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing passes; nobody is told.
    held: bool,
    /// Whoever calls is sent away.
    refusing: bool,
    /// What each piece waits.
    delay: Duration,
    /// Both ends of each connection.
    open: Vec<[TcpStream; 2]>,
}

impl Proxy {
    /// A link to `behind`, which is called anew for each connection.
    ///
    /// # Errors
    /// No port is free.
    pub fn open(behind: &str, speech: Speech) -> Fallible<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let gate = Arc::new(Gate::default());
        let (ours, behind) = (Arc::clone(&gate), behind.to_owned());
        thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let (gate, behind) = (Arc::clone(&ours), behind.clone());
                // A connection that fails is closed; who called calls again.
                thread::spawn(move || gate.connect(caller, &behind, address, speech));
            }
        });
        Ok(Self { gate, address })
    }

    /// Nothing passes any more, in either direction; connections stay.
    pub fn hold(&self) {
        self.gate.change(|state| state.held = true);
    }

    /// Everything ends, and whoever calls is sent away: as if the server were gone.
    pub fn refuse(&self) {
        self.gate.change(|state| state.refusing = true);
        self.cut();
    }

    /// Whoever calls is let in again.
    pub fn welcome(&self) {
        self.gate.change(|state| state.refusing = false);
    }

    /// Each piece is late by so much.
    pub fn slow(&self, delay: Duration) {
        self.gate.change(|state| state.delay = delay);
    }

    /// Ends the connections; new ones are welcome.
    pub fn cut(&self) {
        self.gate.change(|state| {
            for end in state.open.drain(..).flatten() {
                // It may have ended by itself.
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }

    /// All is well again.
    pub fn heal(&self) {
        self.gate.change(|state| {
            state.held = false;
            state.refusing = false;
            state.delay = Duration::ZERO;
        });
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits until pieces may pass, and as long as this one is late.
    fn pass(&self) {
        let waited = self.changed.wait_while(self.state(), |state| state.held);
        let delay = waited.unwrap_or_else(PoisonError::into_inner).delay;
        if !delay.is_zero() {
            thread::sleep(delay);
        }
    }

    fn connect(&self, caller: TcpStream, behind: &str, own: SocketAddr, speech: Speech) -> io::Result<()> {
        self.pass();
        if self.state().refusing {
            return Ok(());
        }
        let server = TcpStream::connect(behind)?;
        let real = server.peer_addr()?.port();
        caller.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.change(|state| state.open.extend(pair(&caller, &server)));
        let (from_caller, to_server) = (caller.try_clone()?, server.try_clone()?);
        thread::scope(|scope| {
            scope.spawn(|| self.pump(from_caller, to_server, read_some));
            match speech {
                Speech::Plain => self.pump(server, caller, read_some),
                // A broker tells its own address: from here on it is this link's.
                Speech::Kafka => {
                    self.pump(server, caller, |from, piece| {
                        kafka::read_answer(from, piece, real, own.port())
                    });
                }
            }
        });
        Ok(())
    }

    fn pump(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        read: impl Fn(&mut TcpStream, &mut Vec<u8>) -> io::Result<usize>,
    ) {
        let mut piece = Vec::new();
        while read(&mut from, &mut piece).is_ok_and(|length| length > 0) {
            self.pass();
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        // The end of one direction is the end of both.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

fn pair(caller: &TcpStream, server: &TcpStream) -> Option<[TcpStream; 2]> {
    Some([caller.try_clone().ok()?, server.try_clone().ok()?])
}

fn read_some(from: &mut TcpStream, piece: &mut Vec<u8>) -> io::Result<usize> {
    piece.resize(CHUNK, 0);
    let length = from.read(piece)?;
    piece.truncate(length);
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends everything back.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || io::copy(&mut caller.try_clone().unwrap(), &mut &caller));
            }
        });
        address
    }

    fn said(link: &mut TcpStream, words: &[u8]) -> Vec<u8> {
        link.write_all(words).unwrap();
        let mut heard = vec![0; words.len()];
        link.read_exact(&mut heard).unwrap();
        heard
    }

    #[test]
    fn what_is_held_arrives_later_and_what_is_cut_never() {
        let proxy = Proxy::open(&echo(), Speech::Plain).unwrap();
        let mut link = TcpStream::connect(proxy.address).unwrap();
        assert_eq!(said(&mut link, b"one"), b"one");
        proxy.hold();
        link.write_all(b"two").unwrap();
        link.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(link.read(&mut [0]).is_err(), "it passed");
        link.set_read_timeout(None).unwrap();
        proxy.heal();
        let mut heard = [0; 3];
        link.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"two");
        proxy.refuse();
        assert!(matches!(link.read(&mut heard), Ok(0) | Err(_)));
        let mut link = TcpStream::connect(proxy.address).unwrap();
        assert!(matches!(link.read(&mut heard), Ok(0) | Err(_)), "it was let in");
        proxy.welcome();
        let mut link = TcpStream::connect(proxy.address).unwrap();
        assert_eq!(said(&mut link, b"three"), b"three");
    }
}
