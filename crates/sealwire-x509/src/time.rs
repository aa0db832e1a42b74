//! Times in the forms of X.680 that
//! [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) leaves out: old certificates have them.

/// A moment as UTCTime or GeneralizedTime says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since 1970.
    pub(crate) seconds: i64,
    year: u16,
}

impl Moment {
    /// Reads `YYMMDDhhmm[ss](Z|+hhmm|-hhmm)`, or with `generalized` `YYYYMMDDhhmm[ss[.f]]` with the
    /// same ends; one without any is in UTC.
    pub(crate) fn read(generalized: bool, text: &[u8]) -> Option<Self> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (moment, rest) = text.split_at(digits);
        let pair = |at: usize| Some(number(moment.get(at..at + 2)?));
        let (year, at) = match generalized {
            true => (pair(0)? * 100 + pair(2)?, 4),
            // Two digits mean 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
            false => (pair(0)? + if pair(0)? < 50 { 2000 } else { 1900 }, 2),
        };
        let (month, day) = (pair(at)?, pair(at + 2)?);
        let (hours, minutes) = (pair(at + 4)?, pair(at + 6)?);
        let seconds = match digits - at - 8 {
            0 => 0,
            2 => pair(at + 8)?,
            _ => return None,
        };
        if day == 0 || day > days_of(year, month)? || hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let of_day = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
        let seconds = days_since_1970(year, month, day) * 86_400 + of_day - offset(rest)?;
        Some(Self { seconds, year: u16::try_from(year).ok()? })
    }

    /// The same moment as [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) has it: tag and contents.
    pub(crate) fn to_der(self) -> Vec<u8> {
        let (days, rest) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        // An offset moves a moment by less than a day, so the year is this one or its neighbour.
        let year_of = |year: i32| days_since_1970(year, 1, 1) <= days;
        let mut year = i32::from(self.year) + 1;
        while !year_of(year) {
            year -= 1;
        }
        let mut day = days - days_since_1970(year, 1, 1);
        let mut month = 1;
        while let Some(length) = days_of(year, month).map(i64::from).filter(|&len| day >= len) {
            day -= length;
            month += 1;
        }
        let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
        let text = format!("{month:02}{:02}{hours:02}{minutes:02}{seconds:02}Z", day + 1);
        let (tag, text) = match year {
            1950..2050 => (0x17, format!("{:02}{text}", year % 100)),
            _ => (0x18, format!("{year:04}{text}")),
        };
        [&[tag, text.len() as u8], text.as_bytes()].concat()
    }
}

/// Seconds east of UTC; fractions of a second are passed over.
fn offset(rest: &[u8]) -> Option<i64> {
    let rest = match rest.first() {
        Some(b'.' | b',') => {
            let end = rest.iter().skip(1).position(|byte| !byte.is_ascii_digit());
            &rest[end.map_or(rest.len(), |end| end + 1)..]
        }
        _ => rest,
    };
    match rest {
        [] | b"Z" => Some(0),
        [sign @ (b'+' | b'-'), digits @ ..] if digits.len() == 4 => {
            let (hours, minutes) = (number(&digits[..2]), number(&digits[2..]));
            let valid = digits.iter().all(u8::is_ascii_digit) && hours < 24 && minutes < 60;
            let seconds = i64::from(hours * 3600 + minutes * 60);
            valid.then_some(if *sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> i32 {
    digits.iter().fold(0, |number, &digit| number * 10 + i32::from(digit.wrapping_sub(b'0')))
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i32, month: i32) -> Option<i32> {
    Some(match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

fn days_since_1970(year: i32, month: i32, day: i32) -> i64 {
    let before =
        |year: i64| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let months: i32 = (1..month).filter_map(|month| days_of(year, month)).sum();
    before(i64::from(year)) - before(1970) + i64::from(months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn reads_every_form_and_writes_the_one_of_rfc_5280() {
        for (generalized, text, seconds, written) in [
            (false, "700101000000Z", 0, "700101000000Z"),
            (false, "260101000000+0200", 1_767_218_400, "251231220000Z"),
            (false, "3501010000Z", 2_051_222_400, "350101000000Z"),
            (false, "491231235959-0100", 2_524_611_599, "20500101005959Z"),
            (false, "500101000000Z", -631_152_000, "500101000000Z"),
            (true, "20000229123456.789Z", 951_827_696, "000229123456Z"),
            (true, "200002291234", 951_827_640, "000229123400Z"),
            (true, "99991231235959Z", 253_402_300_799, "99991231235959Z"),
        ] {
            let moment = Moment::read(generalized, text.as_bytes()).unwrap();
            assert_eq!(moment.seconds, seconds, "{text}");
            assert_eq!(moment.to_der()[2..], *written.as_bytes(), "{text}");
        }
        for bad in [
            "",
            "x",
            "26010100000Z",
            "261301000000Z",
            "260230000000Z",
            "260101240000Z",
            "260101000000+2",
            "260101000000+02xx",
        ] {
            assert_eq!(Moment::read(false, bad.as_bytes()), None, "{bad}");
        }
    }
}
