//! Detects other protocols than TLS by the first bytes of a peer.

use std::fmt;

use crate::words::openssl_reason::{self as reason, Reason};

/// The peer does not speak TLS; what its first bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTls {
    looks_like: Option<Protocol>,
    from_client: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    HttpRequest,
    /// `CONNECT`: the client takes us for a proxy.
    HttpProxyRequest,
    HttpResponse,
    Ssh,
    SmtpOrFtp,
    Imap,
    Pop3,
    Sslv2,
    Proxy,
}

impl NotTls {
    /// Node's code for it.
    pub fn code(&self) -> &'static str {
        self.reason().code()
    }

    pub(crate) fn reason(&self) -> &'static Reason {
        match self.looks_like {
            Some(Protocol::HttpRequest) => &reason::HTTP_REQUEST,
            Some(Protocol::HttpProxyRequest) => &reason::HTTPS_PROXY_REQUEST,
            _ => &reason::WRONG_VERSION_NUMBER,
        }
    }

    /// The name of the protocol that it looks like; `None` when unknown.
    pub fn looks_like(&self) -> Option<&'static str> {
        Some(match self.looks_like? {
            Protocol::HttpRequest | Protocol::HttpResponse | Protocol::HttpProxyRequest => "HTTP",
            Protocol::Ssh => "SSH",
            Protocol::SmtpOrFtp => "SMTP or FTP",
            Protocol::Imap => "IMAP",
            Protocol::Pop3 => "POP3",
            Protocol::Sslv2 => "SSL 2",
            Protocol::Proxy => "PROXY protocol",
        })
    }
}

impl fmt::Display for NotTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.from_client { "client" } else { "server" };
        match self.looks_like() {
            Some(protocol) => write!(f, "the {who} does not speak TLS: it looks like {protocol}"),
            None => write!(f, "the {who} does not speak TLS"),
        }
    }
}

/// Looks at the first bytes of a connection. `None`: they may be TLS, or nothing was received yet.
///
/// A TLS record starts with its type (20 to 23) and major version 3
/// ([RFC 8446, 5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)).
pub(crate) fn not_tls(first: &[u8], from_client: bool) -> Option<NotTls> {
    match first {
        [] | [20..=23] | [20..=23, 3, ..] => None,
        _ => Some(NotTls { looks_like: guess(first, from_client), from_client }),
    }
}

fn guess(first: &[u8], from_client: bool) -> Option<Protocol> {
    const METHODS: [&[u8]; 7] =
        [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH "];
    // Fewer bytes than the word is long may still be its beginning.
    let starts = |word: &[u8]| {
        let n = word.len().min(first.len());
        n >= 3 && first[..n] == word[..n]
    };
    if from_client {
        if METHODS.iter().any(|method| starts(method)) {
            return Some(Protocol::HttpRequest);
        }
        if starts(b"CONNECT ") {
            return Some(Protocol::HttpProxyRequest);
        }
        if starts(b"PROXY ") || starts(b"\r\n\r\n\0\r\nQUIT\n") {
            return Some(Protocol::Proxy);
        }
        if matches!(first, [0x80..=0xff, _, 1, 0, 2 | 3, ..]) {
            return Some(Protocol::Sslv2);
        }
    }
    if starts(b"HTTP/") {
        return Some(Protocol::HttpResponse);
    }
    if starts(b"SSH-") {
        return Some(Protocol::Ssh);
    }
    match first {
        [b'2', b'2', b'0', b' ' | b'-', ..] => Some(Protocol::SmtpOrFtp),
        [b'*', b' ', b'O', b'K', ..] => Some(Protocol::Imap),
        [b'+', b'O', b'K', ..] => Some(Protocol::Pop3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::not_tls;

    #[test]
    fn first_bytes_tell_what_it_is() {
        for (first, from_client, looks_like) in [
            (&b"GET / HTTP/1.1\r\n"[..], true, Some("HTTP")),
            (b"GET", true, Some("HTTP")),
            (b"HTTP/1.1 400 Bad Request\r\n", false, Some("HTTP")),
            (b"SSH-2.0-OpenSSH_9.2\r\n", false, Some("SSH")),
            (b"220 mail ESMTP\r\n", false, Some("SMTP or FTP")),
            (b"* OK IMAP4rev1\r\n", false, Some("IMAP")),
            (b"+OK ready\r\n", false, Some("POP3")),
            (b"\x80\x2e\x01\x00\x02\x00\x15", true, Some("SSL 2")),
            (b"PROXY TCP4 1.1.1.1", true, Some("PROXY protocol")),
            (b"\xde\xad\xbe\xef", true, None),
            (b"\x16\x04", true, None),
        ] {
            let found = not_tls(first, from_client).expect("not TLS");
            assert_eq!(found.looks_like(), looks_like, "{first:?}");
        }
        for tls in [&b""[..], b"\x16", b"\x16\x03", b"\x16\x03\x01\x02\x00", b"\x15\x03\x03"] {
            assert_eq!(not_tls(tls, true), None, "{tls:?}");
        }
    }
}
