//! Certificate signing requests (PKCS#10, [RFC 2986](https://www.rfc-editor.org/rfc/rfc2986)).

use std::path::Path;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::asn1::{Any, AnyRef, SetOfVec, Utf8StringRef};
use der::{Decode, Encode};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo};

use super::key::is_same_key;
use super::signature::{sign_der, unencodable, verify_der};
use super::{
    Content, Error, ExtendedKeyUsage, KeyAlgorithm, KeyUsage, PrivateKey, Problem, Subject,
    SubjectAltName, content, extension, pem, usage,
};

const LABEL: &str = "CERTIFICATE REQUEST";
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const UNSTRUCTURED_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.2");

/// A certificate signing request.
///
/// One that was read is not trusted: [`verify`](Self::verify) checks the possession of the key.
#[derive(Debug, Clone)]
pub struct Csr {
    der: Vec<u8>,
    subject: Subject,
    spki: Vec<u8>,
    attributes: SetOfVec<Attribute>,
    extensions: Vec<Extension>,
}

impl Csr {
    /// The request of `openssl req -new -key .. -subj ..`: the subject, no extensions.
    pub fn new(key: &PrivateKey, subject: &Subject) -> Result<Self, Error> {
        CsrBuilder::new(subject.clone()).sign(key)
    }

    /// A request with names, usages or attributes; see [`CsrBuilder`].
    pub fn builder(subject: Subject) -> CsrBuilder {
        CsrBuilder::new(subject)
    }

