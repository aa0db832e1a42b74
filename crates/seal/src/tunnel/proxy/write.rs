//! Writing a header.

use std::net::{IpAddr, SocketAddr};

use super::{
    AF_INET, AF_INET6, PP2_CLIENT_CERT_CONN, PP2_CLIENT_CERT_SESS, PP2_CLIENT_SSL,
    PP2_SUBTYPE_SSL_CIPHER, PP2_SUBTYPE_SSL_CN, PP2_SUBTYPE_SSL_KEY_ALG, PP2_SUBTYPE_SSL_SIG_ALG,
    PP2_SUBTYPE_SSL_VERSION, PP2_TYPE_ALPN, PP2_TYPE_AUTHORITY, PP2_TYPE_SSL, SIGNATURE, STREAM,
};

/// What TLS says of the client, for version 2 (section 2.2.5).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TlsFacts<'a> {
    /// Whether TLS ended here; false when it is passed through.
    pub(crate) terminated: bool,
    /// `TLSv1.3`.
    pub(crate) version: &'a str,
    /// OpenSSL's name of the suite.
    pub(crate) cipher: &'a str,
    /// The client showed a good certificate: its common name, if it has one.
    pub(crate) client: Option<Option<&'a str>>,
    /// The algorithms of our certificate's key and signature.
    pub(crate) own: Option<(&'a str, &'a str)>,
    pub(crate) resumed: bool,
    pub(crate) alpn: Option<&'a [u8]>,
    /// The name in SNI.
    pub(crate) authority: Option<&'a str>,
}

/// The line of version 1. Without addresses, `UNKNOWN`.
pub(crate) fn v1(addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = addresses else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let (source, destination) = same_family(source, destination);
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (a, b) = (source.ip(), destination.ip());
    format!("PROXY {family} {a} {b} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

/// The header of version 2. Without addresses (a Unix socket), of an unspecified family.
pub(crate) fn v2(
    addresses: Option<(SocketAddr, SocketAddr)>,
    tls: Option<&TlsFacts<'_>>,
) -> Vec<u8> {
    let mut body = Vec::new();
    let family = match addresses.map(|(source, destination)| same_family(source, destination)) {
        None => 0,
        Some((source, destination)) => {
            let family = if source.is_ipv4() { AF_INET } else { AF_INET6 };
            for address in [source.ip(), destination.ip()] {
                match address {
                    IpAddr::V4(ip) => body.extend(ip.octets()),
                    IpAddr::V6(ip) => body.extend(ip.octets()),
                }
            }
            body.extend(source.port().to_be_bytes());
            body.extend(destination.port().to_be_bytes());
            family << 4 | STREAM
        }
    };
    if let Some(tls) = tls {
        put_facts(&mut body, tls);
    }
    let length = u16::try_from(body.len()).expect("every value is cut to 1 KiB");
    let mut header = SIGNATURE.to_vec();
    header.extend([0x21, family]);
    header.extend(length.to_be_bytes());
    header.extend(body);
    header
}

fn put_facts(body: &mut Vec<u8>, tls: &TlsFacts<'_>) {
    if let Some(alpn) = tls.alpn {
        put(body, PP2_TYPE_ALPN, alpn);
    }
    if let Some(authority) = tls.authority {
        put(body, PP2_TYPE_AUTHORITY, authority.as_bytes());
    }
    if !tls.terminated {
        return;
    }
    let certificate = match (&tls.client, tls.resumed) {
        (None, _) => 0,
        (Some(_), true) => PP2_CLIENT_CERT_SESS,
        (Some(_), false) => PP2_CLIENT_CERT_CONN | PP2_CLIENT_CERT_SESS,
    };
    let mut ssl = vec![PP2_CLIENT_SSL | certificate];
    // 0 says that a certificate was shown and verified.
    ssl.extend(u32::from(tls.client.is_none()).to_be_bytes());
    put(&mut ssl, PP2_SUBTYPE_SSL_VERSION, tls.version.as_bytes());
    put(&mut ssl, PP2_SUBTYPE_SSL_CIPHER, tls.cipher.as_bytes());
    if let Some(Some(common_name)) = tls.client {
        put(&mut ssl, PP2_SUBTYPE_SSL_CN, common_name.as_bytes());
    }
    if let Some((key, signature)) = tls.own {
        put(&mut ssl, PP2_SUBTYPE_SSL_KEY_ALG, key.as_bytes());
        put(&mut ssl, PP2_SUBTYPE_SSL_SIG_ALG, signature.as_bytes());
    }
    put(body, PP2_TYPE_SSL, &ssl);
}

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    // A certificate may hold a name of any length, of which the start is enough for a log.
    const LONGEST: usize = 1024;
    let value = &value[..value.len().min(if kind == PP2_TYPE_SSL { 8 * LONGEST } else { LONGEST })];
    out.push(kind);
    out.extend(u16::try_from(value.len()).expect("cut above").to_be_bytes());
    out.extend(value);
}

/// The protocol has one family for both addresses: a mixed pair is told in IPv6.
pub(super) fn same_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (plain(source), plain(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let six = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (six(source), six(destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Option<(SocketAddr, SocketAddr)> {
        Some(("192.0.2.1:5000".parse().unwrap(), "198.51.100.2:443".parse().unwrap()))
    }

    #[test]
    fn a_line_of_text() {
        assert_eq!(v1(pair()), b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 443\r\n");
        assert_eq!(v1(None), b"PROXY UNKNOWN\r\n");
        let mixed = ("192.0.2.1:1".parse().unwrap(), "[2001:db8::1]:2".parse().unwrap());
        assert_eq!(v1(Some(mixed)), b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n");
    }

    #[test]
    fn the_bytes_of_a_tls_client() {
        let facts = TlsFacts {
            terminated: true,
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            client: Some(Some("alice")),
            own: Some(("EC256", "SHA256")),
            resumed: false,
            alpn: Some(b"h2"),
            authority: Some("a.example"),
        };
        let mut ssl = vec![0x07, 0, 0, 0, 0];
        for (kind, value) in [
            (0x21, &b"TLSv1.3"[..]),
            (0x23, b"TLS_AES_128_GCM_SHA256"),
            (0x22, b"alice"),
            (0x25, b"EC256"),
            (0x24, b"SHA256"),
        ] {
            ssl.extend([kind, 0, u8::try_from(value.len()).unwrap()]);
            ssl.extend(value);
        }
        let mut body = vec![192, 0, 2, 1, 198, 51, 100, 2, 0x13, 0x88, 1, 0xbb];
        body.extend(b"\x01\x00\x02h2\x02\x00\x09a.example");
        body.extend([0x20, 0, u8::try_from(ssl.len()).unwrap()]);
        body.extend(ssl);
        let mut expected = SIGNATURE.to_vec();
        expected.extend([0x21, 0x11, 0, u8::try_from(body.len()).unwrap()]);
        expected.extend(body);
        assert_eq!(v2(pair(), Some(&facts)), expected);
    }

    #[test]
    fn names_of_any_length_fit() {
        let long = "n".repeat(100_000);
        let facts = TlsFacts {
            terminated: true,
            authority: Some(&long),
            client: Some(Some(&long)),
            ..TlsFacts::default()
        };
        assert!(v2(pair(), Some(&facts)).len() < 4096);
    }
}
