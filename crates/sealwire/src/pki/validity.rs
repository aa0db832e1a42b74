//! When a certificate is valid.

use std::time::{Duration, SystemTime};

use der::DateTime;
use x509_cert::time::Time;

use super::{Error, Problem};
use crate::words::Date;

const DAY: u64 = 86_400;

/// From when to when a certificate is valid, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Validity {
    /// From `not_before` to `not_after`. RFC 5280 has years up to 9999.
    pub fn between(not_before: SystemTime, not_after: SystemTime) -> Result<Self, Error> {
        let validity = Self { not_before, not_after };
        if not_after < not_before {
            return Err(Error::new(Problem::InvalidValue, "the end is before the beginning"));
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

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5).
pub(super) fn time(moment: SystemTime) -> Result<Time, Error> {
    DateTime::from_system_time(moment).map(Time::from).map_err(|_| out_of_range())
}

/// A moment in UTC: `2030-12-31`, `2030-12-31T23:59:59Z`, or as OpenSSL writes it,
/// `20301231235959Z` or `301231235959Z`.
pub(super) fn parse_time(text: &str) -> Result<SystemTime, Error> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() })
        .collect();
    let (year, rest) = match shape.as_str() {
        "0000-00-00" | "0000-00-00T00:00:00Z" | "0000-00-00 00:00:00Z" | "00000000000000Z" => {
            (number(&digits[..4]), &digits[4..])
        }
        // Two digits of the year mean 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
        "000000000000Z" => match number(&digits[..2]) {
            year @ 50.. => (1900 + year, &digits[2..]),
            year => (2000 + year, &digits[2..]),
        },
        _ => return Err(not_a_time(text)),
    };
    let part = |i: usize| rest.get(i * 2..i * 2 + 2).map_or(0, |two| number(two) as u8);
    DateTime::new(year, part(0), part(1), part(2), part(3), part(4))
        .map(|moment| moment.to_system_time())
        .map_err(|_| not_a_time(text))
}

/// A moment as [`parse_time`] reads it: `2030-12-31T23:59:59Z`. `seconds` count from 1970.
pub(crate) fn time_text(seconds: i64) -> String {
    Date(seconds).to_string().replacen(' ', "T", 1).replace(" UTC", "Z")
}

fn number(digits: &str) -> u16 {
    digits.bytes().fold(0, |n, digit| n * 10 + u16::from(digit - b'0'))
}

fn not_a_time(text: &str) -> Error {
    let what = format!("{text:?} is not a time like 2030-12-31 or 2030-12-31T23:59:59Z");
    Error::new(Problem::InvalidValue, what)
}

fn out_of_range() -> Error {
    Error::new(Problem::InvalidValue, "certificates have years from 1970 to 9999 only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        parse_time(text).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    #[test]
    fn reads_times_of_both_kinds() {
        assert_eq!(seconds("1970-01-02"), DAY);
        assert_eq!(seconds("2030-12-31T23:59:59Z"), 1_924_991_999);
        assert_eq!(seconds("20301231235959Z"), 1_924_991_999);
        assert_eq!(seconds("301231235959Z"), 1_924_991_999);
        assert_eq!(time_text(1_924_991_999), "2030-12-31T23:59:59Z");
        for bad in ["", "tomorrow", "2030-13-01", "2030-02-30", "2030-1-1", "２０３０-01-01"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn stays_inside_what_certificates_can_say() {
        assert!(Validity::days(u32::MAX).is_err());
        let now = SystemTime::now();
        assert!(Validity::between(now, now - Duration::from_secs(1)).is_err());
        assert_eq!(Validity::hours(24).unwrap().duration().as_secs(), DAY);
    }
}
