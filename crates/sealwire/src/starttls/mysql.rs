//! A client of MySQL that knows nothing of TLS, and a server that wants it. Packets are numbered
//! while the client logs in, and the request for TLS is one more, so those to the server count one
//! more than those of the client.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::binary::{CLIENT_SSL, mysql_greeting};
use super::talk::Talk;
use super::{Error, Protocol};

/// A packet, with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet(Vec<u8>);

/// The greeting of the server, for a client that is not to ask for TLS itself.
///
/// # Errors
/// When it has no TLS, or is not a MySQL.
pub async fn greeting<IO>(server: &mut IO) -> Result<Packet, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk::new(server, Protocol::Mysql);
    let (mut packet, capabilities) = mysql_greeting(&mut talk).await?;
    talk.end()?;
    packet[capabilities + 1] &= !CLIENT_SSL.to_le_bytes()[1];
    Ok(Packet(packet))
}

/// The request for TLS that goes before the client's answer to the greeting, and that answer.
pub fn request(answer: Packet) -> Option<(Vec<u8>, Packet)> {
    const FIXED_PART: usize = 32;
    let Packet(mut bytes) = answer;
    let fixed = bytes.get_mut(4..4 + FIXED_PART)?;
    fixed[1] |= CLIENT_SSL.to_le_bytes()[1];
    let request = [&[32, 0, 0, 1][..], fixed].concat();
    Some((request, Packet(bytes)))
}

/// The next packet of a stream, of which `ahead` has come already.
///
/// # Errors
/// Of the stream; its end is `UnexpectedEof`.
pub async fn packet<IO>(io: &mut IO, ahead: &mut Vec<u8>) -> std::io::Result<Packet>
where
    IO: AsyncRead + Unpin,
{
    loop {
        if let Some(packet) = Packet::take(ahead)? {
            return Ok(packet);
        }
        let mut buffer = [0; 4096];
        match io.read(&mut buffer).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => ahead.extend_from_slice(&buffer[..read]),
        }
    }
}

impl Packet {
    /// Takes a packet off the front, if it is there as a whole.
    ///
    /// # Errors
    /// During authentication, packets are short.
    pub fn take(ahead: &mut Vec<u8>) -> std::io::Result<Option<Self>> {
        const LONGEST: usize = 64 * 1024;
        let Some(&[a, b, c, _]) = ahead.first_chunk() else { return Ok(None) };
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        if length > LONGEST {
            return Err(std::io::Error::other("a packet that is too long for MySQL's log-in"));
        }
        if ahead.len() < 4 + length {
            return Ok(None);
        }
        let rest = ahead.split_off(4 + length);
        Ok(Some(Self(std::mem::replace(ahead, rest))))
    }

    /// As the other side counts it.
    pub fn renumbered(mut self, by: i8) -> Vec<u8> {
        self.0[3] = self.0[3].wrapping_add_signed(by);
        self.0
    }

    /// Whether the server's log-in is over with it: OK, or an error.
    pub fn is_last(&self) -> bool {
        matches!(self.0.get(4), Some(0 | 0xff) | None)
    }

    /// Whether another packet of the server follows: `fast_auth_success` of caching_sha2_password.
    pub fn goes_on(&self) -> bool {
        self.0.get(4..) == Some(&[1, 3])
    }

    /// All of it, with its header.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Packet, request};

    #[test]
    fn packets_are_taken_whole_and_counted_anew() {
        let mut ahead = vec![2, 0, 0, 1, 0xff, 7, 1];
        let packet = Packet::take(&mut ahead).unwrap().unwrap();
        assert!(packet.is_last() && !packet.goes_on());
        assert_eq!(packet.renumbered(1), [2, 0, 0, 2, 0xff, 7]);
        assert_eq!((Packet::take(&mut ahead).unwrap(), ahead), (None, vec![1]));
        assert!(Packet::take(&mut vec![0, 0, 2, 0]).is_err());
        assert!(Packet(vec![2, 0, 0, 4, 1, 3]).goes_on());
    }

    #[test]
    fn the_request_is_the_answers_beginning_with_tls() {
        let mut answer = vec![34, 0, 0, 1, 0x05, 0xa2];
        answer.resize(4 + 34, 9);
        let (asked, answer) = request(Packet(answer)).unwrap();
        assert_eq!((asked.len(), &asked[..6]), (36, &[32, 0, 0, 1, 0x05, 0xaa][..]));
        assert_eq!(&answer.bytes()[..6], [34, 0, 0, 1, 0x05, 0xaa]);
        assert!(request(Packet(vec![3, 0, 0, 1, 0, 0, 0])).is_none());
    }
}
