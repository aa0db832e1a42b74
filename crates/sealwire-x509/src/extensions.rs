//! The extensions of certificates
//! ([RFC 5280 section 4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use std::ffi::c_int;
use std::net::IpAddr;

use aws_lc_sys as c;

use crate::asn1;
use crate::certificate::Certificate;
use crate::der::{CONTEXT_0, Element, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::error::{Error, ErrorQueue, Problem};
use crate::key_usage::KeyUsages;
use crate::name::{Name, name};
use crate::owned::{Free, Owned, elements, encoded};

/// One name of the subjectAltName extension.
///
/// A value that is not what its kind says never comes as that kind: a DNS name with a NUL or a
/// byte outside ASCII, or an address of five bytes, is [`Other`](Self::Other).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GeneralName {
    /// `dNSName`: ASCII without NUL, otherwise unchecked.
    Dns(String),
    /// `iPAddress`.
    Ip(IpAddr),
    /// `rfc822Name`: ASCII without NUL, otherwise unchecked.
    Email(String),
    /// `uniformResourceIdentifier`: ASCII without NUL, otherwise unchecked.
    Uri(String),
    /// `directoryName`.
    DirName(Name),
    /// `registeredID`, dotted.
    RegisteredId(String),
    /// `otherName`: its type, dotted, and the DER encoding of its value.
    OtherName {
        /// The type of name.
        oid: String,
        /// Its value, DER.
        value: Vec<u8>,
    },
    /// A kind without a type of its own, or a value that does not fit its kind.
    Other {
        /// The number of the choice in
        /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s GeneralName: 1 email, 2 DNS, 3 x400Address,
        /// 5 ediPartyName, 6 URI, 7 address.
        tag: u8,
        /// The bytes of the value; for 3 and 5 the whole GeneralName, DER.
        value: Vec<u8>,
    },
}

impl GeneralName {
    /// The names of a GeneralNames, DER: the value of the subjectAltName extension that a request
    /// asks for.
    ///
    /// # Errors
    /// [`Problem::Malformed`].
    pub fn all_from_der(der: &[u8]) -> Result<Vec<Self>, Error> {
        let malformed = || Error::fact(Problem::Malformed, "names that cannot be read");
        let names = Elements::of(der).enter(SEQUENCE).ok_or_else(malformed)?;
        names.map(|name| Self::of_element(name).ok_or_else(malformed)).collect()
    }

    fn of_element(name: Element<'_>) -> Option<Self> {
        Some(match (name.tag, name.contents) {
            (0x81, bytes) => text(1, bytes, Self::Email),
            (0x82, bytes) => text(2, bytes, Self::Dns),
            (0x86, bytes) => text(6, bytes, Self::Uri),
            (0x87, bytes) => address(bytes),
            (0x88, bytes) => Self::RegisteredId(dotted(bytes)?),
            (0xA0, bytes) => {
                let mut parts = Elements::of(bytes);
                let oid = dotted(parts.element(OBJECT_IDENTIFIER)?.contents)?;
                Self::OtherName { oid, value: parts.element(CONTEXT_0)?.contents.to_vec() }
            }
            (0xA4, bytes) => Self::DirName(Name::from_der(bytes).ok()?),
            (tag @ 0xA0..0xB0, _) => Self::Other { tag: tag - 0xA0, value: name.encoding.to_vec() },
            _ => return None,
        })
    }

    /// The name as OpenSSL's configuration has it: `DNS:localhost`, `IP:::1`, `email:a@b.example`,
    /// `URI:urn:x`, `RID:1.2.3`, `dirName:CN=x`, `otherName:1.2.3;UTF8:x`. It may hold any
    /// character that a stranger put there.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Dns(name) => format!("DNS:{name}"),
            Self::Ip(address) => format!("IP:{address}"),
            Self::Email(mailbox) => format!("email:{mailbox}"),
            Self::Uri(uri) => format!("URI:{uri}"),
            Self::RegisteredId(oid) => format!("RID:{oid}"),
            Self::DirName(name) => format!("dirName:{name}"),
            Self::OtherName { oid, value } => {
                let string = Elements::of(value).next().filter(|it| it.encoding == &value[..]);
                let kind = |tag| match tag {
                    12 => Some("UTF8"),
                    19 => Some("PRINTABLESTRING"),
                    22 => Some("IA5"),
                    _ => None,
                };
                let shown = string.and_then(|it| {
                    Some(format!("{}:{}", kind(it.tag)?, asn1::text_of_bytes(it.contents)))
                });
                let shown = shown.unwrap_or_else(|| format!("DER:{}", asn1::octets(value)));
                format!("otherName:{oid};{shown}")
            }
            Self::Other { tag, value } => {
                let kind = match tag {
                    1 => "email",
                    2 => "DNS",
                    3 => "x400Address",
                    5 => "ediPartyName",
                    6 => "URI",
                    7 => "IP",
                    _ => "name",
                };
                format!("{kind}:DER:{}", asn1::octets(value))
            }
        }
    }
}

