//! Reading a header, without believing a length in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    AF_INET, AF_INET6, Header, PP2_TYPE_ALPN, PP2_TYPE_AUTHORITY, PP2_TYPE_SSL, SIGNATURE, STREAM,
};

/// The longest header that is waited for. Version 1 has at most 107 bytes; version 2 could have
/// 64 KiB, but even with a whole certificate chain in it stays below this.
const MAX_HEADER: usize = 16 * 1024;

const MAX_V1: usize = 107;

/// Which headers a service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Accepts {
    /// The text form only
    V1,
    /// The binary form only
    V2,
    /// Either
    Any,
}

/// How far the bytes at hand go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// More bytes are needed.
    Incomplete,
    /// A header of `length` bytes; what comes after is the client's.
    Header { header: Header, length: usize },
}

/// This can never become a header: why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

/// Reads the header at the front of `bytes`, which is everything received so far.
///
/// # Errors
/// As soon as it is clear that there is none: a client connects without the proxy.
pub(crate) fn read(bytes: &[u8], accepts: Accepts) -> Result<Read, Broken> {
    let common = bytes.len().min(SIGNATURE.len());
    if bytes[..common] == SIGNATURE[..common] && accepts != Accepts::V1 {
        return if bytes.len() < 16 { Ok(Read::Incomplete) } else { read_v2(bytes) };
    }
    let common = bytes.len().min(6);
    if bytes[..common] == b"PROXY "[..common] && accepts != Accepts::V2 {
        return read_v1(bytes);
    }
    Err(Broken("no PROXY header of an accepted version"))
}

fn read_v1(bytes: &[u8]) -> Result<Read, Broken> {
    let window = &bytes[..bytes.len().min(MAX_V1)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if window.len() < MAX_V1 {
            Ok(Read::Incomplete)
        } else {
            Err(Broken("a PROXY line longer than 107 bytes"))
        };
    };
    let line =
        std::str::from_utf8(&bytes[..end]).map_err(|_| Broken("a PROXY line not in ASCII"))?;
    let length = end + 2;
    let mut words = line.split(' ').skip(1);
    let header = match words.next() {
        // The rest of the line is to be ignored (section 2.1).
        Some("UNKNOWN") => Header::Local,
        Some(family @ ("TCP4" | "TCP6")) => {
            let mut address = || {
                let ip: IpAddr = words.next()?.parse().ok()?;
                (ip.is_ipv4() == (family == "TCP4")).then_some(ip)
            };
            let broken = Broken("a PROXY line with an invalid address");
            let (source, destination) = (address(), address());
            let mut port = || {
                let digits = words.next()?;
                // `+1` and `01` are numbers to Rust, not ports to the specification.
                let plain = digits.bytes().all(|b| b.is_ascii_digit())
                    && (digits == "0" || !digits.starts_with('0'));
                if plain { digits.parse().ok() } else { None }
            };
            let (source_port, destination_port) = (port(), port());
            let (Some(source), Some(destination), Some(source_port), Some(destination_port), None) =
                (source, destination, source_port, destination_port, words.next())
            else {
                return Err(broken);
            };
            Header::Proxied {
                source: (source, source_port).into(),
                destination: (destination, destination_port).into(),
            }
        }
        _ => return Err(Broken("a PROXY line for neither TCP4, TCP6 nor UNKNOWN")),
    };
    Ok(Read::Header { header, length })
}

/// `bytes` begin with the signature and the four bytes after it.
fn read_v2(bytes: &[u8]) -> Result<Read, Broken> {
    let (version_command, family) = (bytes[12], bytes[13]);
    let body_length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let length = 16 + body_length;
    if version_command >> 4 != 2 {
        return Err(Broken("a PROXY header of an unknown version"));
    }
    if length > MAX_HEADER {
        return Err(Broken("a PROXY header longer than 16 KiB"));
    }
    let Some(body) = bytes.get(16..length) else { return Ok(Read::Incomplete) };
    let proxied = match version_command & 0x0f {
        0 => return Ok(Read::Header { header: Header::Local, length }),
        1 => family,
        _ => return Err(Broken("a PROXY header with an unknown command")),
    };
    let short = Broken("a PROXY header too short for its addresses");
    let (header, tlvs) = match (proxied >> 4, proxied & 0x0f) {
        (AF_INET, STREAM) => {
            let (addresses, tlvs) = body.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *addresses;
            (
                proxied_header(
                    Ipv4Addr::new(a, b, c, d).into(),
                    Ipv4Addr::new(e, f, g, h).into(),
                    ports,
                ),
                tlvs,
            )
        }
        (AF_INET6, STREAM) => {
            let (source, rest) = body.split_first_chunk::<16>().ok_or(short)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
            let (ports, tlvs) = rest.split_first_chunk::<4>().ok_or(short)?;
            let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
            (proxied_header(source.into(), destination.into(), *ports), tlvs)
        }
        // Unix sockets, datagrams, unspecified: accepted, and nothing is known of the client.
        _ => return Ok(Read::Header { header: Header::Local, length }),
    };
    check_tlvs(tlvs)?;
    Ok(Read::Header { header, length })
}

