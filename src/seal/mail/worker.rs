//! A worker's end.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use x25519_dalek::{PublicKey, StaticSecret};

use super::{
    derive::{Cipher, Secret, derive, name_of},
    end::{Content, Opened, Reason, Sender, To, message},
    header::{Header, Origin, Release, write_to},
    recent::Recent,
    server::{Server, Voice, from_worker, hail, session_key, to_worker},
    token::{PROTOCOL, WorkerToken},
    window::Window,
};
use crate::SealError;

/// Servers and their earlier lives that are remembered.
const SERVERS: usize = 256;

/// Seals for servers, and opens what they sealed for this worker.
pub struct WorkerEnd {
    release: Release,
    public: [u8; 32],
    claims: Vec<u8>,
    name: String,
    number: AtomicU64,
    session: Secret,
    hail: Secret,
    sealing: Cipher,
    servers: Mutex<Recent<Voice, Server>>,
}

impl fmt::Debug for WorkerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerEnd").field("name", &self.name).finish_non_exhaustive()
    }
}

impl WorkerEnd {
    /// A new life of a worker that holds this token.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(token: &WorkerToken, release: Release) -> Result<Self, SealError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| SealError::NoRandomness(error.to_string()))?;
        let own = StaticSecret::from(derive(PROTOCOL, &random, &[b"worker"]).0);
        let public = PublicKey::from(&own).to_bytes();
        let shared = own.diffie_hellman(&token.servers);
        let session = session_key(&token.key, shared.as_bytes(), &public, token.servers.as_bytes());
        Ok(Self {
            release,
            public,
            // Two short texts and a number: there is nothing in it that JSON could not say.
            claims: serde_json::to_vec(token.claims()).unwrap_or_default(),
            name: name_of('w', &public),
            number: AtomicU64::new(0),
            sealing: Cipher::new(&from_worker(&session)),
            session,
            hail: token.hail.clone(),
            servers: Mutex::new(Recent::new(SERVERS)),
        })
    }

    /// The node that this life is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seals a message. None for other workers: they cannot open it.
    #[must_use]
    pub fn seal(&self, to: To<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_plain(to, &message(plain))
    }

    /// Makes this worker known.
    #[must_use]
    pub fn hello(&self) -> Option<Vec<u8>> {
        self.seal_plain(To::AllServers, &Content::encode(&Content::Hello))
    }

    fn seal_plain(&self, to: To<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        if to == To::AllWorkers {
            return None;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let origin = Origin::Worker { public: self.public, claims: self.claims.clone() };
        let header = Header { release: self.release, origin, number, to: write_to(to) };
        let mut out = header.encode();
        out.extend(self.sealing.seal(number, &out, plain)?);
        Some(out)
    }

    /// Opens an envelope.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn open(&self, bytes: &[u8]) -> Result<Opened, Reason> {
        let (header, clear) = Header::read(bytes)?;
        let (clear, sealed) = bytes.split_at(clear);
        let (to, session, is_hail) = match header.origin {
            Origin::ServerToWorker(session) => (To::Node(&self.name), session, false),
            Origin::Hail(session) => (To::AllWorkers, session, true),
            Origin::Notice => return self.notice(&header, sealed),
            Origin::Worker { .. } | Origin::ServerToServers(_) => return Err(Reason::Misdirected),
        };
        if header.to != write_to(to) {
            return Err(Reason::Misdirected);
        }
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            servers.get(&(session, is_hail)).map(|known| (known.cipher.clone(), known.window.clone()));
        let (cipher, mut window) = known.unwrap_or_else(|| {
            let key = if is_hail { hail(&self.hail, &session) } else { to_worker(&self.session, &session) };
            (Cipher::new(&key), Window::default())
        });
        if !window.is_fresh(header.number) {
            return Err(Reason::Repeated);
        }
        let plain = cipher.open(header.number, clear, sealed).ok_or(Reason::Forged)?;
        window.note(header.number);
        servers.insert((session, is_hail), Server { cipher, window });
        let from = if is_hail { Sender::Hailer } else { Sender::Server(name_of('s', &session)) };
        Ok(Opened { from, content: Content::decode(plain)?, release: header.release })
    }

    /// What nobody sealed can only be a word of warning.
    fn notice(&self, header: &Header, plain: &[u8]) -> Result<Opened, Reason> {
        match Content::decode(plain.to_vec())? {
            _ if header.to != write_to(To::Node(&self.name)) => Err(Reason::Misdirected),
            content @ Content::Refused(_) => {
                Ok(Opened { from: Sender::Nobody, content, release: header.release })
            }
            Content::Message(_) | Content::Hello => Err(Reason::Forged),
        }
    }
}
