//! Which logs have entered a certificate, and when: its signed certificate timestamps
//! ([RFC 6962, section 3.3](https://www.rfc-editor.org/rfc/rfc6962#section-3.3)).

use clubcard_crlite::{LogId, Timestamp};
use sealwire_x509::Certificate;

/// What the certificate says of it; nothing, where that cannot be read.
pub(super) fn of(certificate: &Certificate) -> Vec<(LogId, Timestamp)> {
    let Some(list) = certificate.timestamp_list() else { return Vec::new() };
    read(&list).unwrap_or_default()
}

fn read(list: &[u8]) -> Option<Vec<(LogId, Timestamp)>> {
    let (length, mut rest) = list.split_first_chunk::<2>()?;
    (usize::from(u16::from_be_bytes(*length)) == rest.len()).then_some(())?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (one, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = behind;
        // Version 1 is 0; others are not known here.
        if let [0, one @ ..] = one {
            let (log, one) = one.split_first_chunk::<32>()?;
            let (time, _) = one.split_first_chunk::<8>()?;
            all.push((LogId(*log), Timestamp(u64::from_be_bytes(*time))));
        }
    }
    Some(all)
}
