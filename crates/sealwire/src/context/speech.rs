//! What a context can say: versions and suites that go together.

use std::ops::RangeInclusive;

use crate::words::{CannotSpeak, CipherSuite, ProtocolVersion};

/// The versions and suites that the engine is started with.
pub(super) struct Speech {
    /// The newest first.
    pub(super) versions: Vec<ProtocolVersion>,
    pub(super) suites: Vec<CipherSuite>,
    /// Why it is not to be started at all; then the two above are the engine's own, for it wants
    /// some.
    pub(super) lack: Option<CannotSpeak>,
}

/// The versions that are enabled at all.
const SPOKEN: [ProtocolVersion; 2] = [ProtocolVersion::Tls13, ProtocolVersion::Tls12];

impl Speech {
    /// Of `versions`, those that are enabled and that have suites; and of `suites`, those of these
    /// versions: the engine takes the suites of a version that is off for an offer.
    pub(super) fn new(
        versions: &RangeInclusive<ProtocolVersion>,
        mut suites: Vec<CipherSuite>,
    ) -> Self {
        let wanted: Vec<_> = SPOKEN.into_iter().filter(|one| versions.contains(one)).collect();
        suites.retain(|suite| wanted.contains(&suite.protocol()));
        let lack = match (versions.is_empty(), wanted.is_empty(), suites.is_empty()) {
            (true, ..) => CannotSpeak::NoVersion,
            (_, true, _) => CannotSpeak::UnsupportedVersion,
            (_, _, true) => CannotSpeak::NoCipherSuite,
            _ => return Self { versions: wanted, suites, lack: None },
        };
        let suites = CipherSuite::supported().collect();
        Self { versions: SPOKEN.to_vec(), suites, lack: Some(lack) }
    }
}
