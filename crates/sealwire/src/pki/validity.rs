//! When a certificate is valid.

use std::time::{Duration, SystemTime};

use der::DateTime;
use x509_cert::time::Time;

use super::{Error, Problem};

const DAY: u64 = 86_400;

/// From when to when a certificate is valid, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Validity {
    /// From `not_before` to `not_after`.
    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) has years up to 9999.
    pub fn between(not_before: SystemTime, not_after: SystemTime) -> Result<Self, Error> {
        let validity = Self { not_before, not_after };
        if not_after < not_before {
            return Err(Error::new(Problem::InvalidValue, "the end is before the start"));
        }
        validity.to_x509()?;
        Ok(validity)
    }

    /// From now on, for as long as `duration`.
    pub fn lasting(duration: Duration) -> Result<Self, Error> {
        let now = SystemTime::now();
        let end = now.checked_add(duration).ok_or_else(out_of_range)?;
        Self::between(now, end)
    }

    /// From now on for so many days of 24 hours, as `openssl x509 -days`.
    pub fn days(days: u32) -> Result<Self, Error> {
        Self::lasting(Duration::from_secs(u64::from(days) * DAY))
    }

    /// From now on for so many hours.
    pub fn hours(hours: u32) -> Result<Self, Error> {
        Self::lasting(Duration::from_secs(u64::from(hours) * 3600))
    }

    /// The first moment.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The last moment.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// How long it is.
    pub fn duration(&self) -> Duration {
        self.not_after.duration_since(self.not_before).unwrap_or_default()
    }

    pub(super) fn to_x509(self) -> Result<x509_cert::time::Validity, Error> {
        Ok(x509_cert::time::Validity::new(time(self.not_before)?, time(self.not_after)?))
    }
}

/// UTCTime up to 2049, GeneralizedTime after
/// ([RFC 5280, section 4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
pub(super) fn time(moment: SystemTime) -> Result<Time, Error> {
    DateTime::from_system_time(moment).map(Time::from).map_err(|_| out_of_range())
}

fn out_of_range() -> Error {
    Error::new(Problem::InvalidValue, "certificates have years from 1970 to 9999 only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside_what_certificates_can_say() {
        assert!(Validity::days(u32::MAX).is_err());
        let now = SystemTime::now();
        assert!(Validity::between(now, now - Duration::from_secs(1)).is_err());
        assert_eq!(Validity::hours(24).unwrap().duration().as_secs(), DAY);
    }
}
