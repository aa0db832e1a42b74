//! Making certificate revocation lists (RFC 5280, section 5).
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

/// Why a certificate was revoked (RFC 5280, section 5.3.1).
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
    /// Why. `Unspecified` is not written, as RFC 5280 asks.
    pub reason: RevocationReason,
}

impl Revoked {
    /// This certificate, from now on.
    pub fn now(certificate: &Certificate, reason: RevocationReason) -> Self {
        let serial = super::store::bytes_of_hex(&certificate.serial_hex());
        Self { serial, time: SystemTime::now(), reason }
    }
}

/// A revocation list to be signed.
#[derive(Debug, Clone)]
pub struct CrlBuilder {
    /// Greater than that of every list before.
    pub number: u64,
    /// When it was made.
    pub this_update: SystemTime,
    /// When the next one will be there; verifiers refuse the list after that.
    pub next_update: SystemTime,
    /// The certificates of this issuer that are revoked.
    pub revoked: Vec<Revoked>,
}

/// TBSCertList (RFC 5280, section 5.1). As in certificates, the issuer's name stays as it is.
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
            let what = "the CA may not sign revocation lists (its keyUsage has no cRLSign)";
            return Err(Error::new(Problem::InvalidValue, what));
        }
        let mut extensions = Vec::new();
        if let Some(id) = issuer.key_identifier() {
            extensions.push(extension::authority_key_identifier(id)?);
        }
        extensions.push(extension::extension(rfc5280::ID_CE_CRL_NUMBER, false, &self.number)?);
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
