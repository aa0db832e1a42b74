//! When a certificate should be renewed (RFC 9773).

use crate::clock::Seconds;

/// From when to when; each client takes a moment in it by chance, so that they do not all come at
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub start: Seconds,
    /// The last.
    pub end: Seconds,
    /// When to ask again.
    pub retry_after: Seconds,
}

const HOUR: Seconds = 3600;

/// When a certificate that is valid from `not_before` to `not_after` should be renewed: at about two
/// thirds of its time, spread over a twelfth of it. `at_once`: it has to be replaced, and the window
/// lies in the past, which lets every client renew when it next asks.
#[must_use]
pub fn renewal_window(
    not_before: Seconds,
    not_after: Seconds,
    at_once: bool,
    now: Seconds,
) -> Window {
    let lifetime = (not_after - not_before).max(0);
    // So often that a change is heard of long before the end.
    let retry_after = (lifetime / 24).clamp(60, 6 * HOUR);
    if at_once {
        return Window { start: now - 2 * HOUR, end: now - HOUR, retry_after };
    }
    let middle = not_before + lifetime * 2 / 3;
    Window { start: middle - lifetime / 24, end: middle + lifetime / 24, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_at_two_thirds_and_in_the_past_when_it_presses() {
        const DAY: Seconds = 86_400;
        let usual = renewal_window(0, 6 * DAY, false, DAY);
        assert_eq!((usual.start, usual.end), (4 * DAY - DAY / 4, 4 * DAY + DAY / 4));
        assert_eq!(usual.retry_after, 6 * HOUR);
        let pressing = renewal_window(0, 6 * DAY, true, DAY);
        assert!(pressing.start < pressing.end && pressing.end < DAY);
        assert_eq!(renewal_window(0, 3600, false, 0).retry_after, 150);
    }
}
