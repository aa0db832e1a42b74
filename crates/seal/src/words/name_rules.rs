//! How a certificate is compared with a name: one default for every command.

use clap::ValueEnum;
use sealwire::verify::NameCheck;

/// Rules for matching the certificate with the name.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameRules {
    /// Like Node, OpenSSL and curl: fall back to the common name when there is no DNS name
    #[default]
    Node,
    /// Like browsers (RFC 9525): subject alternative names only
    Rfc9525,
}

impl NameRules {
    pub(crate) fn check(self) -> NameCheck {
        match self {
            Self::Node => NameCheck::Node,
            Self::Rfc9525 => NameCheck::Rfc9525,
        }
    }
}
