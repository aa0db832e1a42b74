//! Making certificate revocation lists
//! ([RFC 5280, section 5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).
//!
//! By hand and not with x509-cert's builder, which names the issuer's issuer as the authority:
//! verifiers then do not find the list.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use const_oid::db::rfc5280;
use der::asn1::{AnyRef, Uint};
use der::{Decode, Enumerated, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use super::signature::{sign_der, unencodable};
use super::{Certificate, Crl, Error, Issuer, KeyUsage, Problem, extension, validity};

/// Why a certificate was revoked
/// ([RFC 5280, section 5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    PrivilegeWithdrawn,
    AaCompromise,
}

/// The number in a CRL, and OpenSSL's name.
const REASONS: &[(RevocationReason, ReasonCode, &str)] = &[
    (RevocationReason::Unspecified, ReasonCode::Unspecified, "unspecified"),
    (RevocationReason::KeyCompromise, ReasonCode::KeyCompromise, "keyCompromise"),
    (RevocationReason::CaCompromise, ReasonCode::CaCompromise, "CACompromise"),
    (RevocationReason::AffiliationChanged, ReasonCode::AffiliationChanged, "affiliationChanged"),
    (RevocationReason::Superseded, ReasonCode::Superseded, "superseded"),
    (
        RevocationReason::CessationOfOperation,
        ReasonCode::CessationOfOperation,
        "cessationOfOperation",
    ),
    (RevocationReason::CertificateHold, ReasonCode::CertificateHold, "certificateHold"),
    (RevocationReason::PrivilegeWithdrawn, ReasonCode::PrivilegeWithdrawn, "privilegeWithdrawn"),
    (RevocationReason::AaCompromise, ReasonCode::AaCompromise, "AACompromise"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumerated)]
#[repr(u8)]
enum ReasonCode {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

impl RevocationReason {
    fn row(self) -> &'static (Self, ReasonCode, &'static str) {
        REASONS.iter().find(|row| row.0 == self).expect("every reason has a row")
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

impl FromStr for RevocationReason {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let row = REASONS.iter().find(|row| row.2.eq_ignore_ascii_case(text));
        row.map(|row| row.0).ok_or_else(|| {
            let known: Vec<_> = REASONS.iter().map(|row| row.2).collect();
            let what = format!("{text:?} is not a reason: {}", known.join(", "));
            Error::new(Problem::InvalidValue, what)
        })
    }
}

/// A revoked certificate, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The certificate's serial number, big-endian.
    pub serial: Vec<u8>,
    /// Since when.
    pub time: SystemTime,
    /// Why. `Unspecified` is not written, as [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) asks.
    pub reason: RevocationReason,
}

impl Revoked {
    /// This certificate, from now on.
    pub fn now(certificate: &Certificate, reason: RevocationReason) -> Self {
        let serial = super::store::bytes_of_hex(&certificate.serial_hex());
        Self { serial, time: SystemTime::now(), reason }
    }
}

/// The number of a revocation list: of at most 20 bytes
/// ([RFC 5280, section 5.2.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.2.3)), and greater than
/// that of every list before it. Its text is hexadecimal in whole bytes, as `openssl ca` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlNumber([u8; NUMBER_LENGTH]);

const NUMBER_LENGTH: usize = 20;

impl CrlNumber {
    /// The next number.
    ///
    /// # Errors
    /// After the last one that 20 bytes hold.
    pub fn next(&self) -> Result<Self, Error> {
        let mut next = self.0;
        for byte in next.iter_mut().rev() {
            let (more, carried) = byte.overflowing_add(1);
            *byte = more;
            if !carried {
                return Ok(Self(next));
            }
        }
        let what = "the CRL numbers are exhausted: they have at most 20 bytes";
        Err(Error::new(Problem::InvalidValue, what))
    }
}

impl From<u64> for CrlNumber {
    fn from(number: u64) -> Self {
        let mut bytes = [0; NUMBER_LENGTH];
        bytes[NUMBER_LENGTH - 8..].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }
}

impl FromStr for CrlNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.trim().trim_start_matches('0');
        let hexadecimal = text.trim().bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.trim().is_empty() || !hexadecimal || digits.len() > 2 * NUMBER_LENGTH {
            let what = "not a number of at most 20 bytes in hexadecimal";
            return Err(Error::new(Problem::Malformed, what));
        }
        let significant = super::store::bytes_of_hex(digits);
        let mut bytes = [0; NUMBER_LENGTH];
        bytes[NUMBER_LENGTH - significant.len()..].copy_from_slice(&significant);
        Ok(Self(bytes))
    }
}

impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count().min(NUMBER_LENGTH - 1);
        self.0[zeros..].iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A revocation list to be signed.
#[derive(Debug, Clone)]
pub struct CrlBuilder {
    /// Greater than that of every list before.
    pub number: CrlNumber,
    /// When it was made.
    pub this_update: SystemTime,
    /// When the next one will be there; verifiers refuse the list after that.
    pub next_update: SystemTime,
    /// The certificates of this issuer that are revoked.
    pub revoked: Vec<Revoked>,
}

/// TBSCertList ([RFC 5280, section 5.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.1)).
/// As in certificates, the issuer's name stays as it is.
#[derive(Sequence)]
struct TbsCertList<'a> {
    version: u8,
    signature: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    #[asn1(optional = "true")]
    revoked: Option<Vec<Entry>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Clone, Sequence)]
struct Entry {
    serial: Uint,
    time: Time,
    #[asn1(optional = "true")]
    extensions: Option<Vec<Extension>>,
}

impl CrlBuilder {
    /// Signs the list.
    pub fn signed_by(&self, issuer: &Issuer) -> Result<Crl, Error> {
        const V2: u8 = 1;
        if let Some(usage) = issuer.certificate().key_usage()
            && !usage.contains(KeyUsage::CrlSign)
        {
            let what =
                "the CA may not sign revocation lists (cRLSign is missing from its keyUsage)";
            return Err(Error::new(Problem::InvalidValue, what));
        }
        let mut extensions = Vec::new();
        if let Some(id) = issuer.key_identifier() {
            extensions.push(extension::authority_key_identifier(id)?);
        }
        let number = Uint::new(&self.number.0).map_err(|e| unencodable(&e))?;
        extensions.push(extension::extension(rfc5280::ID_CE_CRL_NUMBER, false, &number)?);
        let revoked = self.revoked.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let revoked = Some(revoked).filter(|list| !list.is_empty());
        let issuer_name = AnyRef::from_der(issuer.subject_der()).map_err(|e| unencodable(&e))?;
        let (this_update, next_update) =
            (validity::time(self.this_update)?, validity::time(self.next_update)?);
        let der = sign_der(issuer.key(), |signature| TbsCertList {
            version: V2,
            signature,
            issuer: issuer_name,
            this_update,
            next_update,
            revoked,
            extensions,
        })?;
        Crl::from_der(&der)
    }
}

fn entry(revoked: &Revoked) -> Result<Entry, Error> {
    let extensions = match revoked.reason {
        RevocationReason::Unspecified => None,
        reason => {
            Some(vec![extension::extension(rfc5280::ID_CE_CRL_REASONS, false, &reason.row().1)?])
        }
    };
    Ok(Entry {
        serial: Uint::new(&revoked.serial).map_err(|e| unencodable(&e))?,
        time: validity::time(revoked.time)?,
        extensions,
    })
}
