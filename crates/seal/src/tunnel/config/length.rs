//! Lengths of time in the file and on the command line.

use std::time::Duration;

/// `500ms`, `10s`, `5m`, `12h`, `1d`. A number alone would leave the unit to be guessed.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a length of time like 500ms, 10s, 5m or 12h");
    if let Some(digits) = text.strip_suffix("ms") {
        return digits.parse().map(Duration::from_millis).map_err(|_| bad());
    }
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    crate::moment::parse_duration(text).map_err(|_| bad())
}

/// A length of time as it is read.
pub(crate) fn show(length: Duration) -> String {
    let (seconds, millis) = (length.as_secs(), length.subsec_millis());
    match (seconds, millis) {
        (0, millis) => format!("{millis}ms"),
        (s, 0) if s % 86_400 == 0 => format!("{}d", s / 86_400),
        (s, 0) if s % 3600 == 0 => format!("{}h", s / 3600),
        (s, 0) if s % 60 == 0 => format!("{}m", s / 60),
        (s, 0) => format!("{s}s"),
        (s, millis) => format!("{}ms", s * 1000 + u64::from(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn lengths_read_as_they_are_shown() {
        for text in ["500ms", "10s", "5m", "12h", "1d", "1500ms", "0ms"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        for text in ["", "10", "1.5s", "-1s", "s", "10 s", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