/// The dotted form of the contents of an OBJECT IDENTIFIER.
fn dotted(contents: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc: u128 = 0;
    for &byte in contents {
        arc = arc.checked_mul(128)?.checked_add(u128::from(byte & 0x7F))?;
        if byte & 0x80 == 0 {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    let (&first, rest) = arcs.split_first()?;
    let root = (first / 40).min(2);
    let all = [root, first - root * 40].into_iter().chain(rest.iter().copied());
    let all: Vec<_> = all.map(|arc| arc.to_string()).collect();
    contents.last().is_some_and(|last| last & 0x80 == 0).then(|| all.join("."))
}

impl Certificate {
    /// The subjectAltName extension; empty when it is missing.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it cannot be read or is there twice.
    pub fn subject_alt_names(&self) -> Result<Vec<GeneralName>, Error> {
        let names = self.extension::<c::GENERAL_NAMES>(c::NID_subject_alt_name)?;
        let Some(names) = names else { return Ok(Vec::new()) };
        // SAFETY: a live stack of GENERAL_NAME, unchanged while it is walked.
        unsafe { elements(names.as_ptr()).map(|name| general_name(name)).collect() }
    }

    /// Whether this is a CA's certificate in OpenSSL's eyes (`X509_check_ca`): basicConstraints
    /// says so, or it is a self-signed v1 certificate; and keyUsage, if there, lets it sign.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate.
        unsafe { c::X509_check_ca(self.as_ptr()) == 1 }
    }

    /// Whether every extension that AWS-LC looks at could be read. When not, the getters for the
    /// unreadable ones give nothing, and [`verify`](crate::verify) says no.
    #[must_use]
    pub fn extensions_are_valid(&self) -> bool {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate.
        unsafe { c::X509_get_extension_flags(self.as_ptr()) & c::EXFLAG_INVALID as u32 == 0 }
    }

    /// The basicConstraints extension: whether it is a CA, and how many intermediate CAs may
    /// follow. `None` when it is missing or unreadable.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<(bool, Option<u32>)> {
        let _queue = ErrorQueue::new();
        let value = self.extension::<c::BASIC_CONSTRAINTS>(c::NID_basic_constraints).ok()??;
        // SAFETY: a live value, whose number is null or its own.
        let (ca, path_len) = unsafe { ((*value.as_ptr()).ca, (*value.as_ptr()).pathlen) };
        let mut len = 0;
        // SAFETY: null is not passed; a live number and a writable one.
        let small = !path_len.is_null()
            && unsafe { c::ASN1_INTEGER_get_uint64(&raw mut len, path_len) } == 1;
        let len = if small { u32::try_from(len).unwrap_or(u32::MAX) } else { u32::MAX };
        Some((ca != 0, (!path_len.is_null()).then_some(len)))
    }

    /// The keyUsage extension. `None` when it is missing or unreadable.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsages> {
        let value = self.extension::<c::ASN1_STRING>(c::NID_key_usage).ok()??;
        // SAFETY: a live BIT STRING.
        let bytes = unsafe { asn1::string_bytes(value.as_ptr()) };
        let byte = |index: usize| u16::from(bytes.get(index).copied().unwrap_or(0));
        Some(KeyUsages::from_bits(byte(0) | byte(1) << 8))
    }

    /// The extendedKeyUsage extension as dotted object identifiers. `None` when it is missing, or
    /// none that can be read.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<Vec<String>> {
        let value = self.extension::<c::EXTENDED_KEY_USAGE>(c::NID_ext_key_usage).ok()??;
        // SAFETY: a live stack of ASN1_OBJECT, unchanged while it is walked.
        let purposes = unsafe { elements::<_, c::ASN1_OBJECT>(value.as_ptr()) };
        // SAFETY: live objects.
        Some(purposes.map(|purpose| unsafe { asn1::oid_text(purpose) }).collect())
    }

    /// The subjectKeyIdentifier extension.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<Vec<u8>> {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate; the value is null or its own.
        unsafe { octets(c::X509_get0_subject_key_id(self.as_ptr())) }
    }

    /// The keyIdentifier of the authorityKeyIdentifier extension.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<Vec<u8>> {
        let _queue = ErrorQueue::new();
        // SAFETY: a live certificate; the value is null or its own.
        unsafe { octets(c::X509_get0_authority_key_id(self.as_ptr())) }
    }

    /// The authorityInfoAccess extension: what is to be had (OpenSSL's long name, `OCSP` or
    /// `CA Issuers`, or a dotted object identifier) and where. Empty when there is no such
    /// extension, or none that can be read.
    #[must_use]
    pub fn authority_info(&self) -> Vec<(String, GeneralName)> {
        let value = self.extension::<c::AUTHORITY_INFO_ACCESS>(c::NID_info_access);
        let Ok(Some(value)) = value else { return Vec::new() };
        // SAFETY: a live stack of ACCESS_DESCRIPTION, unchanged while it is walked.
        let descriptions = unsafe { elements::<_, c::ACCESS_DESCRIPTION>(value.as_ptr()) };
        let read = |description: *mut c::ACCESS_DESCRIPTION| {
            // SAFETY: a live description; the parser filled in both parts.
            let (method, oid, place) = unsafe {
                let method = c::OBJ_obj2nid((*description).method);
                let place = general_name((*description).location);
                (method, asn1::oid_text((*description).method), place)
            };
            Some((asn1::nid_long_name(method).map_or(oid, str::to_owned), place.ok()?))
        };
        descriptions.filter_map(read).collect()
    }

    /// Those of [`authority_info`](Self::authority_info) that are at a URI: method and URI.
    #[must_use]
    pub fn authority_info_access(&self) -> Vec<(String, String)> {
        let uri = |(method, place)| match place {
            GeneralName::Uri(uri) => Some((method, uri)),
            _ => None,
        };
        self.authority_info().into_iter().filter_map(uri).collect()
    }

    /// Where the certificate says that the revocation lists about it are (cRLDistributionPoints): the URIs.
    /// Empty when there is no such extension, or none that can be read.
    #[must_use]
    pub fn crl_uris(&self) -> Vec<String> {
        let Some(value) = self.extension_value(c::NID_crl_distribution_points) else {
            return Vec::new();
        };
        let points = Elements::of(&value).enter(SEQUENCE);
        // distributionPoint, and of its two forms fullName.
        let names = |point: Element<'_>| {
            Elements::of(point.contents).enter(CONTEXT_0)?.enter(CONTEXT_0).map(|names| {
                let read = names.filter_map(GeneralName::of_element);
                let uri = |name| match name {
                    GeneralName::Uri(uri) => Some(uri),
                    _ => None,
                };
                read.filter_map(uri).collect::<Vec<_>>()
            })
        };
        points.into_iter().flatten().filter_map(names).flatten().collect()
    }

    /// The list of signed certificate timestamps in the certificate
    /// ([RFC 6962, section 3.3](https://www.rfc-editor.org/rfc/rfc6962#section-3.3)), as in TLS.
    #[must_use]
    pub fn timestamp_list(&self) -> Option<Vec<u8>> {
        const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";
        let value = self.value_of(TIMESTAMPS)?;
        Some(Elements::of(&value).element(OCTET_STRING)?.contents.to_vec())
    }

    /// What the first extension with this object identifier holds, also where AWS-LC has no name for it.
    fn value_of(&self, oid: &str) -> Option<Vec<u8>> {
        // SAFETY: a live certificate; the extensions at its indices, and their parts, are its own.
        unsafe {
            (0..c::X509_get_ext_count(self.as_ptr()))
                .map(|index| c::X509_get_ext(self.as_ptr(), index))
                .filter(|&one| asn1::oid_text(c::X509_EXTENSION_get_object(one)) == oid)
                .map(|one| asn1::string_bytes(c::X509_EXTENSION_get_data(one)).to_vec())
                .next()
        }
    }

    /// Whether the certificate demands that its server staples an OCSP response: the TLS feature
    /// `status_request` ([RFC 7633](https://www.rfc-editor.org/rfc/rfc7633)), "must-staple".
    #[must_use]
    pub fn demands_staple(&self) -> bool {
        const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
        const STATUS_REQUEST: u64 = 5;
        let features = self.value_of(TLS_FEATURE);
        let features = features.unwrap_or_default();
        let mut listed = Elements::of(&features).enter(SEQUENCE).into_iter().flatten();
        listed.any(|feature| feature.number() == Some(STATUS_REQUEST))
    }

    /// The certificatePolicies extension as dotted object identifiers. `None` when it is missing, or
    /// none that can be read.
    #[must_use]
    pub fn policies(&self) -> Option<Vec<String>> {
        let value =
            self.extension::<c::CERTIFICATEPOLICIES>(c::NID_certificate_policies).ok()??;
        // SAFETY: a live stack of POLICYINFO, unchanged while it is walked.
        let policies = unsafe { elements::<_, c::POLICYINFO>(value.as_ptr()) };
        // SAFETY: live policies, whose object the parser filled in.
        Some(policies.map(|policy| unsafe { asn1::oid_text((*policy).policyid) }).collect())
    }

    /// The critical extensions that AWS-LC does not know, by OpenSSL's long name or dotted.
    #[must_use]
    pub fn unknown_critical_extensions(&self) -> Vec<String> {
        // SAFETY: a live certificate; the extensions at its indices are its own.
        unsafe {
            (0..c::X509_get_ext_count(self.as_ptr()))
                .map(|index| c::X509_get_ext(self.as_ptr(), index))
                .filter(|&extension| {
                    c::X509_EXTENSION_get_critical(extension) == 1
                        && c::X509_supported_extension(extension) == 0
                })
                .map(|extension| {
                    let object = c::X509_EXTENSION_get_object(extension);
                    let oid = asn1::oid_text(object);
                    match asn1::nid_long_name(c::OBJ_obj2nid(object)) {
                        Some(name) => format!("{name} ({oid})"),
                        None => oid,
                    }
                })
                .collect()
        }
    }

    /// Whether there is a subjectAltName extension, readable or not.
    #[must_use]
    pub fn has_subject_alt_name(&self) -> bool {
        self.has_extension(c::NID_subject_alt_name)
    }

    /// Whether there is a nameConstraints extension, readable or not.
    #[must_use]
    pub fn has_name_constraints(&self) -> bool {
        self.has_extension(c::NID_name_constraints)
    }

    /// How many names the certificate has, and how many constraints on names.
    pub(crate) fn name_counts(&self) -> (u64, u64) {
        // SAFETY: null or a live stack, of which only the length is asked.
        let len = |stack: *const c::OPENSSL_STACK| unsafe { c::OPENSSL_sk_num(stack) };
        let names = self.extension::<c::GENERAL_NAMES>(c::NID_subject_alt_name);
        let names = names.ok().flatten().map_or(0, |names| len(names.as_ptr().cast()));
        // SAFETY: a live certificate, and its own name.
        let subject = unsafe { c::X509_NAME_entry_count(c::X509_get_subject_name(self.as_ptr())) };
        let constraints = self.extension::<c::NAME_CONSTRAINTS>(c::NID_name_constraints);
        let constraints = constraints.ok().flatten().map_or(0, |constraints| {
            // SAFETY: a live value; its stacks are null or its own.
            let (permitted, excluded) = unsafe {
                let value = constraints.as_ptr();
                ((*value).permittedSubtrees, (*value).excludedSubtrees)
            };
            len(permitted.cast()) + len(excluded.cast())
        });
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (number(names).saturating_add(u64::try_from(subject).unwrap_or(0)), number(constraints))
    }

    /// Whether there is a basicConstraints extension, readable or not.
    pub(crate) fn has_basic_constraints(&self) -> bool {
        self.has_extension(c::NID_basic_constraints)
    }

    pub(crate) fn has_extension(&self, nid: c_int) -> bool {
        // SAFETY: a live certificate.
        unsafe { c::X509_get_ext_by_NID(self.as_ptr(), nid, -1) >= 0 }
    }

    /// Whether the extension is there and critical.
    pub(crate) fn is_critical(&self, nid: c_int) -> bool {
        // SAFETY: a live certificate; the extension at an index that it gave is its own.
        unsafe {
            let index = c::X509_get_ext_by_NID(self.as_ptr(), nid, -1);
            index >= 0 && c::X509_EXTENSION_get_critical(c::X509_get_ext(self.as_ptr(), index)) == 1
        }
    }

    /// The DER value of an extension; `None` when it is missing.
    pub(crate) fn extension_value(&self, nid: c_int) -> Option<Vec<u8>> {
        // SAFETY: a live certificate; the extension and its value are its own.
        unsafe {
            let index = c::X509_get_ext_by_NID(self.as_ptr(), nid, -1);
            if index < 0 {
                return None;
            }
            let extension = c::X509_get_ext(self.as_ptr(), index);
            Some(asn1::string_bytes(c::X509_EXTENSION_get_data(extension)).to_vec())
        }
    }

    /// The parsed value of an extension; `None` when it is missing.
    pub(crate) fn extension<T: Free>(&self, nid: c_int) -> Result<Option<Owned<T>>, Error> {
        let queue = ErrorQueue::new();
        let mut critical: c_int = -1;
        // SAFETY: a live certificate and a writable number. The value is null or new, and of the
        // type that belongs to the extension, which the callers name.
        let value = unsafe {
            let value =
                c::X509_get_ext_d2i(self.as_ptr(), nid, &raw mut critical, std::ptr::null_mut());
            Owned::new(value.cast::<T>())
        };
        match (value, critical) {
            (Some(value), _) => Ok(Some(value)),
            (None, -1) => Ok(None),
            (None, -2) => {
                let extension = asn1::nid_long_name(nid).unwrap_or("an extension");
                Err(Error::fact(Problem::Malformed, format!("{extension} appears twice")))
            }
            (None, _) => Err(queue.malformed()),
        }
    }
}

