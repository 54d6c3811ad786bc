//! The clear part of an envelope, all of which is authenticated.
//!
//! | bytes | what |
//! |---|---|
//! | 3 | `PkS` |
//! | 1 | version of this form |
//! | 1 | whose word it is |
//! | 4 | release of the sender's program: major, minor |
//! | 32 or 16 | the worker's public key, or the server's session |
//! | 8 | number |
//! | 1, or 2 + its length | whom it is for |
//! | 2 + their length | a worker's claims, as JSON |
//!
//! The first 41 bytes of a worker's envelope stay as they are in every version, so that any server can tell any worker
//! that they do not understand each other.

use std::{fmt, str::FromStr};

use super::{
    end::{Reason, To},
    token::Claims,
};

const MAGIC: &[u8; 3] = b"PkS";
const VERSION: u8 = 1;
/// What sealing adds to an envelope, at most, in bytes.
pub const OVERHEAD: usize = 1024;

/// Release of a program: those whose minor numbers differ by one at most understand each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
}

impl Release {
    /// Whether programs of these releases understand each other.
    #[must_use]
    pub fn fits(self, other: Self) -> bool {
        self.major == other.major && self.minor.abs_diff(other.minor) <= 1
    }
}

impl FromStr for Release {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err("is no release (expected two numbers with a dot between)"),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Whose word an envelope is, and under which key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A worker to servers.
    Worker { public: [u8; 32], claims: Vec<u8> },
    /// A server to one worker.
    ServerToWorker([u8; 16]),
    /// A server to servers.
    ServerToServers([u8; 16]),
    /// A server to all workers.
    Hail([u8; 16]),
    /// Not sealed: somebody says to a worker that no server understands it.
    Notice,
}

/// Everything that is read before the key is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub release: Release,
    pub origin: Origin,
    pub number: u64,
    pub to: String,
}

impl Header {
    /// The bytes before the sealed part.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        let (tag, id, claims): (u8, &[u8], Option<&Vec<u8>>) = match &self.origin {
            Origin::Worker { public, claims } => (1, public, Some(claims)),
            Origin::ServerToWorker(session) => (2, session, None),
            Origin::ServerToServers(session) => (3, session, None),
            Origin::Hail(session) => (4, session, None),
            Origin::Notice => (5, &[], None),
        };
        out.push(tag);
        out.extend_from_slice(&self.release.major.to_be_bytes());
        out.extend_from_slice(&self.release.minor.to_be_bytes());
        out.extend_from_slice(id);
        out.extend_from_slice(&self.number.to_be_bytes());
        let to = &self.to.as_bytes()[..self.to.len().min(255)];
        out.push(u8::try_from(to.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(to);
        if let Some(claims) = claims {
            out.extend_from_slice(&u16::try_from(claims.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(claims);
        }
        out
    }

    /// Reads it; gives the length of the clear part.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Reason> {
        let mut cursor = Cursor { bytes, at: 0 };
        if cursor.take(3)? != MAGIC {
            return Err(Reason::Garbled);
        }
        let (version, tag) = (cursor.array::<1>()?[0], cursor.array::<1>()?[0]);
        let short = |cursor: &mut Cursor<'_>| Ok(u16::from_be_bytes(cursor.array()?));
        let release = Release { major: short(&mut cursor)?, minor: short(&mut cursor)? };
        if version != VERSION {
            return Err(Reason::Version(release));
        }
        let mut origin = match tag {
            1 => Origin::Worker { public: cursor.array()?, claims: Vec::new() },
            2 => Origin::ServerToWorker(cursor.array()?),
            3 => Origin::ServerToServers(cursor.array()?),
            4 => Origin::Hail(cursor.array()?),
            5 => Origin::Notice,
            _ => return Err(Reason::Garbled),
        };
        let number = u64::from_be_bytes(cursor.array()?);
        let length = usize::from(cursor.array::<1>()?[0]);
        let to = std::str::from_utf8(cursor.take(length)?).map_err(|_| Reason::Garbled)?.to_owned();
        if let Origin::Worker { claims, .. } = &mut origin {
            let length = usize::from(short(&mut cursor)?);
            *claims = cursor.take(length)?.to_vec();
        }
        Ok((Self { release, origin, number, to }, cursor.at))
    }

    /// The public key of a worker whose envelope may be of any version.
    pub fn worker_of(bytes: &[u8]) -> Option<[u8; 32]> {
        let from_worker = bytes.starts_with(MAGIC) && bytes.get(4) == Some(&1);
        from_worker.then(|| bytes.get(9..41)?.try_into().ok())?
    }
}

/// The claims in a header.
pub(super) fn read_claims(bytes: &[u8]) -> Result<Claims, Reason> {
    serde_json::from_slice(bytes).map_err(|_| Reason::Garbled)
}

/// How a receiver is written: one letter, and a node's name.
pub(super) fn write_to(to: To<'_>) -> String {
    match to {
        To::AnyServer => "a".to_owned(),
        To::AllServers => "s".to_owned(),
        To::AllWorkers => "w".to_owned(),
        To::Node(name) => format!("n{name}"),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Reason> {
        let slice = self.bytes.get(self.at..self.at + count).ok_or(Reason::Garbled)?;
        self.at += count;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| Reason::Garbled)
    }
}
