//! Certificates and revocation lists in a PKCS#7 file (`.p7b` of Windows and AD CS, `BEGIN PKCS7`):
//! SignedData that signs nothing
//! ([RFC 2315, section 9](https://www.rfc-editor.org/rfc/rfc2315#section-9);
//! [RFC 5652, section 5](https://www.rfc-editor.org/rfc/rfc5652#section-5)).

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged as _};

use super::signature::name_of;
use super::{Certificate, Crl, Error, Problem, ber, pem};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const LABELS: [&str; 3] = ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"];

/// What such a file holds.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    pub(super) certificates: Vec<Certificate>,
    pub(super) crls: Vec<Crl>,
}

/// Whether a PEM block with this label is such a file.
pub(super) fn is_label(label: &str) -> bool {
    LABELS.contains(&label)
}

/// Whether a file that is not PEM begins as such a file does; its lengths may be those of BER.
pub(super) fn is_bundle(der: &[u8]) -> bool {
    const OID: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
    let header = match der {
        [0x30, length, ..] if *length > 0x80 => 2 + usize::from(length & 0x7f),
        [0x30, ..] => 2,
        _ => return false,
    };
    der.get(header..).is_some_and(|inside| inside.starts_with(&OID))
}

impl Bundle {
    /// All that is in the PKCS#7 blocks of a PEM text, or in the one that a file is; `None` when
    /// it contains none.
    pub(super) fn find(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut all: Option<Self> = None;
        if !pem::is_pem(bytes) {
            return is_bundle(bytes).then(|| Self::from_der(bytes)).transpose();
        }
        for block in pem::blocks(bytes).iter().filter(|block| is_label(block.label())) {
            let bundle = block.parse(Self::from_der)?;
            let all = all.get_or_insert_default();
            all.certificates.extend(bundle.certificates);
            all.crls.extend(bundle.crls);
        }
        Ok(all)
    }

    /// ContentInfo around SignedData: version, digests, content, certificates, lists, signers.
    fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        let der = ber::to_der(bytes).map_err(broken)?;
        let [kind, content] = parts(&der)?[..] else {
            return Err(broken("the content is missing"));
        };
        let kind: ObjectIdentifier =
            kind.decode_as().map_err(|e: der::Error| broken(&e.to_string()))?;
        if kind != SIGNED_DATA {
            let what = format!("PKCS#7 of kind {} contains no certificates", name_of(&kind));
            return Err(Error::new(Problem::Unsupported, what));
        }
        let mut bundle = Self::default();
        for field in parts(content.value())? {
            // Attribute certificates and those of PKCS#6 have tags of their own.
            let plain = |member: &AnyRef<'_>| member.tag() == Tag::Sequence;
            let ders = |members: Vec<AnyRef<'_>>| {
                let ders = members.into_iter().filter(plain).map(|member| member.to_der());
                ders.collect::<Result<Vec<_>, _>>().map_err(|e| broken(&e.to_string()))
            };
            if field.tag() == CERTIFICATES {
                for der in ders(elements(field.value())?)? {
                    bundle.certificates.push(Certificate::from_der(&der)?);
                }
            } else if field.tag() == LISTS {
                for der in ders(elements(field.value())?)? {
                    bundle.crls.push(Crl::from_der(&der)?);
                }
            }
        }
        Ok(bundle)
    }
}

/// `[0]` and `[1]`, constructed.
const CERTIFICATES: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const LISTS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(1) };

/// The elements of a SEQUENCE.
fn parts(der: &[u8]) -> Result<Vec<AnyRef<'_>>, Error> {
    let sequence = AnyRef::from_der(der).map_err(|e| broken(&e.to_string()))?;
    elements(sequence.value())
}

fn elements(contents: &[u8]) -> Result<Vec<AnyRef<'_>>, Error> {
    let read = |contents| {
        let mut reader = SliceReader::new(contents)?;
        let mut elements = Vec::new();
        while !reader.is_finished() {
            elements.push(reader.decode()?);
        }
        Ok(elements)
    };
    read(contents).map_err(|e: der::Error| broken(&e.to_string()))
}

fn broken(why: &str) -> Error {
    Error::new(Problem::Malformed, format!("the PKCS#7 file is broken: {why}"))
}
