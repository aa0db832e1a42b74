//! The ways of signing with RSA that others use and we keep when a certificate of theirs is renewed.

use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::asn1::Any;
use der::{Decode, Encode};
use spki::AlgorithmIdentifierOwned;

/// How RSA signs. What we make by ourselves has PKCS#1 v1.5 with SHA-256, which everybody reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RsaScheme {
    #[default]
    Pkcs1Sha256,
    Pkcs1Sha384,
    Pkcs1Sha512,
    PssSha256,
    PssSha384,
    PssSha512,
}

impl RsaScheme {
    /// That of a certificate, or ours where its own is another or too weak to be kept.
    pub(super) fn of(algorithm: &AlgorithmIdentifierOwned) -> Self {
        match algorithm.oid {
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Self::Pkcs1Sha384,
            rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Self::Pkcs1Sha512,
            rfc5912::ID_RSASSA_PSS => {
                // The digest is named in the parameters; its salt need not be as long as ours.
                let parameters = algorithm.parameters.as_ref().and_then(|any| any.to_der().ok());
                let names = |oid: ObjectIdentifier| {
                    let oid = oid.as_bytes();
                    parameters.iter().any(|of| of.windows(oid.len()).any(|part| part == oid))
                };
                match () {
                    () if names(rfc5912::ID_SHA_512) => Self::PssSha512,
                    () if names(rfc5912::ID_SHA_384) => Self::PssSha384,
                    () => Self::PssSha256,
                }
            }
            _ => Self::Pkcs1Sha256,
        }
    }

    pub(super) fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Pkcs1Sha256 => &RSA_PKCS1_SHA256,
            Self::Pkcs1Sha384 => &RSA_PKCS1_SHA384,
            Self::Pkcs1Sha512 => &RSA_PKCS1_SHA512,
            Self::PssSha256 => &RSA_PSS_SHA256,
            Self::PssSha384 => &RSA_PSS_SHA384,
            Self::PssSha512 => &RSA_PSS_SHA512,
        }
    }

    pub(super) fn algorithm(self) -> AlgorithmIdentifierOwned {
        let pkcs1 = |oid| AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) };
        match self {
            Self::Pkcs1Sha256 => pkcs1(rfc5912::SHA_256_WITH_RSA_ENCRYPTION),
            Self::Pkcs1Sha384 => pkcs1(rfc5912::SHA_384_WITH_RSA_ENCRYPTION),
            Self::Pkcs1Sha512 => pkcs1(rfc5912::SHA_512_WITH_RSA_ENCRYPTION),
            Self::PssSha256 => pss(1, 32),
            Self::PssSha384 => pss(2, 48),
            Self::PssSha512 => pss(3, 64),
        }
    }
}

/// RSASSA-PSS-params (RFC 4055, section 3.1) with one digest throughout and a salt as long as it:
/// `digest` is the last number of its identifier, 2.16.840.1.101.3.4.2.x.
fn pss(digest: u8, salt: u8) -> AlgorithmIdentifierOwned {
    let hash = [
        &[0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, digest][..],
        &[0x05, 0x00],
    ]
    .concat();
    let mgf1 = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
    let parameters = [
        &[0x30, 0x34, 0xa0, 0x0f][..],
        &hash,
        &[0xa1, 0x1c, 0x30, 0x1a],
        &mgf1,
        &hash,
        &[0xa2, 0x03, 0x02, 0x01, salt],
    ]
    .concat();
    let parameters = Any::from_der(&parameters).expect("written here");
    AlgorithmIdentifierOwned { oid: rfc5912::ID_RSASSA_PSS, parameters: Some(parameters) }
}
