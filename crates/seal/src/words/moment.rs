//! Moments, as the command line and the reports have them.

use std::time::SystemTime;

use sealwire::pki::{Error, Problem};
use time::{Date, Month, OffsetDateTime, Time};

/// A moment in UTC: `2030-12-31`, `2030-12-31T23:59:59Z`, or as OpenSSL writes it,
/// `20301231235959Z` or `301231235959Z`.
pub(crate) fn parse_time(text: &str) -> Result<SystemTime, Error> {
    let bad = || {
        let what = format!("{text:?} is not a time like 2030-12-31 or 2030-12-31T23:59:59Z");
        Error::new(Problem::InvalidValue, what)
    };
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() })
        .collect();
    let number = |digits: &[u8]| digits.iter().fold(0, |n, digit| n * 10 + i32::from(*digit));
    let (year, rest) = match shape.as_str() {
        "0000-00-00" | "0000-00-00T00:00:00Z" | "0000-00-00 00:00:00Z" | "00000000000000Z" => {
            (number(&digits[..4]), &digits[4..])
        }
        // Two digits of the year mean 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
        "000000000000Z" => match number(&digits[..2]) {
            year @ 50.. => (1900 + year, &digits[2..]),
            year => (2000 + year, &digits[2..]),
        },
        _ => return Err(bad()),
    };
    let part = |i: usize| {
        let two = rest.get(i * 2..i * 2 + 2).unwrap_or(&[0, 0]);
        two[0] * 10 + two[1]
    };
    let moment = || {
        let date = Date::from_calendar_date(year, Month::try_from(part(0)).ok()?, part(1)).ok()?;
        let time = Time::from_hms(part(2), part(3), part(4)).ok()?;
        Some(SystemTime::from(date.with_time(time).assume_utc()))
    };
    moment().ok_or_else(bad)
}

/// A moment as [`parse_time`] reads it: `2030-12-31T23:59:59Z`. `seconds` count from 1970.
pub(crate) fn time_text(seconds: i64) -> String {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return "no valid time".to_owned();
    };
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;

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
        assert_eq!(time_text(-1), "1969-12-31T23:59:59Z");
        assert_eq!(time_text(i64::MAX), "no valid time");
        for bad in ["", "tomorrow", "2030-13-01", "2030-02-30", "2030-1-1", "２０３０-01-01"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC*") {
            let _ = parse_time(&text);
        }
    }
}
