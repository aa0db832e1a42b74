//! What the engine derives of a connection's secrets, kept until the traffic keys are taken out.
//!
//! rustls gives its traffic keys out by deriving them a second time: in TLS 1.2 that is a fifth of
//! a resumed handshake, in TLS 1.3 a tenth of all its hashing. So the last few results stay with
//! the engine for as long as the handshake lasts, and are wiped with it.

use std::cell::RefCell;

use aws_lc_rs::constant_time::verify_slices_are_equal as are_equal;

use super::short::Short;
use super::tap;

/// What was derived last on one connection. The keys and nonces of both directions are four.
#[derive(Default)]
pub(crate) struct Derived {
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

thread_local! {
    static DERIVED: RefCell<Option<Derived>> = const { RefCell::new(None) };
}

/// Calls rustls with what is `derived` at hand.
pub(crate) fn with<T>(derived: &mut Option<Derived>, rustls: impl FnOnce() -> T) -> T {
    tap::lend(&DERIVED, derived, rustls)
}

/// Fills `output` with what follows from `secret`, and from nothing else that changes within a
/// connection: by `derive`, or with what that gave before. `what` tells apart what is derived of
/// the same secret.
pub(crate) fn once(what: u8, secret: &[u8], output: &mut [u8], derive: impl FnOnce(&mut [u8])) {
    DERIVED.with_borrow_mut(|slot| {
        let Some(derived) = slot else { return derive(output) };
        if let Some(known) = derived.find(what, secret, output.len()) {
            return output.copy_from_slice(known);
        }
        derive(output);
        derived.keep(what, secret, output);
    });
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
    use super::*;

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
            let mut derived = Some(Derived::default());
            with(&mut derived, || {
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
        with(&mut Some(Derived::default()), || {
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
