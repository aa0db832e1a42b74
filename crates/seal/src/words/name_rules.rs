//! How a certificate is compared with a name: one default for every command.

use clap::ValueEnum;
use sealwire::verify::NameCheck;

/// How the certificate is compared with the name.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameRules {
    /// As Node, OpenSSL and curl: the common name counts when there is no DNS name
    #[default]
    Node,
    /// As browsers (RFC 9525): only subject alternative names count
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
