//! The alert with which a failed handshake ends.
//!
//! The engine chooses alerts of its own, and sometimes none. As long as nothing is encrypted, the
//! one that OpenSSL would send is put in its place, so that a peer is told the same by both.

use crate::words::Alert;

/// Makes `alert` the last word in what the engine has just written: in place of the alert there,
/// or behind the rest where `may_add` says that nothing was encrypted before.
pub(crate) fn correct(written: &mut Vec<u8>, start: usize, alert: Alert, may_add: bool) {
    if let [.., 21, 3, _, 0, 2, 2, last] = &mut written[start..] {
        *last = alert.number();
    } else if may_add && !has_begun_to_encrypt(&written[start..]) {
        written.extend_from_slice(&alert.plain_record());
    }
}

/// Whether one of these records changes the keys (TLS 1.2) or is encrypted (TLS 1.3).
pub(crate) fn has_begun_to_encrypt(records: &[u8]) -> bool {
    const CHANGE_CIPHER_SPEC: u8 = 20;
    const APPLICATION_DATA: u8 = 23;
    let mut rest = records;
    while let [kind, _, _, high, low, after @ ..] = rest {
        if matches!(*kind, CHANGE_CIPHER_SPEC | APPLICATION_DATA) {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = after.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{correct, has_begun_to_encrypt};
    use crate::words::Alert;

    const ALERT: Alert = Alert::from_number(40);

    #[test]
    fn the_engines_alert_is_replaced() {
        let mut out = [&b"before"[..], &[22, 3, 3, 0, 1, 9, 21, 3, 1, 0, 2, 2, 116]].concat();
        correct(&mut out, 6, ALERT, false);
        assert_eq!(out, [&b"before"[..], &[22, 3, 3, 0, 1, 9, 21, 3, 1, 0, 2, 2, 40]].concat());
    }

    #[test]
    fn an_alert_is_added_only_where_it_can_be_read() {
        for (written, may_add, added) in [
            (&[][..], true, true),
            (&[], false, false),
            (&[22, 3, 3, 0, 1, 9], true, true),
            (&[22, 3, 3, 0, 1, 9, 20, 3, 3, 0, 1, 1], true, false),
            (&[23, 3, 3, 0, 1, 9], true, false),
        ] {
            let mut out = written.to_vec();
            correct(&mut out, 0, ALERT, may_add);
            assert_eq!(out.ends_with(&ALERT.plain_record()), added, "{written:?}");
            assert!(out.starts_with(written));
        }
    }

    #[test]
    fn an_alert_of_an_earlier_flight_is_not_touched() {
        let mut out = Alert::from_number(10).plain_record().to_vec();
        let end = out.len();
        correct(&mut out, end, ALERT, false);
        assert_eq!(out, Alert::from_number(10).plain_record());
        assert!(!has_begun_to_encrypt(&out));
    }
}
