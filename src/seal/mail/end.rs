//! What both ends of the mail have in common.

use super::{header::Release, token::Claims};

/// Whom an envelope is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To<'a> {
    /// One server, whichever.
    AnyServer,
    /// Every server.
    AllServers,
    /// Every worker.
    AllWorkers,
    /// The node of this name.
    Node(&'a str),
}

/// Who sealed an envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sender {
    /// A worker, by its node's name and its token's claims.
    Worker {
        /// The name that follows from its public key.
        node: String,
        /// What its token allows.
        claims: Claims,
    },
    /// A server, by its node's name.
    Server(String),
    /// Who knows the key of broadcasts: a server, or a worker that pretends.
    Hailer,
    /// Nobody: this was not sealed.
    Nobody,
}

/// What is in an envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// For who uses the mail.
    Message(Vec<u8>),
    /// A worker makes itself known.
    Hello,
    /// Not sealed: a server cannot open what this worker says, and why.
    Refused(String),
}

/// An envelope that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// By whom.
    pub from: Sender,
    /// What.
    pub content: Content,
    /// The release of the sender's program.
    pub release: Release,
}

/// Why an envelope was not opened. Such envelopes are counted and dropped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// Not in the form of an envelope.
    #[error("garbled")]
    Garbled,
    /// Sealed under a key that nobody here has, or changed on the way.
    #[error("forged, or sealed with a token of another installation")]
    Forged,
    /// It has come before, or is so late that nobody can tell.
    #[error("repeated")]
    Repeated,
    /// For somebody else.
    #[error("for somebody else")]
    Misdirected,
    /// Its sender's program is of a release that does not fit.
    #[error("from release {0}")]
    Version(Release),
}

/// First byte of what is sealed.
const MESSAGE: u8 = 0;
const HELLO: u8 = 1;
const REFUSED: u8 = 2;

impl Content {
    pub(super) fn encode(tag: &Content) -> Vec<u8> {
        match tag {
            Self::Message(bytes) => message(bytes),
            Self::Hello => vec![HELLO],
            Self::Refused(text) => [&[REFUSED], text.as_bytes()].concat(),
        }
    }

    pub(super) fn decode(mut plain: Vec<u8>) -> Result<Self, Reason> {
        match plain.first() {
            Some(&MESSAGE) => {
                plain.remove(0);
                Ok(Self::Message(plain))
            }
            Some(&HELLO) => Ok(Self::Hello),
            Some(&REFUSED) => Ok(Self::Refused(String::from_utf8_lossy(&plain[1..]).into_owned())),
            _ => Err(Reason::Garbled),
        }
    }
}

/// The plain form of a message.
pub(super) fn message(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(1 + bytes.len());
    plain.push(MESSAGE);
    plain.extend_from_slice(bytes);
    plain
}