fn proxied_header(source: IpAddr, destination: IpAddr, ports: [u8; 4]) -> Header {
    let port = |i| u16::from_be_bytes([ports[i], ports[i + 1]]);
    Header::Proxied { source: (source, port(0)).into(), destination: (destination, port(2)).into() }
}

/// The extensions must at least be what their lengths say.
fn check_tlvs(mut tlvs: &[u8]) -> Result<(), Broken> {
    let broken = Broken("a PROXY header with extensions that do not fit");
    while let [kind, high, low, rest @ ..] = tlvs {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(broken)?;
        match *kind {
            PP2_TYPE_ALPN | PP2_TYPE_AUTHORITY if value.is_empty() => return Err(broken),
            PP2_TYPE_SSL if value.len() < 5 => return Err(broken),
            _ => tlvs = rest,
        }
    }
    if tlvs.is_empty() { Ok(()) } else { Err(broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, body].concat()
    }

    #[test]
    fn lines_of_text_are_read_as_haproxy_writes_them() {
        for (line, source, destination) in [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.2 5000 443\r\n",
                "192.0.2.1:5000",
                "198.51.100.2:443",
            ),
            ("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n", "[2001:db8::1]:65535", "[::1]:0"),
        ] {
            let header = Header::Proxied {
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
            };
            let read_line = read(format!("{line}GET").as_bytes(), Accepts::Any);
            assert_eq!(read_line, Ok(Read::Header { header, length: line.len() }), "{line}");
        }
        let unknown = b"PROXY UNKNOWN ffff::1 whatever\r\n";
        let local = Read::Header { header: Header::Local, length: unknown.len() };
        assert_eq!(read(unknown, Accepts::V1), Ok(local));
    }

    #[test]
    fn what_is_no_header_is_refused_at_once() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 5000\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 443 9\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 +5000 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 05000 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP5 ::1 ::1 1 2\r\n",
            b"PROXY  TCP4 192.0.2.1 198.51.100.2 5000 443\r\n",
            &[b"PROXY TCP4 ".as_slice(), &[b'1'; 107]].concat(),
            &v2(2, 0x11, &[0; 12]),
            &v2(1, 0x11, &[0; 11]),
            &v2(1, 0x21, &[0; 35]),
            &v2(1, 0x11, &[[0; 12].as_slice(), &[1, 0, 1]].concat()),
            &v2(1, 0x11, &[[0; 12].as_slice(), &[1, 0]].concat()),
            &v2(1, 0x11, &[[0; 12].as_slice(), &[0x20, 0, 1, 0]].concat()),
            &[&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat(),
            &[&SIGNATURE[..], &[0x11, 0x11, 0, 12]].concat(),
        ] {
            assert!(read(bytes, Accepts::Any).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn only_the_versions_asked_for_are_taken() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 443\r\n";
        let binary = v2(1, 0x11, &[0; 12]);
        assert!(read(line, Accepts::V2).is_err() && read(&binary, Accepts::V1).is_err());
        assert!(read(line, Accepts::V1).is_ok() && read(&binary, Accepts::V2).is_ok());
    }

    #[test]
    fn connections_of_the_proxy_itself_and_other_families_are_local() {
        for bytes in [v2(0, 0, &[]), v2(0, 0x11, &[1; 12]), v2(1, 0, &[]), v2(1, 0x31, &[0; 216])] {
            let local = Read::Header { header: Header::Local, length: bytes.len() };
            assert_eq!(read(&bytes, Accepts::Any), Ok(local));
        }
    }
}
