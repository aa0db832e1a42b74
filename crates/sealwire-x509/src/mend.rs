//! Certificates that [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)
//! forbids and AWS-LC does not take, but OpenSSL does: AWS-LC gets a copy
//! in which what it stumbles over is written as it should be; all other code gets the bytes unchanged.
//!
//! Those that it does not parse are shown, as OpenSSL shows them, and trusted never. An end entity's
//! with a path length, which is a common slip in configurations, is judged without it.

use crate::der::{
    BOOLEAN, CONTEXT_0, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    encode,
};
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
    /// A time of its validity is written in a form that
    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) leaves out.
    Time,
}

/// basicConstraints, 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 19];

/// The copy for AWS-LC to judge of an end entity's certificate with a pathLenConstraint, without it.
/// Its signature is not good, of course. `None` when it is not that.
pub(crate) fn without_path_length(der: &[u8]) -> Option<Vec<u8>> {
    let mut certificate = Elements::of(der).enter(SEQUENCE)?;
    let fields = certificate.enter(SEQUENCE)?;
    let (mut tbs, mut mended) = (Vec::new(), false);
    for field in fields {
        if field.tag != EXTENSIONS {
            tbs.extend_from_slice(field.encoding);
            continue;
        }
        let mut extensions = Vec::new();
        for extension in Elements::of(field.contents).enter(SEQUENCE)? {
            match with_bare_constraints(extension.contents) {
                Some(bare) => {
                    mended = true;
                    extensions.extend(encode(SEQUENCE, &bare));
                }
                None => extensions.extend_from_slice(extension.encoding),
            }
        }
        tbs.extend(encode(EXTENSIONS, &encode(SEQUENCE, &extensions)));
    }
    let mut whole = encode(SEQUENCE, &tbs);
    for field in certificate {
        whole.extend_from_slice(field.encoding);
    }
    mended.then(|| encode(SEQUENCE, &whole))
}

/// The contents of an extension, if it is basicConstraints of no CA with a path length: without it.
fn with_bare_constraints(extension: &[u8]) -> Option<Vec<u8>> {
    let mut parts = Elements::of(extension);
    let oid = parts.element(OBJECT_IDENTIFIER).filter(|oid| oid.contents == BASIC_CONSTRAINTS)?;
    let critical = parts.element(BOOLEAN);
    let mut constraints = Elements::of(parts.element(OCTET_STRING)?.contents).enter(SEQUENCE)?;
    // FALSE is the default and may be there all the same.
    let ca = constraints.element(BOOLEAN).is_some_and(|ca| ca.contents != [0]);
    let length = constraints.element(INTEGER)?.number();
    if ca || length.is_none() || !constraints.is_at_end() || parts.next().is_some() {
        return None;
    }
    let mut bare = oid.encoding.to_vec();
    bare.extend_from_slice(critical.map_or(&[][..], |critical| critical.encoding));
    bare.extend(encode(OCTET_STRING, &encode(SEQUENCE, &[])));
    Some(bare)
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
