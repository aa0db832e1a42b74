//! What is changed of a hello, and the hello that comes of it.

use std::fmt;

use sealwire::{ClientOptions, ProtocolVersion, SecureContext, ServerName};
use serde::{Serialize, Serializer};

use super::Broken;
use crate::inspect::carriage::Carriage;
use crate::say::failure::Failure;

/// One change of a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// After TLS was asked for as PostgreSQL has it.
    AskFirst,
    TwoSegments,
    TwoRecords,
    NoMlDsa,
    NoAlpn,
    NoMlKem,
    Tls12Only,
    NoSni,
    /// With some name, where none was sent.
    AnyName,
    /// Padded to the length of ours, with unknown protocols.
    AsLong,
}

/// A hello that can be said.
pub(super) struct Hello {
    pub(super) asks_first: bool,
    pub(super) carriage: Carriage,
    pub(super) context: SecureContext,
    pub(super) options: ClientOptions,
    /// How long it is, as far as that is known before.
    pub(super) bytes: usize,
}

/// The classic groups and schemes that the engine has.
const GROUPS: &str = "X25519:P-256:P-384";
const SCHEMES: &str = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:\
                       rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:\
                       rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:\
                       RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// What the key share, the group and the length of ML-KEM take up: 1184 bytes of X25519MLKEM768's
/// encapsulation key, 32 of X25519, and the numbers before them.
const ML_KEM_BYTES: usize = 1184 + 32 + 6;

/// A reserved name (RFC 6761, 6.4).
const NOBODY: &str = "sni.invalid";

/// Our hello with these changes. `length` is how long it was.
pub(super) fn changed(
    broken: &Broken<'_>,
    changes: &[Change],
    length: usize,
) -> Result<Hello, Failure> {
    let unusable = |e: sealwire::ConfigError| Failure::usage(e.to_string());
    let mut settings = (broken.settings)()?;
    let mut options = broken.options.clone();
    let (mut asks_first, mut carriage) = (false, Carriage::Whole);
    for change in changes {
        match change {
            Change::AskFirst => asks_first = true,
            Change::TwoSegments => carriage = Carriage::TwoSegments,
            Change::TwoRecords => carriage = Carriage::TwoRecords,
            Change::NoMlDsa => settings = settings.signature_schemes(SCHEMES).map_err(unusable)?,
            Change::NoMlKem => settings = settings.groups(GROUPS).map_err(unusable)?,
            Change::Tls12Only => {
                settings = settings.versions(ProtocolVersion::Tls12..=ProtocolVersion::Tls12);
            }
            Change::NoAlpn => options = options.alpn(Vec::<String>::new()),
            Change::NoSni => options = options.send_sni(false),
            Change::AnyName => {
                let name: ServerName =
                    NOBODY.parse().map_err(|e| Failure::usage(format!("{NOBODY}: {e}")))?;
                options = ClientOptions::new(name)
                    .verification(sealwire::PeerVerification::Recorded)
                    .alpn(broken.alpn.to_vec());
            }
            Change::AsLong => options = options.alpn(filled(broken.alpn, ML_KEM_BYTES)),
        }
    }
    let context = settings.build().map_err(unusable)?;
    Ok(Hello { asks_first, carriage, context, options, bytes: length })
}

/// The protocols, and others that fill up so many bytes.
fn filled(alpn: &[String], mut bytes: usize) -> Vec<String> {
    const LONGEST: usize = 200;
    let mut protocols = alpn.to_vec();
    for letter in ('a'..='z').map(String::from) {
        let length = bytes.min(LONGEST);
        if length < 2 {
            break;
        }
        protocols.push(letter.repeat(length - 1));
        bytes -= length;
    }
    protocols
}

impl Change {
    /// Its name for machines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AskFirst => "ask-first",
            Self::TwoSegments => "two-segments",
            Self::TwoRecords => "two-records",
            Self::NoMlDsa => "no-ml-dsa",
            Self::NoAlpn => "no-alpn",
            Self::NoMlKem => "no-ml-kem",
            Self::Tls12Only => "tls-1.2-only",
            Self::NoSni => "no-sni",
            Self::AnyName => "any-name",
            Self::AsLong => "as-long",
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AskFirst => "after a request for TLS (PostgreSQL)",
            Self::TwoSegments => "in two TCP segments",
            Self::TwoRecords => "in two TLS records",
            Self::NoMlDsa => "without the schemes of ML-DSA",
            Self::NoAlpn => "without protocols (ALPN)",
            Self::NoMlKem => "without ML-KEM",
            Self::Tls12Only => "of TLS 1.2 only",
            Self::NoSni => "without the name (SNI)",
            Self::AnyName => "with a name (SNI)",
            Self::AsLong => "padded to the same length",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn protocols_fill_up_to_the_byte() {
        for bytes in [0, 2, 199, 200, 201, 1222] {
            let with = filled(&["h2".to_owned()], bytes);
            let length: usize = with[1..].iter().map(|one| one.len() + 1).sum();
            assert!(length.abs_diff(bytes) < 2, "{bytes}: {length}");
            assert_eq!(with[0], "h2");
        }
    }
}
