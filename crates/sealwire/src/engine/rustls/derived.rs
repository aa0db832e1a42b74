//! What the engine derives of a connection's secrets, kept until the traffic keys are taken out.
//!
//! rustls gives its traffic keys out by deriving them a second time: in TLS 1.2 that is a fifth of
//! a resumed handshake, in TLS 1.3 a tenth of all its hashing. So the last few results stay with
//! the handshake's state for as long as it lasts, and are wiped with them.

use aws_lc_rs::constant_time::verify_slices_are_equal as are_equal;

use super::slot;
use crate::engine::short::Short;

/// What was derived last on one connection. The keys and nonces of both directions are four.
#[derive(Default)]
pub(in crate::engine) struct Derived {
    entries: [Entry; 4],
    next: usize,
}

#[derive(Default)]
struct Entry {
    secret: Short<48>,
    what: u8,
    /// The key block of TLS 1.2 has at most two keys of 32 bytes and two nonces of 12.
    output: Short<88>,
}

/// Fills `output` with what follows from `secret`, and from nothing else that changes within a
/// connection: by `derive`, or with what that gave before. `what` tells apart what is derived of
/// the same secret.
pub(super) fn once(what: u8, secret: &[u8], output: &mut [u8], derive: impl FnOnce(&mut [u8])) {
    let mut derive = Some(derive);
    slot::handshake(|handshake| {
        let Some(known) = handshake.derived.find(what, secret, output.len()) else {
            if let Some(derive) = derive.take() {
                derive(output);
            }
            return handshake.derived.keep(what, secret, output);
        };
        derive = None;
        output.copy_from_slice(known);
    });
    if let Some(derive) = derive {
        derive(output);
    }
}

impl Derived {
    fn find(&self, what: u8, secret: &[u8], len: usize) -> Option<&[u8]> {
        self.entries.iter().filter(|entry| entry.what == what).find_map(|entry| {
            are_equal(entry.secret.get()?, secret).ok()?;
            entry.output.get().filter(|output| output.len() == len)
        })
    }

    fn keep(&mut self, what: u8, secret: &[u8], output: &[u8]) {
        let (Some(secret), Some(output)) = (Short::of(secret), Short::of(output)) else { return };
        self.entries[self.next] = Entry { secret, what, output };
        self.next = (self.next + 1) % self.entries.len();
    }
}

#[cfg(test)]
mod tests {
    use sealwire_x509::Purpose;

    use super::*;
    use crate::engine::{EngineState, Examiner, HandshakeState};
    use crate::pki::TrustStore;
    use crate::verify::Policy;

    /// The state of a connection in its handshake.
    fn conn() -> EngineState {
        let policy = Policy {
            trust: TrustStore::empty().set().clone(),
            crls: [].into(),
            partial_chain: false,
            policies: Default::default(),
            security_level: 2,
            public: Default::default(),
            memory: Default::default(),
        };
        let purpose = Purpose::Server;
        let examiner = Examiner { policy: policy.into(), name: None, pins: None, purpose };
        EngineState {
            handshake: Some(Box::new(HandshakeState::new(examiner, true, false))),
            ..EngineState::default()
        }
    }

    fn derive(what: u8, secret: &[u8], runs: &mut usize) -> [u8; 4] {
        let mut output = [0; 4];
        once(what, secret, &mut output, |output| {
            *runs += 1;
            output.fill(what + secret[0]);
        });
        output
    }

    #[test]
    fn the_same_is_derived_once_on_a_connection_and_anew_on_the_next() {
        let mut runs = 0;
        for _ in 0..2 {
            slot::with(&mut conn(), || {
                for secret in [b"a", b"b"] {
                    for what in [0, 1, 0, 1] {
                        assert_eq!(derive(what, secret, &mut runs), [what + secret[0]; 4]);
                    }
                }
            });
        }
        assert_eq!(runs, 8);
    }

    #[test]
    fn what_is_too_long_or_long_ago_is_derived_again() {
        let mut runs = 0;
        slot::with(&mut conn(), || {
            for secret in [&[7; 49][..], &[7; 49], b"1", b"2", b"3", b"4", b"5", b"1"] {
                derive(0, secret, &mut runs);
            }
        });
        assert_eq!(runs, 8);
    }

    #[test]
    fn without_a_connection_all_is_derived() {
        let mut runs = 0;
        derive(0, b"a", &mut runs);
        derive(0, b"a", &mut runs);
        assert_eq!(runs, 2);
    }
}
