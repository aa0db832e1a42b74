//! Lengths of time, as options and files have them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time with its unit: `500ms`, `45s`, `90m`, `12h`, `30d`, `2w`. A number alone would
/// leave the unit to be guessed, and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(Duration);

/// How long something is waited for: a [`Length`], but that a number alone is seconds, as it is to
/// curl, ssh and systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(Duration);

const DAY: u64 = 86_400;

impl Length {
    pub(crate) const fn new(length: Duration) -> Self {
        Self(length)
    }

    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl Timeout {
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a length of time like 500ms, 10s, 5m, 12h or 30d");
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(end);
        let count: u64 = count.parse().map_err(|_| bad())?;
        let seconds = match unit {
            "ms" => return Ok(Self(Duration::from_millis(count))),
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => DAY,
            "w" => 7 * DAY,
            "" => return Err(format!("{text:?} has no unit: say {count}s, {count}h or {count}d")),
            _ => return Err(bad()),
        };
        count.checked_mul(seconds).map(Duration::from_secs).map(Self).ok_or_else(bad)
    }
}

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return format!("{text}s").parse();
        }
        text.parse::<Length>().map(|length| Self(length.get()))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (0, millis) => write!(f, "{millis}ms"),
            (s, 0) if s % DAY == 0 => write!(f, "{}d", s / DAY),
            (s, 0) if s % 3600 == 0 => write!(f, "{}h", s / 3600),
            (s, 0) if s % 60 == 0 => write!(f, "{}m", s / 60),
            (s, 0) => write!(f, "{s}s"),
            (s, millis) => write!(f, "{}ms", s * 1000 + u64::from(millis)),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Length(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Length, Timeout};

    #[test]
    fn lengths_read_as_they_are_shown() {
        for text in ["500ms", "10s", "5m", "12h", "1d", "1500ms", "0ms"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
            assert_eq!(text.parse::<Timeout>().unwrap().to_string(), text);
        }
        assert_eq!("2w".parse::<Length>().unwrap().to_string(), "14d");
        for text in [
            "",
            "s",
            "1.5s",
            "-1s",
            "1y",
            "10 s",
            "+1s",
            "99999999999999999999s",
            "2000000000000000000w",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
            assert!(text.parse::<Timeout>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_alone_is_seconds_where_a_timeout_is_meant_and_nothing_elsewhere() {
        assert_eq!("2".parse::<Timeout>().unwrap().get(), Duration::from_secs(2));
        let refused = "2".parse::<Length>().unwrap_err();
        assert_eq!(refused, "\"2\" has no unit: say 2s, 2h or 2d");
        assert!("99999999999999999999".parse::<Timeout>().is_err());
    }
}
