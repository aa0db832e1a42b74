//! What a server writes into a ticket or a stored session, and reads back: the engine's own state
//! and, before it, what the session is bound to.

use zeroize::Zeroizing;

use crate::words::ClientAuth;

/// The largest state that is given to a client. With it, the ClientHello that offers the ticket
/// stays within one record of 16 KiB, beyond which servers and middleboxes begin to fail, and
/// leaves room for the rest of the hello (a hybrid key share has 1.2 KiB). A client whose chain
/// is larger gets no ticket and does a full handshake each time.
pub(crate) const MAX_STATE: usize = 12 * 1024;

/// The most that a block cipher adds.
const PADDING: usize = 16;

/// Another number: another layout, or an engine that writes another state. Sessions of other
/// versions of this library are not resumed.
const FORMAT: u8 = 1;

/// A server's session, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State<'a> {
    pub(super) binding: Binding<'a>,
    /// When this state was made, in seconds since 1970.
    pub(super) issued: i64,
    /// When the peer last proved that it has its key: the time of the full handshake.
    pub(super) proven: i64,
    /// Whether the client's certificate passed.
    pub(super) trusted: bool,
    /// The id of a stored session; empty in a ticket.
    pub(super) id: &'a [u8],
    /// The client's chain, leaf first. It lies in the engine's state already, so only places are
    /// written.
    pub(super) chain: Vec<&'a [u8]>,
    /// The engine's state, which is not looked into.
    pub(super) engine: &'a [u8],
}

/// Where alone a session may be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding<'a> {
    pub(super) client_auth: ClientAuth,
    pub(super) id_context: &'a [u8],
}

impl<'a> State<'a> {
    /// `None` when it would be too large, or holds what cannot be written.
    pub(super) fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let fixed = 3 + 8 + 8 + 1 + 1 + 1 + self.binding.id_context.len() + self.id.len();
        let length = fixed + 4 * self.chain.len() + self.engine.len();
        if length > MAX_STATE {
            return None;
        }
        // Of the right size at once, for a vector that grows leaves its bytes behind; with room
        // for what encryption adds.
        let mut out = Zeroizing::new(Vec::with_capacity(length + PADDING));
        out.extend([FORMAT, mode(self.binding.client_auth), u8::from(self.trusted)]);
        out.extend(self.issued.to_be_bytes());
        out.extend(self.proven.to_be_bytes());
        for field in [self.binding.id_context, self.id] {
            out.push(u8::try_from(field.len()).ok()?);
            out.extend_from_slice(field);
        }
        out.push(u8::try_from(self.chain.len()).ok()?);
        let mut from = 0;
        for certificate in &self.chain {
            let place = from + find(&self.engine[from..], certificate)?;
            from = place + certificate.len();
            out.extend(u16::try_from(place).ok()?.to_be_bytes());
            out.extend(u16::try_from(certificate.len()).ok()?.to_be_bytes());
        }
        out.extend_from_slice(self.engine);
        Some(out)
    }

    /// `None` when it is not of this format.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let [FORMAT, client_auth, trusted @ (0 | 1)] = *rest.array()? else { return None };
        let client_auth = [ClientAuth::None, ClientAuth::Request, ClientAuth::Require]
            .into_iter()
            .find(|auth| mode(*auth) == client_auth)?;
        let issued = i64::from_be_bytes(*rest.array()?);
        let proven = i64::from_be_bytes(*rest.array()?);
        let id_context = rest.short()?;
        let id = rest.short()?;
        let [certificates] = *rest.array()?;
        let mut places = Vec::with_capacity(usize::from(certificates));
        for _ in 0..certificates {
            let place = usize::from(u16::from_be_bytes(*rest.array()?));
            places.push((place, usize::from(u16::from_be_bytes(*rest.array()?))));
        }
        let engine = rest.0;
        let chain = places.into_iter().map(|(at, length)| engine.get(at..at + length));
        Some(Self {
            binding: Binding { client_auth, id_context },
            issued,
            proven,
            trusted: trusted == 1,
            id,
            chain: chain.collect::<Option<_>>()?,
            engine,
        })
    }
}

fn mode(client_auth: ClientAuth) -> u8 {
    match client_auth {
        ClientAuth::None => 0,
        ClientAuth::Request => 1,
        ClientAuth::Require => 2,
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len().max(1)).position(|window| window == needle)
}

/// Takes fields off the front.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let [length] = *self.array()?;
        let (taken, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Binding, MAX_STATE, State};
    use crate::words::ClientAuth;
    use proptest::prelude::*;

    fn sample<'a>(engine: &'a [u8], chain: Vec<&'a [u8]>) -> State<'a> {
        State {
            binding: Binding { client_auth: ClientAuth::Require, id_context: b"app" },
            issued: 1_700_000_000,
            proven: -5,
            trusted: true,
            id: &[9; 32],
            chain,
            engine,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for chain in [vec![], vec![&b"leaf"[..]], vec![b"leaf", b"issuer"], vec![b"twin", b"twin"]]
        {
            let state = sample(b"..leaf..issuer..twin..twin..", chain);
            assert_eq!(State::decode(&state.encode().unwrap()), Some(state));
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let large = vec![0; MAX_STATE];
        assert_eq!(sample(&large, vec![]).encode(), None);
        assert!(sample(&large[..MAX_STATE - 100], vec![]).encode().is_some());
        assert_eq!(sample(b"the chain is not in it", vec![b"leaf"]).encode(), None);
    }

    #[test]
    fn another_format_is_not_read() {
        let bytes = sample(b"state", vec![]).encode().unwrap();
        for (at, value) in [(0, 2), (1, 3), (2, 2)] {
            let mut other = bytes.to_vec();
            other[at] = value;
            assert_eq!(State::decode(&other), None, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = State::decode(&bytes);
            let mut near = sample(b"..leaf..", vec![b"leaf"]).encode().unwrap().to_vec();
            for (at, byte) in bytes.iter().enumerate() {
                let at = at * 7 % near.len();
                near[at] ^= byte;
                let _ = State::decode(&near);
            }
        }
    }
}
