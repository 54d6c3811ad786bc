//! A Kafka broker says where it is, and clients go there: behind a link it has to say where the link is.

use std::{
    io::{self, Read},
    net::TcpStream,
};

/// As brokers on this machine say where they are. All are of one length, so that an answer keeps its own.
const HOSTS: [&[u8; 9]; 2] = [b"127.0.0.1", b"localhost"];
/// Longer is no answer of a broker.
const LONGEST: usize = 256 << 20;

/// Reads one whole answer, its length included, in which the broker's port is replaced by the link's.
///
/// # Errors
/// What the connection says; an answer that is too long.
pub fn read_answer(from: &mut TcpStream, answer: &mut Vec<u8>, real: u16, own: u16) -> io::Result<usize> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if rest > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    answer.clear();
    answer.extend(length);
    answer.resize(length.len() + rest, 0);
    from.read_exact(answer.get_mut(length.len()..).unwrap_or_default())?;
    redirect(answer, real, own);
    Ok(answer.len())
}

/// An address is its host and then its port as four bytes, in every version.
fn redirect(answer: &mut [u8], real: u16, own: u16) {
    let address = |host: &[u8], port: u16| [host, &u32::from(port).to_be_bytes()].concat();
    let [host, other] = HOSTS;
    let (wanted, replaced) = ([address(host, real), address(other, real)], address(host, own));
    let mut at = 0;
    while let Some(here) = answer.get_mut(at..at + replaced.len()) {
        if wanted.iter().any(|wanted| here == wanted) {
            here.copy_from_slice(&replaced);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_an_answer_becomes_the_links() {
        let mut answer = b"..\x00\x09localhost\x00\x00\x23\x84..127.0.0.1\x00\x00\x23\x85".to_vec();
        redirect(&mut answer, 9092, 1);
        assert_eq!(answer, b"..\x00\x09127.0.0.1\x00\x00\x00\x01..127.0.0.1\x00\x00\x23\x85");
    }
}
