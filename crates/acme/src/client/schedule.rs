//! When to renew, and when to try again: from what is known and the time, nothing else.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::clock::{Seconds, rfc3339};

/// What is known of one certificate's renewal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The moment that was chosen in the window of the CA (RFC 9773).
    pub chosen: Option<Seconds>,
    /// The window that it was chosen in.
    pub window: Option<(Seconds, Seconds)>,
    /// When to ask the CA for its window again.
    pub ask_at: Seconds,
    /// Failures in a row.
    pub failures: u32,
    /// Not before then, after a failure.
    pub retry_at: Seconds,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the last five certificates of this name came.
    #[serde(default)]
    pub issued: Vec<Seconds>,
}

const MINUTE: Seconds = 60;
const HOUR: Seconds = 60 * MINUTE;
const DAY: Seconds = 86_400;

/// So many certificates of one name in a third of their time, and in a week at most. A CA that always
/// says that it is time, or a script that always asks, is not asked without end: public CAs give five a
/// week.
pub(super) const MOST: usize = 5;

impl Schedule {
    /// Whether it is time to renew a certificate that is valid from `begin` to `end`.
    #[must_use]
    pub fn is_due(&self, begin: Seconds, end: Seconds, now: Seconds) -> bool {
        now >= self.retry_at && now >= self.renew_at(begin, end)
    }

    /// When it should be renewed, as far as is known: in the CA's window, else at two thirds of its
    /// time. Whatever the CA says, not after five sixths.
    #[must_use]
    pub fn renew_at(&self, begin: Seconds, end: Seconds) -> Seconds {
        let lifetime = (end - begin).max(0);
        let latest = begin + lifetime * 5 / 6;
        self.chosen.unwrap_or(begin + lifetime * 2 / 3).min(latest)
    }

    /// Takes a window of the CA's, and chooses a moment in it by `chance` (of 2^32) unless one was
    /// chosen in the same window.
    pub fn take_window(&mut self, start: Seconds, end: Seconds, chance: u32) {
        if self.window == Some((start, end)) {
            return;
        }
        let width = (end - start).max(0);
        let into = (i128::from(width) * i128::from(chance)) >> 32;
        self.chosen = Some(start + Seconds::try_from(into).unwrap_or(0));
        self.window = Some((start, end));
    }

    /// Notes that a try has failed: the next comes after a minute, then two, up to a day, each made
    /// longer by up to a quarter by `chance` (of 2^32), so that many clients that failed together do not come
    /// back together.
    pub fn failed(&mut self, why: impl Into<String>, now: Seconds, chance: u32) {
        self.retry_at = now + backoff(self.failures, chance);
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(why.into());
    }

    /// Notes that it was renewed: all that was known was about the old one.
    pub fn renewed(&mut self, now: Seconds) {
        let mut issued = std::mem::take(&mut self.issued);
        issued.push(now);
        let old = issued.len().saturating_sub(MOST);
        issued.drain(..old);
        *self = Self { issued, ..Self::default() };
    }

    /// Until when there shall be no other of this name, whose last one is for so long: there were enough
    /// of late.
    #[must_use]
    pub fn enough_until(&self, lifetime: Seconds, now: Seconds) -> Option<Seconds> {
        let span = (lifetime / 3).clamp(HOUR, 7 * DAY);
        let first = self.issued.len().checked_sub(MOST).and_then(|at| self.issued.get(at))?;
        Some(first + span).filter(|until| *until > now)
    }

    /// The same, as a failure that says so.
    ///
    /// # Errors
    /// When there were enough.
    pub fn check_enough(&self, lifetime: Seconds, now: Seconds) -> Result<(), Error> {
        match self.enough_until(lifetime, now) {
            None => Ok(()),
            Some(until) => Err(Error::new(format!(
                "issued {MOST} times recently; the next certificate can be requested after {}",
                rfc3339(until)
            ))),
        }
    }
}

/// How long to wait after so many failures before this one.
#[must_use]
pub fn backoff(failures: u32, chance: u32) -> Seconds {
    let whole = MINUTE.checked_shl(failures.min(11)).unwrap_or(DAY).min(DAY * 4 / 5);
    whole + ((i128::from(whole / 4) * i128::from(chance)) >> 32) as Seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_after_a_minute_first_and_a_day_at_most() {
        assert_eq!(backoff(0, 0), MINUTE);
        assert_eq!(backoff(1, 0), 2 * MINUTE);
        assert!((backoff(30, 0)..=backoff(30, u32::MAX)).contains(&(DAY * 9 / 10)));
        assert!(backoff(30, u32::MAX) <= DAY);
    }

    #[test]
    fn a_ca_that_always_says_now_is_not_asked_without_end() {
        let mut schedule = Schedule::default();
        let (mut now, mut asked) = (0, 0);
        while now < 28 * DAY {
            schedule.take_window(now - 7200, now - 3600, 0);
            if schedule.is_due(now, now + 7 * DAY, now)
                && schedule.check_enough(7 * DAY, now).is_ok()
            {
                asked += 1;
                schedule.renewed(now);
            }
            now += 30;
        }
        assert!((50..=65).contains(&asked), "five in a third of a week: {asked}");
        assert!(
            schedule.check_enough(7 * DAY, now - 30).unwrap_err().to_string().contains("1970-01-")
        );
    }

    #[test]
    fn a_window_is_kept_to_and_chosen_in_once() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.renew_at(0, 6 * DAY), 4 * DAY);
        schedule.take_window(3 * DAY, 4 * DAY, u32::MAX / 2);
        let chosen = schedule.chosen.unwrap();
        assert!((3 * DAY..=4 * DAY).contains(&chosen));
        schedule.take_window(3 * DAY, 4 * DAY, 0);
        assert_eq!(schedule.chosen, Some(chosen), "asking again changes nothing");
        schedule.take_window(-7200, -3600, 0);
        assert!(schedule.is_due(0, 6 * DAY, 60), "a window in the past: at once");
        schedule.take_window(9 * DAY, 10 * DAY, 0);
        assert!(schedule.is_due(0, 6 * DAY, 5 * DAY), "a window after the end is no excuse");
    }

    /// A thousand certificates for a week each, over a year; the CA is down for 20 of 48 hours in
    /// the middle. Nothing expires.
    #[test]
    fn a_year_goes_by_and_nothing_expires() {
        const WEEK: Seconds = 7 * DAY;
        let mut state = 1_u64;
        let mut chance = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) as u32
        };
        let down = |now: Seconds| (180 * DAY..180 * DAY + 20 * 3600).contains(&now);
        let mut all: Vec<(Seconds, Schedule)> = vec![(0, Schedule::default()); 1000];
        let (mut renewed, mut now) = (0, 0);
        while now < 365 * DAY {
            now += 600;
            for (begin, schedule) in &mut all {
                let end = *begin + WEEK;
                assert!(now < end, "one has expired");
                if schedule.window.is_none() && !down(now) {
                    let window = crate::authority::renewal_window(*begin, end, false, now);
                    schedule.take_window(window.start, window.end, chance());
                }
                if !schedule.is_due(*begin, end, now) {
                    continue;
                }
                if down(now) {
                    schedule.failed("no answer", now, chance());
                } else {
                    (*begin, renewed) = (now, renewed + 1);
                    assert_eq!(schedule.enough_until(WEEK, now), None, "nobody is held up");
                    schedule.renewed(now);
                }
            }
        }
        assert!((70_000..90_000).contains(&renewed), "{renewed}");
    }
}
