//! The form on the wire: a fixed binary header, then a MessagePack map by field name.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use crate::{id::NodeId, port::Peer};

/// The first four bytes of every envelope.
const MAGIC: [u8; 4] = *b"PkC1";
/// The largest envelope that is read, in bytes: a plan of 4 MiB of pipeline, or a window of log chunks.
pub const MAX_ENVELOPE_BYTES: usize = 16 * 1024 * 1024;

/// Something that travels. Its name and version are stable: they are never derived from a path in the code.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// Who may say it.
    const BY: Speaker;
    /// Grows when the meaning of a field changes. Added optional fields do not change it.
    const VERSION: u16 = 1;
    /// About how many bytes it encodes to. Only a matter of speed: a log's bytes are then copied once.
    fn encoded_size(&self) -> usize {
        256
    }
    /// What the transport knows of the sender takes the place of what the message says of it.
    fn vouched(&mut self, _: &Peer) {}
}

/// Whose word a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaker {
    /// Only servers say it.
    Server,
    /// Only workers say it.
    Worker,
    /// It does no harm, whoever of this installation says it.
    Anyone,
}

impl Speaker {
    /// Whether `from` may say it in the name of `sender`.
    pub fn is(self, from: &Peer, sender: &NodeId) -> bool {
        match from {
            Peer::Here => true,
            Peer::Server(node) => self != Self::Worker && node == sender,
            Peer::Worker { node, .. } => self != Self::Server && node == sender,
            Peer::Hailer => self == Self::Anyone,
            Peer::Stranger => false,
        }
    }
}

/// A received envelope whose header was read; the body is decoded by who knows the name.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The message's wire name.
    pub name: String,
    /// The message's version.
    pub version: u16,
    /// Who sent it. Between machines this is derived from the seal, never believed.
    pub sender: NodeId,
    body: Bytes,
}

/// Why bytes are not an envelope of ours. Such bytes are counted and dropped, never fatal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Too long or too short, or not ours.
    #[error("not an envelope of this program ({0})")]
    Garbled(&'static str),
    /// Of a version that this program does not know.
    #[error("message `{name}` has version {found}, this program knows {known}")]
    Version {
        /// Its name.
        name: String,
        /// Its version.
        found: u16,
        /// What is known.
        known: u16,
    },
    /// The body is not what the name says.
    #[error("message `{name}` cannot be read: {reason}")]
    Body {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl Envelope {
    /// The bytes of `message`, sent by `sender`.
    ///
    /// # Errors
    /// A message that cannot be encoded or is larger than [`MAX_ENVELOPE_BYTES`].
    pub fn encode<M: Message>(sender: &NodeId, message: &M) -> Result<Bytes, EnvelopeError> {
        let body_error = |reason: String| EnvelopeError::Body { name: M::NAME.to_owned(), reason };
        let mut out = BytesMut::with_capacity(message.encoded_size());
        out.put_slice(&MAGIC);
        put_short(&mut out, M::NAME);
        out.put_u16(M::VERSION);
        put_short(&mut out, &sender.0);
        let mut writer = out.writer();
        let mut serializer = rmp_serde::Serializer::new(&mut writer).with_struct_map();
        message.serialize(&mut serializer).map_err(|e| body_error(e.to_string()))?;
        let out = writer.into_inner();
        if out.len() > MAX_ENVELOPE_BYTES {
            return Err(body_error(format!("{} bytes, at most {MAX_ENVELOPE_BYTES} are allowed", out.len())));
        }
        Ok(out.freeze())
    }

    /// Reads the header.
    ///
    /// # Errors
    /// Bytes that are not an envelope.
    pub fn open(bytes: Bytes) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(EnvelopeError::Garbled("too long"));
        }
        let mut at = Cursor { bytes: &bytes, at: 0 };
        if at.take(4)? != MAGIC {
            return Err(EnvelopeError::Garbled("wrong first bytes"));
        }
        let name = at.short()?;
        let version =
            u16::from_be_bytes(at.take(2)?.try_into().map_err(|_| EnvelopeError::Garbled("header"))?);
        let sender = NodeId(at.short()?);
        let start = at.at;
        Ok(Self { name, version, sender, body: bytes.slice(start..) })
    }

    /// The message, if it is an `M`; `None` if it has another name.
    ///
    /// # Errors
    /// An unknown version or a garbled body.
    pub fn message<M: Message>(&self) -> Option<Result<M, EnvelopeError>> {
        (self.name == M::NAME).then(|| {
            if self.version != M::VERSION {
                return Err(EnvelopeError::Version {
                    name: self.name.clone(),
                    found: self.version,
                    known: M::VERSION,
                });
            }
            rmp_serde::from_slice(&self.body)
                .map_err(|e| EnvelopeError::Body { name: self.name.clone(), reason: e.to_string() })
        })
    }
}

/// Names and node ids are short; longer ones are cut, and then simply match nothing.
fn put_short(out: &mut BytesMut, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(255)];
    out.put_u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.put_slice(bytes);
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], EnvelopeError> {
        let end = self.at + count;
        let slice = self.bytes.get(self.at..end).ok_or(EnvelopeError::Garbled("too short"))?;
        self.at = end;
        Ok(slice)
    }

    fn short(&mut self) -> Result<String, EnvelopeError> {
        let length = usize::from(self.take(1)?[0]);
        let text =
            std::str::from_utf8(self.take(length)?).map_err(|_| EnvelopeError::Garbled("header text"))?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::BuildId, message::Void};

    #[test]
    fn a_message_comes_back_as_it_was() {
        let sender = NodeId("n1".into());
        let message = Void { build: BuildId(7), fence: crate::id::Fence(9) };
        let envelope = Envelope::open(Envelope::encode(&sender, &message).unwrap()).unwrap();
        assert_eq!((envelope.name.as_str(), &envelope.sender), ("build.void", &sender));
        assert_eq!(envelope.message::<Void>().unwrap().unwrap(), message);
        assert!(envelope.message::<crate::message::Doorbell>().is_none());
    }

    #[test]
    fn a_message_is_the_word_of_its_kind_and_in_the_own_name() {
        let (me, other) = (NodeId("n1".into()), NodeId("n2".into()));
        let worker = Peer::Worker { node: me.clone(), team: None };
        assert!(Speaker::Worker.is(&worker, &me) && !Speaker::Worker.is(&worker, &other));
        assert!(!Speaker::Server.is(&worker, &me) && !Speaker::Worker.is(&Peer::Server(me.clone()), &me));
        assert!(
            Speaker::Server.is(&Peer::Server(me.clone()), &me) && Speaker::Server.is(&Peer::Here, &other)
        );
        assert!(Speaker::Anyone.is(&Peer::Hailer, &me) && !Speaker::Server.is(&Peer::Hailer, &me));
        assert!(!Speaker::Anyone.is(&Peer::Stranger, &me));
        assert!(!Speaker::Server.is(&Peer::Stranger, &me) && !Speaker::Worker.is(&Peer::Stranger, &me));
    }

    #[test]
    fn garbage_is_refused_at_every_length() {
        let whole =
            Envelope::encode(&NodeId("n1".into()), &Void { build: BuildId(7), fence: crate::id::Fence(9) })
                .unwrap();
        for end in 0..whole.len() {
            if let Ok(envelope) = Envelope::open(whole.slice(..end)) {
                assert!(envelope.message::<Void>().is_none_or(|m| m.is_err()));
            }
        }
        assert!(Envelope::open(Bytes::from_static(b"HTTP/1.1 200")).is_err());
    }
}
