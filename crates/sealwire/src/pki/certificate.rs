//! Making certificates: self-signed, or signed by an issuer.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use const_oid::db::rfc5280;
use der::Decode;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::ext::pkix::name::GeneralName;

use super::signature::sign_der_like;
use super::{
    Certificate, Csr, Error, ExtendedKeyUsage, Issuer, KeyAlgorithm, KeyUsage, Moment,
    NameConstraint, PrivateKey, Problem, Subject, SubjectAltName, Validity, extension,
    renew::{By, Old},
    tbs,
};

/// Default validity of a certificate in days. Below every limit that clients set for private CAs
/// (Apple's is 825).
const DEFAULT_DAYS: u32 = 365;
/// `openssl x509 -req` without `-days`.
const OPENSSL_DAYS: u32 = 30;

/// 9999-12-31T23:59:59Z, which says that there is no end
/// ([RFC 5280, section 4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
const NO_END: i64 = 253_402_300_799;

/// A self-signed certificate for these names and its key, in one call: for tests and development
/// servers. ECDSA P-256, one year, for servers and clients.
///
/// ```
/// let (certificate, key) = sealwire::pki::self_signed(["localhost", "127.0.0.1"])?;
/// assert!(key.matches(&certificate));
/// # Ok::<(), sealwire::pki::Error>(())
/// ```
pub fn self_signed<I>(names: I) -> Result<(Certificate, PrivateKey), Error>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let names = names
        .into_iter()
        .map(|name| SubjectAltName::from_str(name.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(Error::new(Problem::InvalidValue, "a certificate needs at least one name"));
    }
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let certificate = CertificateBuilder::for_names(names)?.self_signed(&key)?;
    Ok((certificate, key))
}

/// A certificate to be made. Ends with [`self_signed`](Self::self_signed) or
/// [`signed_by`](Self::signed_by).
///
/// By default: X.509 v3, valid for 365 days from now, a random serial of 20 bytes, for servers and
/// clients (extendedKeyUsage), not a CA, with subjectKeyIdentifier, and authorityKeyIdentifier when
/// the issuer has one.
#[derive(Debug, Clone)]
pub struct CertificateBuilder {
    kind: Kind,
    subject: Subject,
    names: Vec<SubjectAltName>,
    /// Names of a request, of every kind.
    requested_names: Vec<GeneralName>,
    key_usage: Option<Vec<KeyUsage>>,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    permitted: Vec<NameConstraint>,
    excluded: Vec<NameConstraint>,
    ocsp_urls: Vec<String>,
    issuer_urls: Vec<String>,
    crl_urls: Vec<String>,
    must_staple: bool,
    /// Extensions of a request, which stand in place of ours.
    requested: Vec<Extension>,
    validity: Option<Validity>,
    serial: Option<Vec<u8>>,
    serial_length: usize,
    /// The subject was chosen here, so that it is not empty where it is the issuer too.
    needs_issuer: bool,
    /// What a renewal begins with.
    old: Option<Old>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// X.509 v1 without extensions, as `openssl x509 -req -signkey` without `-extfile`.
    OpensslDefault,
    Leaf,
    Authority {
        path_length: Option<u8>,
    },
    /// With the extensions of an older certificate.
    Renewal,
}

impl CertificateBuilder {
    /// Begins a certificate for `subject`.
    pub fn new(subject: Subject) -> Self {
        Self {
            kind: Kind::Leaf,
            subject,
            names: Vec::new(),
            requested_names: Vec::new(),
            key_usage: None,
            extended_key_usage: vec![ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH],
            permitted: Vec::new(),
            excluded: Vec::new(),
            ocsp_urls: Vec::new(),
            issuer_urls: Vec::new(),
            crl_urls: Vec::new(),
            must_staple: false,
            requested: Vec::new(),
            validity: None,
            serial: None,
            serial_length: tbs::LONGEST_SERIAL,
            needs_issuer: false,
            old: None,
        }
    }

    /// Begins a certificate for these names, with the subject of [`Subject::of_holder`].
    pub fn for_names(names: Vec<SubjectAltName>) -> Result<Self, Error> {
        let mut builder = Self::new(Subject::of_holder(&names)?).names(names);
        builder.needs_issuer = true;
        Ok(builder)
    }

    /// Begins a certificate for the subject of a request. The names and other extensions that it
    /// asks for are taken only with [`copy_names`](Self::copy_names) and
    /// [`copy_extensions`](Self::copy_extensions).
    pub fn for_csr(csr: &Csr) -> Self {
        Self::new(csr.subject().clone())
    }

