//! A server's end.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use x25519_dalek::PublicKey;

use super::{
    derive::{Cipher, Secret, derive, name_of},
    end::{Content, Opened, Reason, Sender, To, message},
    header::{Header, Origin, Release, read_claims, write_to},
    recent::Recent,
    token::{Claims, Installation, PROTOCOL},
    window::Window,
};
use crate::SealError;

/// Workers that are remembered; one that is forgotten is known again with its next word.
const WORKERS: usize = 8192;
/// Servers and their earlier lives that are remembered.
const SERVERS: usize = 256;

/// Opens what workers and servers sealed, and seals for them.
pub struct ServerEnd {
    installation: Installation,
    release: Release,
    session: [u8; 16],
    name: String,
    number: AtomicU64,
    between: Cipher,
    hail: Cipher,
    met: Mutex<Met>,
}

struct Met {
    workers: Recent<[u8; 32], Worker>,
    by_name: HashMap<String, [u8; 32]>,
    servers: Recent<Voice, Server>,
}

/// A server's session, and whether it speaks to all workers.
pub(super) type Voice = ([u8; 16], bool);

struct Worker {
    node: String,
    claims: Claims,
    from: Cipher,
    to: Cipher,
    window: Window,
}

/// What is known of one voice.
pub(super) struct Server {
    pub cipher: Cipher,
    pub window: Window,
}

