//! The time as certificates count it: seconds since 1970; and how much of it is left, in words.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
pub(crate) fn now() -> i64 {
    seconds(SystemTime::now())
}

/// A moment; everything before 1970 is 1970.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// What is left now of the time from `start` to `end`: `29 days left`, `expired 3 days ago`.
pub(crate) fn left(start: i64, end: i64) -> String {
    left_at(now(), start, end)
}

fn left_at(now: i64, start: i64, end: i64) -> String {
    const DAY: i64 = 86_400;
    let days = |seconds: i64| match seconds / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    if now < start {
        return "not valid yet".to_owned();
    }
    match (end.saturating_sub(now), now.saturating_sub(end)) {
        (0..DAY, _) => "less than a day left".to_owned(),
        (left @ DAY.., _) => format!("{} left", days(left)),
        (_, 0..DAY) => "expired less than a day ago".to_owned(),
        (_, since) => format!("expired {} ago", days(since)),
    }
}

#[cfg(test)]
mod tests {
    use super::left_at;

    #[test]
    fn says_what_is_left() {
        const DAY: i64 = 86_400;
        for (now, said) in [
            (-1, "not valid yet"),
            (0, "30 days left"),
            (28 * DAY, "2 days left"),
            (28 * DAY + 1, "1 day left"),
            (29 * DAY, "1 day left"),
            (29 * DAY + 1, "less than a day left"),
            (30 * DAY, "less than a day left"),
            (30 * DAY + 1, "expired less than a day ago"),
            (31 * DAY, "expired 1 day ago"),
            (33 * DAY, "expired 3 days ago"),
        ] {
            assert_eq!(left_at(now, 0, 30 * DAY), said, "{now}");
        }
        // Times that a certificate can hold, or that stand for one that cannot be read.
        assert_eq!(left_at(0, i64::MIN, i64::MAX), format!("{} days left", i64::MAX / DAY));
        assert_eq!(left_at(0, i64::MAX, i64::MIN), "not valid yet");
        assert_eq!(left_at(1, 0, i64::MIN + 2), format!("expired {} days ago", i64::MAX / DAY));
    }
}
