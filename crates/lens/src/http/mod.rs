//! HTTP as it passes: read to be told, and passed on as it came.

mod allowance;
mod ask;
mod begin;
pub(crate) mod body;
mod empty;
mod exchange;
pub(crate) mod head;
mod held;
mod link;
mod one;
mod paced;
mod ruled;
mod two;
mod websocket;

use std::sync::Arc;

use crate::intercept::{ConnectionRecorder, Proxy, Target};

pub(crate) use ask::{ask_one, ask_two};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use body::Framing;
pub(crate) use link::Link;
pub(crate) use one::{After, Upstream};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use websocket::{Deflate, Messages};

/// What passes requests of one client on, over HTTP/1 ([`Relay::serve`]) or HTTP/2
/// ([`Relay::serve_two`]).
pub(crate) struct Relay {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) recorder: ConnectionRecorder,
    /// Where the connection leads, unless each request says it.
    pub(crate) target: Target,
    /// Whether that is asked over TLS.
    pub(crate) tls: bool,
    /// The name to write into requests in place of the client's.
    pub(crate) host: Option<String>,
    /// Whether it is over after one request.
    pub(crate) once: bool,
}

/// The first bytes of a client that speaks HTTP/2.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes of a client look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// It could be HTTP, or not: more bytes tell.
    Unclear,
    One,
    Two,
    Other,
}

/// Whether a client speaks HTTP: a method, that is letters of a token, and a blank.
pub(crate) fn looks(first: &[u8]) -> Looks {
    const LONGEST_METHOD: usize = 24;
    if first.len() >= PREFACE.len() && first.starts_with(PREFACE) {
        return Looks::Two;
    }
    if PREFACE.starts_with(first) {
        return Looks::Unclear;
    }
    let method = first.iter().take_while(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte));
    match method.count() {
        0 => Looks::Other,
        count if count > LONGEST_METHOD => Looks::Other,
        count => match first.get(count) {
            Some(b' ') => Looks::One,
            Some(_) => Looks::Other,
            None => Looks::Unclear,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_told_from_other_things() {
        for (first, expected) in [
            (&b""[..], Looks::Unclear),
            (b"G", Looks::Unclear),
            (b"P", Looks::Unclear),
            (b"PRI * HTTP/2.0\r\n\r\n", Looks::Unclear),
            (PREFACE, Looks::Two),
            (b"PRI / HTTP/1.1\r\n", Looks::One),
            (b"M-SEARCH * HTTP/1.1", Looks::One),
            (b"\x16\x03", Looks::Other),
            (b"SSH-2.0-x", Looks::Other),
            (b"hello", Looks::Other),
        ] {
            assert_eq!(looks(first), expected, "{:?}", String::from_utf8_lossy(first));
        }
    }
}