impl fmt::Debug for ServerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEnd").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerEnd {
    /// A new session.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(installation: Installation, release: Release) -> Result<Self, SealError> {
        let mut session = [0; 16];
        getrandom::fill(&mut session).map_err(|error| SealError::NoRandomness(error.to_string()))?;
        let met =
            Met { workers: Recent::new(WORKERS), by_name: HashMap::new(), servers: Recent::new(SERVERS) };
        Ok(Self {
            name: name_of('s', &session),
            between: Cipher::new(&between(&installation, &session)),
            hail: Cipher::new(&hail(&installation.hail, &session)),
            installation,
            release,
            session,
            number: AtomicU64::new(0),
            met: Mutex::new(met),
        })
    }

    /// The node that this session is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many workers are known.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.met().workers.len()
    }

    /// Whether this worker was heard.
    #[must_use]
    pub fn knows(&self, worker: &str) -> bool {
        self.met().by_name.contains_key(worker)
    }

    /// Seals a message; none for a node that is not known here.
    #[must_use]
    pub fn seal(&self, to: To<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_plain(to, &message(plain))
    }

    /// Tells a worker whose envelope could not be opened that nothing is taken from it, in clear: whom that goes to, and the
    /// envelope.
    #[must_use]
    pub fn notice(&self, unopened: &[u8], why: &str) -> Option<(String, Vec<u8>)> {
        let worker = name_of('w', &Header::worker_of(unopened)?);
        let header = Header {
            release: self.release,
            origin: Origin::Notice,
            number: 0,
            to: write_to(To::Node(&worker)),
        };
        let notice = [header.encode(), Content::encode(&Content::Refused(why.to_owned()))].concat();
        Some((worker, notice))
    }

    fn seal_plain(&self, to: To<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        let (origin, cipher) = match to {
            To::AllWorkers => (Origin::Hail(self.session), self.hail.clone()),
            To::AnyServer | To::AllServers => (Origin::ServerToServers(self.session), self.between.clone()),
            To::Node(name) if name.starts_with("s-") => {
                (Origin::ServerToServers(self.session), self.between.clone())
            }
            To::Node(name) => {
                let mut met = self.met();
                let public = *met.by_name.get(name)?;
                (Origin::ServerToWorker(self.session), met.workers.get(&public)?.to.clone())
            }
        };
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let header = Header { release: self.release, origin, number, to: write_to(to) };
        let mut out = header.encode();
        out.extend(cipher.seal(number, &out, plain)?);
        Some(out)
    }

    /// Opens an envelope.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn open(&self, bytes: &[u8]) -> Result<Opened, Reason> {
        let (header, clear) = Header::read(bytes)?;
        let (clear, sealed) = bytes.split_at(clear);
        let release = header.release;
        let (from, plain) = match header.origin {
            Origin::Worker { public, ref claims } => {
                self.hear_worker(&header, public, claims, clear, sealed)?
            }
            Origin::ServerToServers(session) => self.hear_server(&header, session, false, clear, sealed)?,
            Origin::Hail(session) => self.hear_server(&header, session, true, clear, sealed)?,
            Origin::ServerToWorker(_) | Origin::Notice => return Err(Reason::Misdirected),
        };
        Ok(Opened { from, content: Content::decode(plain)?, release })
    }

    fn hear_worker(
        &self,
        header: &Header,
        public: [u8; 32],
        claims: &[u8],
        clear: &[u8],
        sealed: &[u8],
    ) -> Result<(Sender, Vec<u8>), Reason> {
        self.check_receiver(header, false)?;
        let cipher = match self.met().workers.get(&public) {
            Some(known) if !known.window.is_fresh(header.number) => return Err(Reason::Repeated),
            Some(known) => Some(known.from.clone()),
            None => None,
        };
        // Who is not known yet is known only when its first envelope has shown that it has the token.
        let (cipher, fresh) = match cipher {
            Some(cipher) => (cipher, None),
            None => {
                let worker = self.meet(public, read_claims(claims)?);
                (worker.from.clone(), Some(worker))
            }
        };
        let plain = cipher.open(header.number, clear, sealed).ok_or(Reason::Forged)?;
        let mut met = self.met();
        if let Some(fresh) = fresh {
            met.remember(public, fresh);
        }
        let worker = met.workers.get(&public).ok_or(Reason::Forged)?;
        if !worker.window.is_fresh(header.number) {
            return Err(Reason::Repeated);
        }
        worker.window.note(header.number);
        Ok((Sender::Worker { node: worker.node.clone(), claims: worker.claims.clone() }, plain))
    }

    fn meet(&self, public: [u8; 32], claims: Claims) -> Worker {
        let shared = self.installation.exchange.diffie_hellman(&PublicKey::from(public));
        let servers = PublicKey::from(&self.installation.exchange);
        let key =
            session_key(&self.installation.key(&claims), shared.as_bytes(), &public, servers.as_bytes());
        Worker {
            node: name_of('w', &public),
            claims,
            from: Cipher::new(&from_worker(&key)),
            to: Cipher::new(&to_worker(&key, &self.session)),
            window: Window::default(),
        }
    }

    fn hear_server(
        &self,
        header: &Header,
        session: [u8; 16],
        is_hail: bool,
        clear: &[u8],
        sealed: &[u8],
    ) -> Result<(Sender, Vec<u8>), Reason> {
        self.check_receiver(header, is_hail)?;
        let known = {
            let mut met = self.met();
            met.servers
                .get(&(session, is_hail))
                .map(|known| (known.cipher.clone(), known.window.is_fresh(header.number)))
        };
        let cipher = match known {
            Some((_, false)) => return Err(Reason::Repeated),
            Some((cipher, true)) => cipher,
            None if is_hail => Cipher::new(&hail(&self.installation.hail, &session)),
            None => Cipher::new(&between(&self.installation, &session)),
        };
        let plain = cipher.open(header.number, clear, sealed).ok_or(Reason::Forged)?;
        let mut met = self.met();
        if met.servers.get(&(session, is_hail)).is_none() {
            met.servers.insert((session, is_hail), Server { cipher, window: Window::default() });
        }
        if let Some(server) = met.servers.get(&(session, is_hail)) {
            if !server.window.is_fresh(header.number) {
                return Err(Reason::Repeated);
            }
            server.window.note(header.number);
        }
        let from = if is_hail { Sender::Hailer } else { Sender::Server(name_of('s', &session)) };
        Ok((from, plain))
    }

    fn check_receiver(&self, header: &Header, is_hail: bool) -> Result<(), Reason> {
        let for_all = if is_hail {
            header.to == write_to(To::AllWorkers)
        } else {
            header.to == write_to(To::AnyServer) || header.to == write_to(To::AllServers)
        };
        let for_me = !is_hail && header.to == write_to(To::Node(&self.name));
        if for_all || for_me { Ok(()) } else { Err(Reason::Misdirected) }
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Met {
    fn remember(&mut self, public: [u8; 32], worker: Worker) {
        if self.workers.get(&public).is_some() {
            return;
        }
        self.by_name.insert(worker.node.clone(), public);
        if let Some(gone) = self.workers.insert(public, worker) {
            self.by_name.remove(&name_of('w', &gone));
        }
    }
}

fn between(installation: &Installation, session: &[u8; 16]) -> Secret {
    derive(PROTOCOL, &installation.between.0, &[b"from server", session])
}

/// The key of one server's broadcasts.
pub(super) fn hail(key: &Secret, session: &[u8; 16]) -> Secret {
    derive(PROTOCOL, &key.0, &[b"hail of server", session])
}

/// The key that one worker's life and the servers share.
pub(super) fn session_key(token: &Secret, shared: &[u8], worker: &[u8], servers: &[u8]) -> Secret {
    derive(&token.0, shared, &[PROTOCOL, worker, servers])
}

pub(super) fn from_worker(session: &Secret) -> Secret {
    derive(PROTOCOL, &session.0, &[b"from worker"])
}

pub(super) fn to_worker(session: &Secret, server: &[u8; 16]) -> Secret {
    derive(PROTOCOL, &session.0, &[b"to worker", server])
}
