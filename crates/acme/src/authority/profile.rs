//! Profiles: what a certificate is good for, and for how long.

use std::time::Duration;

use sealwire::pki::ExtendedKeyUsage;

use crate::clock::Seconds;

/// A kind of certificate that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: String,
    description: String,
    lifetime: Seconds,
    purposes: Vec<ExtendedKeyUsage>,
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

impl Profile {
    /// A profile of one's own.
    #[must_use]
    pub fn new(
        name: &str,
        description: &str,
        lifetime: Duration,
        purposes: impl IntoIterator<Item = ExtendedKeyUsage>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            lifetime: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2),
            purposes: purposes.into_iter().collect(),
        }
    }

    /// `server` and `client` for a week, `shortlived` for a day. The first is the default of clients that
    /// request no profile.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let (server, client) = (ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH);
        let week = Duration::from_secs(7 * DAY);
        vec![
            Self::new("server", "TLS servers, for 7 days", week, [server]),
            Self::new("client", "TLS clients, for 7 days", week, [client]),
            Self::new("shortlived", "TLS servers, for a day", Duration::from_secs(DAY), [server]),
        ]
    }

    /// The same for another time.
    #[must_use]
    pub fn lasting(mut self, lifetime: Duration) -> Self {
        self.lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2);
        let hours = lifetime.as_secs() / HOUR;
        let kind = self.description.split(',').next().unwrap_or_default();
        self.description = format!("{kind}, for {hours} hours");
        self
    }

    /// What it is ordered by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// For how long.
    #[must_use]
    pub fn lifetime(&self) -> Seconds {
        self.lifetime
    }

    /// What for.
    #[must_use]
    pub fn purposes(&self) -> &[ExtendedKeyUsage] {
        &self.purposes
    }
}