    /// Begins the successor of a certificate: its subject, version and extensions as they are, byte
    /// for byte, valid from now on for as long as the old one was, with a new serial number as long
    /// as the old (8 bytes at least: it is random), and signed in the same way unless that is SHA-1 or
    /// MD5. The key may be the same or another; another has another subjectKeyIdentifier.
    pub fn renewing(old: &Certificate) -> Result<Self, Error> {
        let mut builder = Self::new(Subject::from_der(old.subject().der())?);
        builder.old = Some(Old::of(old)?);
        builder.serial_length = super::store::bytes_of_hex(&old.serial_hex()).len();
        builder.kind = match old.version() {
            3 => Kind::Renewal,
            _ => Kind::OpensslDefault,
        };
        if old.not_after() == NO_END {
            let now = SystemTime::now();
            let end = Moment::from_seconds(NO_END).system_time();
            return Ok(builder.validity(Validity::between(now, end)?));
        }
        let seconds = u64::try_from(old.not_after().saturating_sub(old.not_before())).unwrap_or(0);
        Ok(builder.validity(Validity::lasting(Duration::from_secs(seconds))?))
    }

    /// Another subject than that of the names or the request.
    #[must_use]
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Exactly what `openssl x509 -req -signkey` makes: X.509 v1, no extensions, 30 days.
    /// Browsers refuse such a certificate, since it has no subjectAltName; OpenSSL and Node take
    /// it when it is trusted itself.
    #[must_use]
    pub fn openssl_compat(mut self) -> Self {
        self.kind = Kind::OpensslDefault;
        self
    }

    /// A CA certificate. `path_length` is how many further CAs may stand between it and a leaf.
    #[must_use]
    pub fn authority(mut self, path_length: Option<u8>) -> Self {
        self.kind = Kind::Authority { path_length };
        self.extended_key_usage.clear();
        self
    }

