//! Speaking with old peers, on request.

use std::ops::RangeInclusive;

use clap::Args;
use sealwire::{Legacy, ProtocolVersion, SecureContextBuilder};

use crate::say::report;

/// One option, the same for every verb that has it.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct LegacyOption {
    /// Also allow TLS 1.0 and 1.1, CBC, RSA key exchange and DHE, through this system's OpenSSL 3
    /// or 4. Insecure; for peers that cannot be replaced. Newer peers still negotiate modern
    /// parameters
    #[arg(long)]
    pub(crate) legacy: bool,
}

/// What is said wherever it is asked for.
pub(crate) const WARNING: &str = "warning: --legacy allows broken or weak versions and suites of TLS: use it on trusted networks only, for peers that cannot be replaced";

impl LegacyOption {
    /// The versions enabled by default.
    pub(crate) fn versions(self) -> RangeInclusive<ProtocolVersion> {
        oldest(self.legacy)..=ProtocolVersion::Tls13
    }

    /// Enables it in a context builder, before anything else, and warns.
    pub(crate) fn apply(self, builder: SecureContextBuilder) -> SecureContextBuilder {
        let builder = with_legacy(self.legacy, builder);
        builder.versions(self.versions())
    }

    /// Warns, if there is something to warn of.
    pub(crate) fn warn(self) {
        if self.legacy {
            report::note(WARNING);
        }
    }
}

pub(crate) fn oldest(legacy: bool) -> ProtocolVersion {
    if legacy { ProtocolVersion::Tls10 } else { ProtocolVersion::Tls12 }
}

/// The same, where it is not an option of the command line.
pub(crate) fn with_legacy(legacy: bool, builder: SecureContextBuilder) -> SecureContextBuilder {
    if legacy { builder.legacy(Legacy::new()) } else { builder }
}