    /// Reads a request file, PEM or DER. Errors name the file.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        let csr = if pem::is_pem(&bytes) { Self::from_pem(&bytes) } else { Self::from_der(&bytes) };
        csr.map_err(|e| {
            let wanted = [Content::CertificateRequest];
            content::explained(e, &bytes, &wanted).at(path.display().to_string())
        })
    }

    /// Reads the first request of a PEM text (`CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`).
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let blocks = pem::blocks(pem);
        match blocks.iter().find(|b| [LABEL, "NEW CERTIFICATE REQUEST"].contains(&b.label())) {
            Some(block) => Self::from_der(&block.decode()?),
            None => {
                let instead = blocks.first().map(|b| format!(" (it contains a {})", b.label()));
                Err(Error::new(
                    Problem::NoPemBlock,
                    format!("no certificate request{}", instead.unwrap_or_default()),
                ))
            }
        }
    }

    /// Reads a request from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let malformed = |e: der::Error| {
            Error::new(Problem::Malformed, format!("the certificate request is broken: {e}"))
        };
        let info = CertReq::from_der(der).map_err(malformed)?.info;
        let mut extensions = Vec::new();
        for attribute in info.attributes.iter().filter(|a| a.oid == ID_EXTENSION_REQ) {
            for value in attribute.values.iter() {
                extensions.extend(value.decode_as::<Vec<Extension>>().map_err(malformed)?);
            }
        }
        Ok(Self {
            der: der.to_vec(),
            subject: Subject::from_der(&info.subject.to_der().map_err(malformed)?)?,
            spki: info.public_key.to_der().map_err(malformed)?,
            attributes: info.attributes,
            extensions,
        })
    }

    /// The request in DER, as it was read or made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// Checks that the request is signed with the key that it asks a certificate for.
    pub fn verify(&self) -> Result<(), Error> {
        verify_der(&self.der, &self.spki)
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The DER of the public key (a SubjectPublicKeyInfo).
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The kind of the public key.
    pub fn key_algorithm(&self) -> Result<KeyAlgorithm, Error> {
        KeyAlgorithm::of_spki(&self.spki)
    }

    /// Whether `key` is the key that the request was made with.
    pub fn matches(&self, key: &PrivateKey) -> bool {
        is_same_key(key.spki_der(), &self.spki)
    }

    /// The names asked for in subjectAltName. Kinds other than the four of [`SubjectAltName`]
    /// are not listed.
    pub fn names(&self) -> Vec<SubjectAltName> {
        self.general_names().iter().filter_map(SubjectAltName::from_general_name).collect()
    }

    /// The names asked for, of every kind.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when they cannot be read.
    pub fn subject_alt_names(&self) -> Result<Vec<super::GeneralName>, Error> {
        let wanted = |e: &&Extension| e.extn_id == rfc5280::ID_CE_SUBJECT_ALT_NAME;
        match self.extensions.iter().find(wanted) {
            Some(names) => super::GeneralName::all_from_der(names.extn_value.as_bytes()),
            None => Ok(Vec::new()),
        }
    }

    /// The bits of keyUsage asked for.
    pub fn key_usage(&self) -> Vec<KeyUsage> {
        extension::find(&self.extensions, rfc5280::ID_CE_KEY_USAGE)
            .and_then(Result::ok)
            .map(usage::of_flags)
            .unwrap_or_default()
    }

    /// The purposes asked for.
    pub fn extended_key_usage(&self) -> Vec<ExtendedKeyUsage> {
        extension::find::<Vec<ObjectIdentifier>>(&self.extensions, rfc5280::ID_CE_EXT_KEY_USAGE)
            .and_then(Result::ok)
            .unwrap_or_default()
            .into_iter()
            .map(ExtendedKeyUsage)
            .collect()
    }

    /// The challenge password
    /// ([RFC 2985, section 5.4.1](https://www.rfc-editor.org/rfc/rfc2985#section-5.4.1)),
    /// which some CAs ask for.
    pub fn challenge_password(&self) -> Option<String> {
        self.text_attribute(CHALLENGE_PASSWORD)
    }

    /// The unstructured name
    /// ([RFC 2985, section 5.4.2](https://www.rfc-editor.org/rfc/rfc2985#section-5.4.2)),
    /// `openssl req`'s "optional company name".
    pub fn unstructured_name(&self) -> Option<String> {
        self.text_attribute(UNSTRUCTURED_NAME)
    }

    /// The names asked for, of every kind.
    pub(super) fn general_names(&self) -> Vec<GeneralName> {
        extension::find(&self.extensions, rfc5280::ID_CE_SUBJECT_ALT_NAME)
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    pub(super) fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    fn text_attribute(&self, oid: ObjectIdentifier) -> Option<String> {
        let attribute = self.attributes.iter().find(|a| a.oid == oid)?;
        super::subject::text_of(attribute.values.iter().next()?)
    }
}

/// The content of a request besides the subject.
#[derive(Debug, Clone)]
pub struct CsrBuilder {
    subject: Subject,
    names: Vec<SubjectAltName>,
    key_usage: Vec<KeyUsage>,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    must_staple: bool,
    attributes: Vec<(ObjectIdentifier, String)>,
}

impl CsrBuilder {
    /// Begins a request for `subject`, which may be empty when there are names.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            names: Vec::new(),
            key_usage: Vec::new(),
            extended_key_usage: Vec::new(),
            must_staple: false,
            attributes: Vec::new(),
        }
    }

    /// Adds names to subjectAltName.
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = SubjectAltName>) -> Self {
        self.names.extend(names);
        self
    }

    /// Asks for these bits of keyUsage.
    #[must_use]
    pub fn key_usage(mut self, usages: impl IntoIterator<Item = KeyUsage>) -> Self {
        self.key_usage.extend(usages);
        self
    }

    /// Asks for these purposes.
    #[must_use]
    pub fn extended_key_usage(
        mut self,
        purposes: impl IntoIterator<Item = ExtendedKeyUsage>,
    ) -> Self {
        self.extended_key_usage.extend(purposes);
        self
    }

    /// Asks for "must staple" ([RFC 7633](https://www.rfc-editor.org/rfc/rfc7633)).
    #[must_use]
    pub fn must_staple(mut self) -> Self {
        self.must_staple = true;
        self
    }

    /// Adds a challenge password. It is written in the clear.
    #[must_use]
    pub fn challenge_password(mut self, password: &str) -> Self {
        self.attributes.push((CHALLENGE_PASSWORD, password.to_owned()));
        self
    }

    /// Adds an unstructured name ("optional company name").
    #[must_use]
    pub fn unstructured_name(mut self, name: &str) -> Self {
        self.attributes.push((UNSTRUCTURED_NAME, name.to_owned()));
        self
    }

    /// Signs the request.
    pub fn sign(&self, key: &PrivateKey) -> Result<Csr, Error> {
        let attributes = self.attributes()?;
        let subject = Name::from_der(&self.subject.to_der()).map_err(|e| unencodable(&e))?;
        let public_key =
            SubjectPublicKeyInfoOwned::from_der(key.spki_der()).map_err(|e| unencodable(&e))?;
        let der = sign_der(key, |_: AlgorithmIdentifierOwned| CertReqInfo {
            version: Default::default(),
            subject,
            public_key,
            attributes,
        })?;
        Csr::from_der(&der)
    }

    /// An empty set stays an empty set: the field is not optional, and OpenSSL writes it so.
    fn attributes(&self) -> Result<SetOfVec<Attribute>, Error> {
        let mut attributes = SetOfVec::new();
        let extensions = self.extensions()?;
        if !extensions.is_empty() {
            let value = Any::encode_from(&extensions).map_err(|e| unencodable(&e))?;
            attributes.insert(attribute(ID_EXTENSION_REQ, value)?).map_err(|e| unencodable(&e))?;
        }
        for (oid, text) in &self.attributes {
            let value = directory_string(text)?;
            attributes.insert(attribute(*oid, value)?).map_err(|_| {
                Error::new(Problem::InvalidValue, "the same attribute twice in a request")
            })?;
        }
        Ok(attributes)
    }

    fn extensions(&self) -> Result<Vec<Extension>, Error> {
        let mut extensions = Vec::new();
        if !self.key_usage.is_empty() {
            extensions.push(extension::key_usage(&self.key_usage)?);
        }
        if !self.extended_key_usage.is_empty() {
            extensions.push(extension::extended_key_usage(&self.extended_key_usage)?);
        }
        if !self.names.is_empty() {
            let names = self.names.iter().map(SubjectAltName::to_general_name);
            let names = names.collect::<Result<_, _>>()?;
            extensions.push(extension::subject_alt_name(&names, self.subject.is_empty())?);
        }
        if self.must_staple {
            extensions.push(extension::must_staple()?);
        }
        Ok(extensions)
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, Error> {
    let values = SetOfVec::try_from(vec![value]).map_err(|e| unencodable(&e))?;
    Ok(Attribute { oid, values })
}

/// UTF8String, as `openssl req` writes these attributes.
fn directory_string(text: &str) -> Result<Any, Error> {
    if text.is_empty() || text.contains('\0') {
        return Err(Error::new(
            Problem::InvalidValue,
            "an attribute of a request may not be empty",
        ));
    }
    let text = Utf8StringRef::new(text).map_err(|e| unencodable(&e))?;
    Ok(Any::from(AnyRef::from(text)))
}
