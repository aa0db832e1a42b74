//! The extensions that we write, each with the criticality that
//! [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) asks for.

use aws_lc_rs::digest;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use der::asn1::OctetString;
use der::flagset::FlagSet;
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, NameConstraints,
};

use super::signature::unencodable;
use super::{Error, ExtendedKeyUsage, KeyUsage, NameConstraint, Problem, SubjectAltName, usage};

/// id-pe-tlsfeature ([RFC 7633](https://www.rfc-editor.org/rfc/rfc7633)).
const TLS_FEATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.24");

pub(super) fn extension(
    extn_id: ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> Result<Extension, Error> {
    let der = value.to_der().map_err(|e| unencodable(&e))?;
    let extn_value = OctetString::new(der).map_err(|e| unencodable(&e))?;
    Ok(Extension { extn_id, critical, extn_value })
}

pub(super) fn basic_constraints(ca: bool, path_length: Option<u8>) -> Result<Extension, Error> {
    let value = BasicConstraints { ca, path_len_constraint: path_length };
    extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &value)
}

pub(super) fn key_usage(usages: &[KeyUsage]) -> Result<Extension, Error> {
    let flags = usages.iter().fold(FlagSet::default(), |flags, usage| flags | usage::flag(*usage));
    extension(rfc5280::ID_CE_KEY_USAGE, true, &x509_cert::ext::pkix::KeyUsage(flags))
}

pub(super) fn extended_key_usage(purposes: &[ExtendedKeyUsage]) -> Result<Extension, Error> {
    let oids: Vec<_> = purposes.iter().map(|purpose| purpose.0).collect();
    extension(rfc5280::ID_CE_EXT_KEY_USAGE, false, &oids)
}

/// `critical` when the subject is empty
/// ([RFC 5280, section 4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
pub(super) fn subject_alt_name(
    names: &Vec<GeneralName>,
    critical: bool,
) -> Result<Extension, Error> {
    extension(rfc5280::ID_CE_SUBJECT_ALT_NAME, critical, names)
}

pub(super) fn subject_key_identifier(spki: &[u8]) -> Result<Extension, Error> {
    let id = OctetString::new(key_identifier(spki)?).map_err(|e| unencodable(&e))?;
    extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, &id)
}

/// `issuer` is the issuer's subjectKeyIdentifier.
pub(super) fn authority_key_identifier(issuer: &[u8]) -> Result<Extension, Error> {
    let id = OctetString::new(issuer).map_err(|e| unencodable(&e))?;
    let value = AuthorityKeyIdentifier { key_identifier: Some(id), ..Default::default() };
    extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &value)
}

pub(super) fn name_constraints(
    permitted: &[NameConstraint],
    excluded: &[NameConstraint],
) -> Result<Extension, Error> {
    let subtrees = |constraints: &[NameConstraint]| {
        let subtree = |constraint: &NameConstraint| {
            let base = constraint.to_general_name()?;
            Ok(GeneralSubtree { base, minimum: 0, maximum: None })
        };
        let subtrees = constraints.iter().map(subtree).collect::<Result<Vec<_>, Error>>()?;
        Ok::<_, Error>(Some(subtrees).filter(|list| !list.is_empty()))
    };
    let value = NameConstraints {
        permitted_subtrees: subtrees(permitted)?,
        excluded_subtrees: subtrees(excluded)?,
    };
    extension(rfc5280::ID_CE_NAME_CONSTRAINTS, true, &value)
}

/// Where the OCSP responder and the issuer's certificate are.
pub(super) fn authority_info_access(
    ocsp_urls: &[String],
    issuer_urls: &[String],
) -> Result<Extension, Error> {
    let describe = |access_method| {
        move |url: &String| Ok(AccessDescription { access_method, access_location: uri(url)? })
    };
    let ocsp = ocsp_urls.iter().map(describe(rfc5280::ID_AD_OCSP));
    let issuers = issuer_urls.iter().map(describe(rfc5280::ID_AD_CA_ISSUERS));
    let all = ocsp.chain(issuers).collect::<Result<Vec<_>, Error>>()?;
    extension(rfc5280::ID_PE_AUTHORITY_INFO_ACCESS, false, &all)
}

pub(super) fn crl_distribution_points(urls: &[String]) -> Result<Extension, Error> {
    let point = |url: &String| {
        Ok(DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![uri(url)?])),
            reasons: None,
            crl_issuer: None,
        })
    };
    let points = urls.iter().map(point).collect::<Result<Vec<_>, Error>>()?;
    extension(rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS, false, &points)
}

fn uri(text: &str) -> Result<GeneralName, Error> {
    SubjectAltName::uri(text)?.to_general_name()
}

/// "Must staple": the server promises an OCSP response in the handshake
/// ([RFC 7633](https://www.rfc-editor.org/rfc/rfc7633)).
pub(super) fn must_staple() -> Result<Extension, Error> {
    const STATUS_REQUEST: u8 = 5;
    extension(TLS_FEATURE, false, &vec![STATUS_REQUEST])
}

/// What a key authorization of ACME is known by. Critical, so that software which does not know it
/// refuses the certificate ([RFC 8737, section 3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
pub(super) fn acme_identifier(digest: &[u8; 32]) -> Result<Extension, Error> {
    const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
    let digest = OctetString::new(digest.as_slice()).map_err(|e| unencodable(&e))?;
    extension(ACME_IDENTIFIER, true, &digest)
}

/// SHA-1 of the public key's bits, the first method of
/// [RFC 5280, section 4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2), and OpenSSL's.
/// A label, not a security measure.
pub(super) fn key_identifier(spki: &[u8]) -> Result<Vec<u8>, Error> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki)
        .map_err(|e| Error::new(Problem::Malformed, format!("the public key: {e}")))?;
    let bits = spki.subject_public_key.raw_bytes();
    Ok(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref().to_vec())
}

/// The value of the extension `oid` in `extensions`, decoded.
pub(super) fn find<'a, T: Decode<'a>>(
    extensions: &'a [Extension],
    oid: ObjectIdentifier,
) -> Option<Result<T, T::Error>> {
    extensions.iter().find(|e| e.extn_id == oid).map(|e| T::from_der(e.extn_value.as_bytes()))
}
