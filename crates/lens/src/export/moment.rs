//! Moments as HAR writes them (ISO 8601 in UTC, to a microsecond), and back.

/// `2026-11-29T12:00:00.000000Z` of microseconds since 1970.
pub(super) fn written(micros: i64) -> String {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (day, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days.
    let z = day + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{rest:06}Z")
}

/// Microseconds since 1970; the zone may be `Z`, `+02:00` or left out.
pub(super) fn read(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(at) if time[at..].starts_with('Z') => (&time[..at], 0),
        Some(at) => {
            let (hours, minutes) = time[at + 1..].split_once(':')?;
            let sign = if time[at..].starts_with('-') { -1 } else { 1 };
            (&time[..at], sign * (number(hours)? * 3600 + number(minutes)? * 60))
        }
        None => (time, 0),
    };
    let mut time = time.splitn(3, ':');
    let (hour, minute, second) = (number(time.next()?)?, number(time.next()?)?, time.next()?);
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + number(second)? - offset;
    Some(seconds * 1_000_000 + number(&fraction)?)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n| (0..=1_000_000).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_164_800_123_456, "2024-02-29T00:00:00.123456Z"),
            (1_700_000_000_000_001, "2023-11-14T22:13:20.000001Z"),
        ] {
            assert_eq!(written(micros), text);
            assert_eq!(read(text), Some(micros));
        }
        assert_eq!(read("2024-02-29T02:00:00.5+02:00"), Some(1_709_164_800_500_000));
        for bad in
            ["", "T", "2024", "2024-13-01T00:00:00Z", "2024-01-01T99999999999:0:0Z", "é-é-éT::"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
