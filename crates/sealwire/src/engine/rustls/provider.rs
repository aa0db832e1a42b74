//! The cryptography of the engine: AWS-LC's, with cipher suites that note in the connection's state what no other
//! interface of the engine's gives out: the Finished values and the secrets behind the exporter.
//!
//! A suite is a plain record of functions. These differ from the provider's own in the key
//! derivation, which computes the same and notes the result, and in the AEAD, which notes its keys
//! for the alert of a handshake that fails: a look at a thread-local slot, a few times in a handshake
//! and never afterwards. Beside the HMAC itself (3 µs) that cannot be
//! measured, so it is always done, without a request before the handshake. And what the engine
//! derives twice is computed once.

use std::sync::LazyLock;

use ::aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Algorithm, CHACHA20_POLY1305};
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls12::Prf;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};
use rustls::crypto::{ActiveKeyExchange, aws_lc_rs};
use rustls::{
    CipherSuite, CipherSuiteCommon, Error, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};

use super::derived::once as derive_once;
use super::hkdf::{self, Expander, HmacHkdf};
use super::last_alert::ObservedAead;
use super::slot;
use crate::engine::short::Short;

/// A suite of the provider's, as one that tells. The engine wants them to live for ever, so they
/// are made once for the process.
pub(super) fn told(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
        LazyLock::new(|| aws_lc_rs::ALL_CIPHER_SUITES.iter().map(make).collect());
    *SUITES.iter().find(|made| made.suite() == suite.suite()).expect("a suite of the provider's")
}

fn make(suite: &SupportedCipherSuite) -> SupportedCipherSuite {
    match suite {
        SupportedCipherSuite::Tls12(suite) => {
            let prf: &'static ObservedPrf = Box::leak(Box::new(ObservedPrf(suite.prf_provider)));
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: common(&suite.common),
                prf_provider: prf,
                kx: suite.kx,
                sign: suite.sign,
                aead_alg: suite.aead_alg,
            })))
        }
        SupportedCipherSuite::Tls13(suite) => {
            let hash = suite.common.hash_provider.output_len();
            let hkdf: &'static ObservedHkdf =
                Box::leak(Box::new(ObservedHkdf(hkdf::with_hash_of(hash))));
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                common: common(&suite.common),
                hkdf_provider: hkdf,
                aead_alg: Box::leak(Box::new(ObservedAead {
                    aead: suite.aead_alg,
                    algorithm: algorithm(suite.common.suite),
                    hash,
                })),
                quic: suite.quic,
            })))
        }
    }
}

/// The AEAD of a suite of TLS 1.3.
fn algorithm(suite: CipherSuite) -> &'static Algorithm {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => &AES_128_GCM,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => &CHACHA20_POLY1305,
        _ => &AES_256_GCM,
    }
}

fn common(of: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: of.suite,
        hash_provider: of.hash_provider,
        confidentiality_limit: of.confidentiality_limit,
    }
}

/// The pseudorandom function of TLS 1.2 (RFC 5246, section 5).
struct ObservedPrf(&'static dyn Prf);

impl Prf for ObservedPrf {
    fn for_key_exchange(
        &self,
        output: &mut [u8; 48],
        kx: Box<dyn ActiveKeyExchange>,
        peer_pub_key: &[u8],
        label: &[u8],
        seed: &[u8],
    ) -> Result<(), Error> {
        self.0.for_key_exchange(output, kx, peer_pub_key, label, seed)
    }

    fn for_secret(&self, output: &mut [u8], secret: &[u8], label: &[u8], seed: &[u8]) {
        match label {
            // The seed is made of the randoms, of which a connection has one pair.
            b"key expansion" => derive_once(0, secret, output, |output| {
                self.0.for_secret(output, secret, label, seed);
            }),
            _ => self.0.for_secret(output, secret, label, seed),
        }
        slot::handshake(|handshake| match label {
            b"client finished" => {
                handshake.secrets.finished.client = Short::of(output).unwrap_or_default();
            }
            b"server finished" => {
                handshake.secrets.finished.server = Short::of(output).unwrap_or_default();
            }
            b"key expansion" => handshake.secrets.note_master_secret(self.0, secret, seed),
            _ => {}
        });
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

/// The key derivation of TLS 1.3 (RFC 8446, section 7.1).
struct ObservedHkdf(&'static HmacHkdf);

impl Hkdf for ObservedHkdf {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        self.0.extract_from_zero_ikm(salt)
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        self.0.extract_from_secret(salt, secret)
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(ObservedExpander(self.0.expander(okm)))
    }

    /// Used for the binders of pre-shared keys, then for the server's Finished, last for the
    /// client's: on both sides, as each computes what it expects of the other.
    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        let tag = self.0.hmac_sign(key, message);
        slot::handshake(|handshake| handshake.secrets.finished.push(tag.as_ref()));
        tag
    }
}

/// Derives traffic keys and nonces once (RFC 8446, section 7.3).
struct ObservedExpander(Expander);

impl HkdfExpander for ObservedExpander {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        // HkdfLabel in pieces: length, length of the label, prefix, label, length of the context
        // and context, which is empty here.
        let what = match info {
            [_, _, b"tls13 ", b"key", _, b""] => 1,
            [_, _, b"tls13 ", b"iv", _, b""] => 2,
            _ => return self.0.expand_slice(info, output),
        };
        let mut outcome = Ok(());
        derive_once(what, self.0.secret(), output, |output| {
            outcome = self.0.expand_slice(info, output);
        });
        outcome
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        self.0.expand_block(info)
    }

    fn hash_len(&self) -> usize {
        self.0.hash_len()
    }
}
