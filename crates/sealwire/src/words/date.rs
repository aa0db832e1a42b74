//! Dates as certificates have them: seconds since 1970 to a calendar date in UTC, and back.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use der::DateTime;
use sealwire_x509::{Error, Problem};

/// A moment in UTC, in whole seconds, as certificates and lists have it.
///
/// It is shown as `2030-12-31T23:59:59Z`, and read from that, from `2030-12-31`, and from what
/// OpenSSL writes, `20301231235959Z` or `301231235959Z`.
///
/// ```
/// use sealwire::pki::Moment;
/// let moment: Moment = "20301231235959Z".parse()?;
/// assert_eq!(moment.to_string(), "2030-12-31T23:59:59Z");
/// assert_eq!(moment.seconds(), 1_924_991_999);
/// # Ok::<(), sealwire::pki::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// So many seconds after the beginning of 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the beginning of 1970.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// For the clock of this machine. Everything before 1970 is 1970.
    pub fn system_time(self) -> SystemTime {
        let seconds = u64::try_from(self.0).unwrap_or(0);
        UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Moment {
    /// Everything before 1970 is 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands for a time that could not be read, or lies outside what a date can say.
        const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
        if !YEARS.contains(&self.0) {
            return f.write_str("no valid time");
        }
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            let what = format!("{text:?} is not a time like 2030-12-31 or 2030-12-31T23:59:59Z");
            Error::new(Problem::InvalidValue, what)
        })
    }
}

fn parse(text: &str) -> Option<Moment> {
    let number = |digits: &[u8]| digits.iter().fold(0, |n, digit| n * 10 + u16::from(*digit));
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
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
        _ => return None,
    };
    let part = |i: usize| rest.get(i * 2..i * 2 + 2).map_or(0, |two| two[0] * 10 + two[1]);
    let moment = DateTime::new(year, part(0), part(1), part(2), part(3), part(4)).ok()?;
    Some(moment.to_system_time().into())
}

/// Seconds since 1970-01-01T00:00:00Z, shown as `2026-11-24 05:38:17 UTC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) i64);

impl Date {
    /// As OpenSSL prints it (`ASN1_TIME_print`): `Nov  4 05:38:17 2026 GMT`.
    pub(crate) fn openssl(self) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        if matches!(self.0, i64::MIN | i64::MAX) {
            return "Bad time value".to_owned();
        }
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let month = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index));
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let month = month.unwrap_or(&"Bad");
        format!("{month} {day:2} {hours:02}:{minutes:02}:{seconds:02} {year} GMT")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01. Eras of 400 years have 146,097
/// days; counting years from March puts the leap day last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_of_both_kinds_are_read() {
        let seconds = |text: &str| text.parse::<Moment>().unwrap().seconds();
        assert_eq!(seconds("1970-01-02"), 86_400);
        assert_eq!(seconds("2030-12-31T23:59:59Z"), 1_924_991_999);
        assert_eq!(seconds("20301231235959Z"), 1_924_991_999);
        assert_eq!(seconds("301231235959Z"), 1_924_991_999);
        for bad in ["", "tomorrow", "2030-13-01", "2030-02-30", "2030-1-1", "２０３０-01-01"] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
        for (seconds, text) in [
            (1_924_991_999, "2030-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (i64::MAX, "no valid time"),
            (i64::MIN, "no valid time"),
            (253_402_300_800, "no valid time"),
        ] {
            assert_eq!(Moment::from_seconds(seconds).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(seconds in 0..253_402_300_799_i64, text in "\\PC*") {
            let moment = Moment::from_seconds(seconds);
            prop_assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
            let _ = text.parse::<Moment>();
        }
    }

    #[test]
    fn dates_are_those_of_date_1() {
        // Each right-hand side is what `date -u -d @SECONDS` prints.
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_827_696, "2000-02-29 12:34:56 UTC"),
            (1_795_498_697, "2026-11-24 05:38:17 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (-2_208_988_800, "1900-01-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
    }
}
