//! The engine for old peers: OpenSSL, through a table of its functions that is filled at run time.
//!
//! It is given one whole record at a time, so that what follows the end of the handshake stays with
//! the caller, encrypted, until the peer is judged. OpenSSL does not verify the peer: the chain comes to
//! [`HandshakeState::examine`](super::HandshakeState::examine), as it does from the first engine. Where OpenSSL asks
//! for a pre-shared key it cannot wait, so what it will ask about is read before it is shown the
//! record, and the session stands still ([`psk`]).

mod answers;
mod channel;
mod failure;
mod handshake;
mod psk;
mod sessions;
mod settings;

use sealwire_openssl::Negotiated;

pub(crate) use sessions::OldSession;
pub(crate) use settings::{LegacyParameters, Old, OldClient, OldService};

use super::Facts;
use crate::words::{CipherSuite, NamedGroup, ProtocolVersion};

/// What was agreed on, in our words.
fn facts(agreed: &Negotiated, by_psk: bool) -> Option<Facts> {
    let group = agreed.temporary_key.as_ref().filter(|key| !key.is_dh);
    let dh = agreed.temporary_key.as_ref().filter(|key| key.is_dh);
    Some(Facts {
        protocol: match agreed.version {
            0x0301 => ProtocolVersion::Tls10,
            0x0302 => ProtocolVersion::Tls11,
            0x0303 => ProtocolVersion::Tls12,
            0x0304 => ProtocolVersion::Tls13,
            _ => return None,
        },
        cipher: CipherSuite::old_or_new_from_number(agreed.suite)?,
        group: group.and_then(|key| NamedGroup::old_or_new(key.group.as_deref()?)),
        dh_bits: dh.map(|key| key.bits),
        alpn: agreed.alpn.clone(),
        // In TLS 1.3 OpenSSL counts every pre-shared key as a session.
        resumed: agreed.resumed && !by_psk,
    })
}

/// How long the record is that begins here, if all of it is there. Of one that is longer than any
/// may be, what is there: OpenSSL says what is wrong with it.
fn whole_record(tls: &[u8]) -> Option<usize> {
    /// RFC 5246, 6.2.3, with what CBC adds.
    const LONGEST: usize = (1 << 14) + 2048;
    let [_, _, _, high, low, ..] = tls else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > LONGEST {
        return Some(tls.len());
    }
    (tls.len() >= 5 + length).then_some(5 + length)
}

#[cfg(test)]
mod tests {
    use super::whole_record;

    #[test]
    fn a_record_is_shown_whole() {
        for (tls, length) in [
            (&[][..], None),
            (&[22, 3, 1, 0], None),
            (&[22, 3, 1, 0, 2, 1], None),
            (&[22, 3, 1, 0, 2, 1, 1], Some(7)),
            (&[22, 3, 1, 0, 2, 1, 1, 23], Some(7)),
            (&[22, 3, 1, 0xff, 0xff, 1], Some(6)),
        ] {
            assert_eq!(whole_record(tls), length, "{tls:?}");
        }
    }
}
