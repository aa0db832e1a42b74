//! The PROXY protocol, versions 1 and 2, with the TLS facts of version 2.
//!
//! Source: HAProxy's "The PROXY protocol", versions 1 & 2 (2020/03/05).

mod read;
mod write;

use std::net::SocketAddr;

pub(crate) use read::{Accepts, Broken, Read, read};
pub(crate) use write::{TlsFacts, v1, v2};

/// Version 2 begins with these bytes.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

const AF_INET: u8 = 0x1;
const AF_INET6: u8 = 0x2;
const STREAM: u8 = 0x1;

const PP2_TYPE_ALPN: u8 = 0x01;
const PP2_TYPE_AUTHORITY: u8 = 0x02;
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_SUBTYPE_SSL_VERSION: u8 = 0x21;
const PP2_SUBTYPE_SSL_CN: u8 = 0x22;
const PP2_SUBTYPE_SSL_CIPHER: u8 = 0x23;
const PP2_SUBTYPE_SSL_SIG_ALG: u8 = 0x24;
const PP2_SUBTYPE_SSL_KEY_ALG: u8 = 0x25;
const PP2_CLIENT_SSL: u8 = 0x01;
const PP2_CLIENT_CERT_CONN: u8 = 0x02;
const PP2_CLIENT_CERT_SESS: u8 = 0x04;

/// Which versions of the header are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Version {
    /// Text form, with addresses only
    V1,
    /// Binary form, with addresses and facts about the TLS client
    V2,
}

/// The source of a connection, from the proxy that accepted it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// A connection of the proxy's own, such as a health check; or of a kind that we do not know.
    Local,
    Proxied {
        source: SocketAddr,
        destination: SocketAddr,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let _ = read(&bytes, Accepts::Any);
            let mut framed = SIGNATURE.to_vec();
            framed.extend(&bytes);
            let _ = read(&framed, Accepts::Any);
        }

        #[test]
        fn what_is_written_is_read(
            source in proptest::prelude::any::<SocketAddr>(),
            destination in proptest::prelude::any::<SocketAddr>(),
            alpn in proptest::option::of(proptest::collection::vec(proptest::prelude::any::<u8>(), 1..256)),
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
        ) {
            let facts = TlsFacts { alpn: alpn.as_deref(), ..TlsFacts::default() };
            let expected = write::same_family(source, destination);
            for header in [v1(Some((source, destination))), v2(Some((source, destination)), Some(&facts))] {
                let length = header.len();
                // However it arrives, it is read once it is whole, and not before.
                for end in 0..length {
                    proptest::prop_assert_eq!(read(&header[..end], Accepts::Any), Ok(Read::Incomplete));
                }
                let followed = [header, rest.clone()].concat();
                match read(&followed, Accepts::Any) {
                    Ok(Read::Header { header: Header::Proxied { source, destination }, length: read }) => {
                        proptest::prop_assert_eq!(read, length);
                        proptest::prop_assert_eq!((source, destination), expected);
                    }
                    other => return Err(proptest::test_runner::TestCaseError::fail(format!("{other:?}"))),
                }
            }
        }
    }
}
