//! What a context can say: versions and suites that go together.

use std::ops::RangeInclusive;

use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::words::{CannotSpeak, ProtocolVersion, cipher_list};

/// The versions and suites that the engine is started with.
pub(super) struct Speech {
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) suites: Vec<SupportedCipherSuite>,
    /// Why it is not to be started at all; then the two above are the engine's own, for it wants
    /// some.
    pub(super) lack: Option<CannotSpeak>,
}

impl Speech {
    /// Of `versions`, those that the engine speaks and that have suites; and of `suites`, those of
    /// these versions: the engine takes the suites of a version that is off for an offer.
    pub(super) fn new(
        versions: &RangeInclusive<ProtocolVersion>,
        suites: Vec<SupportedCipherSuite>,
    ) -> Self {
        let spoken = [ProtocolVersion::Tls13, ProtocolVersion::Tls12];
        let wanted: Vec<&'static SupportedProtocolVersion> = spoken
            .into_iter()
            .filter(|version| versions.contains(version))
            .filter_map(ProtocolVersion::to_rustls)
            .collect();
        let mut suites = suites;
        suites.retain(|suite| wanted.contains(&suite.version()));
        let lack = match (versions.is_empty(), wanted.is_empty(), suites.is_empty()) {
            (true, ..) => CannotSpeak::NoVersion,
            (_, true, _) => CannotSpeak::UnsupportedVersion,
            (_, _, true) => CannotSpeak::NoCipherSuite,
            _ => return Self { versions: wanted, suites, lack: None },
        };
        let versions = spoken.into_iter().filter_map(ProtocolVersion::to_rustls).collect();
        Self { versions, suites: cipher_list::default_suites(), lack: Some(lack) }
    }
}