/// # Safety
/// `string` is null or live.
unsafe fn octets(string: *const c::ASN1_OCTET_STRING) -> Option<Vec<u8>> {
    // SAFETY: not null, so live.
    (!string.is_null()).then(|| unsafe { asn1::string_bytes(string) }.to_vec())
}

/// # Safety
/// `general_name` is live.
pub(crate) unsafe fn general_name(
    general_name: *mut c::GENERAL_NAME,
) -> Result<GeneralName, Error> {
    let mut tag = -1;
    // SAFETY: a live name and a writable number; the value belongs to the name, and its type
    // depends on the number.
    let value = unsafe { c::GENERAL_NAME_get0_value(general_name, &raw mut tag) };
    // SAFETY: live, and a string where the number says so.
    let bytes = || unsafe { asn1::string_bytes(value.cast()) };
    Ok(match tag {
        c::GEN_EMAIL => text(1, bytes(), GeneralName::Email),
        c::GEN_DNS => text(2, bytes(), GeneralName::Dns),
        c::GEN_URI => text(6, bytes(), GeneralName::Uri),
        c::GEN_IPADD => address(bytes()),
        // SAFETY: a live name that comes from the parser.
        c::GEN_DIRNAME => GeneralName::DirName(unsafe { name(value.cast()) }),
        // SAFETY: a live object.
        c::GEN_RID => GeneralName::RegisteredId(unsafe { asn1::oid_text(value.cast()) }),
        c::GEN_OTHERNAME => {
            let other = value.cast::<c::OTHERNAME>();
            // SAFETY: a live OTHERNAME, whose two parts the parser filled in.
            unsafe {
                GeneralName::OtherName {
                    oid: asn1::oid_text((*other).type_id),
                    value: encoded(|out| c::i2d_ASN1_TYPE((*other).value, out))?,
                }
            }
        }
        other => GeneralName::Other {
            tag: u8::try_from(other).unwrap_or(u8::MAX),
            // SAFETY: a live name.
            value: unsafe { encoded(|out| c::i2d_GENERAL_NAME(general_name, out)) }?,
        },
    })
}

/// An address of either length, or bytes of another length.
fn address(bytes: &[u8]) -> GeneralName {
    match *bytes {
        [a, b, c, d] => GeneralName::Ip([a, b, c, d].into()),
        _ => match <[u8; 16]>::try_from(bytes) {
            Ok(address) => GeneralName::Ip(address.into()),
            Err(_) => GeneralName::Other { tag: 7, value: bytes.to_vec() },
        },
    }
}

/// Text that could match something, or bytes that cannot.
fn text(tag: u8, bytes: &[u8], kind: fn(String) -> GeneralName) -> GeneralName {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() && !text.contains('\0') => kind(text.to_owned()),
        _ => GeneralName::Other { tag, value: bytes.to_vec() },
    }
}