    /// Adds names to subjectAltName.
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = SubjectAltName>) -> Self {
        self.names.extend(names);
        self
    }

    /// The purposes, in place of serverAuth and clientAuth. None at all means any.
    #[must_use]
    pub fn extended_key_usage(
        mut self,
        purposes: impl IntoIterator<Item = ExtendedKeyUsage>,
    ) -> Self {
        self.extended_key_usage = purposes.into_iter().collect();
        self
    }

    /// The bits of keyUsage, in place of those that fit the key.
    #[must_use]
    pub fn key_usage(mut self, usages: impl IntoIterator<Item = KeyUsage>) -> Self {
        self.key_usage = Some(usages.into_iter().collect());
        self
    }

    /// Takes the names that a request asks for, of every kind.
    #[must_use]
    pub fn copy_names(mut self, csr: &Csr) -> Self {
        self.requested_names.extend(csr.general_names());
        self
    }

    /// Takes all that a request asks for: names, keyUsage, extendedKeyUsage, and whatever else.
    /// Never taken: to be a CA, which is refused, and key identifiers and name constraints, which
    /// are the issuer's to say.
    pub fn copy_extensions(mut self, csr: &Csr) -> Result<Self, Error> {
        for extension in csr.extensions() {
            match extension.extn_id {
                rfc5280::ID_CE_SUBJECT_ALT_NAME
                | rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER
                | rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER
                | rfc5280::ID_CE_NAME_CONSTRAINTS => {}
                rfc5280::ID_CE_BASIC_CONSTRAINTS => {
                    let value = BasicConstraints::from_der(extension.extn_value.as_bytes());
                    if !value.is_ok_and(|value| !value.ca) {
                        return Err(Error::new(
                            Problem::InvalidValue,
                            "the request asks for a CA certificate; requests cannot grant that",
                        ));
                    }
                }
                _ => self.requested.push(extension.clone()),
            }
        }
        Ok(self.copy_names(csr))
    }

    /// Limits what a CA may sign for. With any name permitted, no other name of that kind is.
    #[must_use]
    pub fn name_constraints(
        mut self,
        permitted: impl IntoIterator<Item = NameConstraint>,
        excluded: impl IntoIterator<Item = NameConstraint>,
    ) -> Self {
        self.permitted.extend(permitted);
        self.excluded.extend(excluded);
        self
    }

    /// Where the OCSP responder of the issuer is.
    #[must_use]
    pub fn ocsp_url(mut self, url: impl Into<String>) -> Self {
        self.ocsp_urls.push(url.into());
        self
    }

    /// Where the issuer's certificate can be fetched, in DER.
    #[must_use]
    pub fn issuer_url(mut self, url: impl Into<String>) -> Self {
        self.issuer_urls.push(url.into());
        self
    }

    /// Where the issuer's CRL is.
    #[must_use]
    pub fn crl_url(mut self, url: impl Into<String>) -> Self {
        self.crl_urls.push(url.into());
        self
    }

    /// Promises that the server staples an OCSP response
    /// ([RFC 7633](https://www.rfc-editor.org/rfc/rfc7633)). Clients that check it refuse
    /// the server otherwise.
    #[must_use]
    pub fn must_staple(mut self) -> Self {
        self.must_staple = true;
        self
    }

    /// Shows the digest (SHA-256) of a key authorization, by which a server proves its name to an
    /// ACME CA (tls-alpn-01, [RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    ///
    /// # Errors
    /// Never, unless 32 bytes cannot be encoded.
    pub fn acme_identifier(mut self, digest: &[u8; 32]) -> Result<Self, Error> {
        self.requested.push(extension::acme_identifier(digest)?);
        Ok(self)
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(mut self, validity: Validity) -> Self {
        self.validity = Some(validity);
        self
    }

    /// A serial number of your own: a positive integer of at most 20 bytes, big-endian. Two
    /// certificates of one issuer never have the same.
    #[must_use]
    pub fn serial(mut self, serial: impl Into<Vec<u8>>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Signs the certificate with the key that it is for.
    pub fn self_signed(&self, key: &PrivateKey) -> Result<Certificate, Error> {
        if self.needs_issuer && self.subject.is_empty() {
            // An issuer name must not be empty (RFC 5280, section 4.1.2.4).
            let mut named = self.clone();
            named.subject.push("O", "self-signed certificate")?;
            return named.self_signed(key);
        }
        let subject = self.subject.to_der();
        self.sign(key.spki_der(), &subject, By::Itself, key)
    }

    /// Signs the certificate for `spki` (the DER of a SubjectPublicKeyInfo) with an issuer's key.
    pub fn signed_by(&self, issuer: &Issuer, spki: &[u8]) -> Result<Certificate, Error> {
        self.sign(spki, issuer.subject_der(), By::Issuer(issuer), issuer.key())
    }

    fn sign(
        &self,
        spki: &[u8],
        issuer: &[u8],
        by: By<'_>,
        key: &PrivateKey,
    ) -> Result<Certificate, Error> {
        let spki = self.old.as_ref().map_or(spki, |old| old.spki(spki));
        let serial = match &self.serial {
            Some(serial) => tbs::check_serial(serial)?,
            None => tbs::random_serial(self.serial_length)?,
        };
        let validity = match self.validity {
            Some(validity) => validity,
            None if self.kind == Kind::OpensslDefault => Validity::days(OPENSSL_DAYS)?,
            None => Validity::days(DEFAULT_DAYS)?,
        };
        let extensions = match self.kind {
            Kind::OpensslDefault => Vec::new(),
            _ => self.extensions(spki, by)?,
        };
        let subject = self.subject.to_der();
        let parts = tbs::Parts {
            serial,
            issuer: tbs::any(issuer)?,
            validity: validity.to_x509()?,
            subject: tbs::any(&subject)?,
            spki: tbs::any(spki)?,
            extensions,
            version_3: self.kind != Kind::OpensslDefault,
        };
        let signed = self.old.as_ref().map(|old| &old.signed);
        let der = sign_der_like(signed, key, |algorithm| parts.into_tbs(algorithm))?;
        Certificate::from_der(&der)
    }

    fn extensions(&self, spki: &[u8], by: By<'_>) -> Result<Vec<Extension>, Error> {
        if let Some(old) = &self.old {
            return old.extensions(spki, by);
        }
        let key = KeyAlgorithm::of_spki(spki)?;
        let mut all = Vec::new();
        let (ca, path_length) = match self.kind {
            Kind::Authority { path_length } => (true, path_length),
            _ => (false, None),
        };
        all.push(extension::basic_constraints(ca, path_length)?);
        let usages = self.key_usage.clone().unwrap_or_else(|| self.fitting_key_usage(key));
        if !usages.is_empty() {
            all.push(extension::key_usage(&usages)?);
        }
        if !self.extended_key_usage.is_empty() {
            all.push(extension::extended_key_usage(&self.extended_key_usage)?);
        }
        all.push(extension::subject_key_identifier(spki)?);
        if let By::Issuer(issuer) = by
            && let Some(id) = issuer.key_identifier()
        {
            all.push(extension::authority_key_identifier(id)?);
        }
        let names = self.general_names()?;
        if !names.is_empty() {
            all.push(extension::subject_alt_name(&names, self.subject.is_empty())?);
        }
        if !self.permitted.is_empty() || !self.excluded.is_empty() {
            all.push(extension::name_constraints(&self.permitted, &self.excluded)?);
        }
        if !self.crl_urls.is_empty() {
            all.push(extension::crl_distribution_points(&self.crl_urls)?);
        }
        if !self.ocsp_urls.is_empty() || !self.issuer_urls.is_empty() {
            all.push(extension::authority_info_access(&self.ocsp_urls, &self.issuer_urls)?);
        }
        if self.must_staple {
            all.push(extension::must_staple()?);
        }
        for requested in &self.requested {
            all.retain(|own| own.extn_id != requested.extn_id);
            all.push(requested.clone());
        }
        Ok(all)
    }

    fn general_names(&self) -> Result<Vec<GeneralName>, Error> {
        let mut names = Vec::new();
        for name in &self.names {
            names.push(name.to_general_name()?);
        }
        for name in &self.requested_names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(names)
    }

    /// [RFC 5280, section 4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3):
    /// keyEncipherment only for RSA (the RSA key exchange of TLS 1.2).
    fn fitting_key_usage(&self, key: KeyAlgorithm) -> Vec<KeyUsage> {
        match (self.kind, key) {
            (Kind::Authority { .. }, _) => vec![KeyUsage::KeyCertSign, KeyUsage::CrlSign],
            (_, KeyAlgorithm::Rsa { .. }) => {
                vec![KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment]
            }
            _ => vec![KeyUsage::DigitalSignature],
        }
    }
}
