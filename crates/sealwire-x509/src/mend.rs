//! Certificates that RFC 5280 forbids and AWS-LC does not parse, but OpenSSL shows: they are shown
//! here too, and trusted never.
//!
//! AWS-LC gets a copy in which what it stumbles over is written as it should be; everybody else gets
//! the bytes as they are.

use crate::der::{CONTEXT_0, Element, Elements, INTEGER, SEQUENCE, encode};
use crate::time::Moment;

/// `[3]`, constructed.
const EXTENSIONS: u8 = 0xA3;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What is irregular in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Irregularity {
    /// It has extensions, which version 3 alone may have, and says to be of this one (1 or 2).
    Version(u8),
    /// A time of its validity is written in a form that RFC 5280 leaves out.
    Time,
}

/// The copy for AWS-LC, and what was mended in it; `None` when there is nothing to mend.
pub(crate) fn mend(der: &[u8]) -> Option<(Vec<u8>, Irregularity)> {
    let mut certificate = Elements::of(der).enter(SEQUENCE)?;
    let mut fields = certificate.enter(SEQUENCE)?;
    let extended = fields.clone().any(|field| field.tag == EXTENSIONS);
    let version = fields
        .enter(CONTEXT_0)
        .map_or(Some(0), |mut version| version.element(INTEGER)?.number())?;
    let mut irregularity = None;
    let mut tbs = Vec::new();
    if extended && version < 2 {
        irregularity = Some(Irregularity::Version(version as u8 + 1));
    }
    if extended || version > 0 {
        let version = if extended { 2 } else { version as u8 };
        tbs.extend(encode(CONTEXT_0, &[INTEGER, 1, version]));
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        tbs.extend_from_slice(fields.next()?.encoding);
    }
    let validity = fields.element(SEQUENCE)?;
    let mut times = Elements::of(validity.contents);
    let (start, end) = (times.next()?, times.next()?);
    let mended = [written(start)?, written(end)?].concat();
    if mended != validity.contents {
        irregularity.get_or_insert(Irregularity::Time);
    }
    tbs.extend(encode(SEQUENCE, &mended));
    for field in fields {
        tbs.extend_from_slice(field.encoding);
    }
    let mut whole = encode(SEQUENCE, &tbs);
    for field in certificate {
        whole.extend_from_slice(field.encoding);
    }
    Some((encode(SEQUENCE, &whole), irregularity?))
}

fn written(time: Element<'_>) -> Option<Vec<u8>> {
    match time.tag {
        UTC_TIME | GENERALIZED_TIME => {
            Some(Moment::read(time.tag == GENERALIZED_TIME, time.contents)?.to_der())
        }
        _ => None,
    }
}
