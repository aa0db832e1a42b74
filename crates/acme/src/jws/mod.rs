//! Signed requests: the flattened JSON form of RFC 7515 as RFC 8555 section 6.2 narrows it.

mod jwk;

use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::protocol::{Kind, Problem};
pub use jwk::Jwk;

/// A signed request, as far as it can be read without knowing whose it is. Nothing in it is to be
/// believed before [`verify`](Self::verify).
#[derive(Debug)]
pub struct Jws {
    /// How it says it is signed.
    pub algorithm: Algorithm,
    /// Against repetition.
    pub nonce: Option<String>,
    /// What it is for.
    pub url: String,
    /// Whose it says it is.
    pub signer: Signer,
    signed: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Whose a request says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The key itself.
    Key(Jwk),
    /// The URL of an account, or the name of an EAB key.
    Id(String),
}

/// The algorithms that are taken. `none` is not one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Algorithm {
    ES256,
    ES384,
    ES512,
    RS256,
    EdDSA,
    /// For external account binding only.
    HS256,
}

/// Those for accounts' keys.
pub(crate) const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "ES512", "RS256", "EdDSA"];

#[derive(Deserialize)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
    /// Unprotected headers; and the general form, with several signatures.
    header: Option<serde_json::Value>,
    signatures: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Protected {
    alg: serde_json::Value,
    nonce: Option<String>,
    url: Option<String>,
    jwk: Option<serde_json::Value>,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
    b64: Option<serde_json::Value>,
}

impl Jws {
    /// Reads a request.
    ///
    /// # Errors
    /// What is not as RFC 8555 wants it.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let outer: Flattened = serde_json::from_slice(body)
            .map_err(|e| Problem::malformed(format!("the body is not a flattened JWS: {e}")))?;
        Self::from_flattened(outer)
    }

    /// Reads one that lies in the payload of another.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_value(value: serde_json::Value) -> Result<Self, Problem> {
        let outer: Flattened = serde_json::from_value(value)
            .map_err(|e| Problem::malformed(format!("the inner JWS is malformed: {e}")))?;
        Self::from_flattened(outer)
    }

    fn from_flattened(outer: Flattened) -> Result<Self, Problem> {
        if outer.header.is_some() || outer.signatures.is_some() {
            let what = "a JWS must have one signature and no unprotected header";
            return Err(Problem::malformed(what));
        }
        let protected = decode("protected", &outer.protected)?;
        let header: Protected = serde_json::from_slice(&protected)
            .map_err(|e| Problem::malformed(format!("the protected header: {e}")))?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(Problem::malformed("the protected header: crit and b64 are not supported"));
        }
        let signer = match (header.jwk, header.kid) {
            (Some(jwk), None) => Signer::Key(Jwk::from_value(jwk)?),
            (None, Some(kid)) => Signer::Id(kid),
            (Some(_), Some(_)) => {
                return Err(Problem::malformed(
                    "the protected header: either jwk or kid, not both",
                ));
            }
            (None, None) => {
                return Err(Problem::malformed(
                    "the protected header: jwk and kid are both missing",
                ));
            }
        };
        let Ok(algorithm) = Algorithm::deserialize(&header.alg) else {
            return Err(bad_algorithm(&format!("{} is not an algorithm for this", header.alg)));
        };
        let url = header.url.ok_or_else(|| Problem::malformed("the protected header: no url"))?;
        Ok(Self {
            algorithm,
            nonce: header.nonce,
            url,
            signer,
            payload: decode("payload", &outer.payload)?,
            signature: decode("signature", &outer.signature)?,
            signed: format!("{}.{}", outer.protected, outer.payload),
        })
    }

    /// Checks the signature with the key of an account.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn verify(&self, key: &Jwk) -> Result<(), Problem> {
        if !key.signs_by(self.algorithm) {
            let what = format!("{:?} does not match the type of the key", self.algorithm);
            return Err(bad_algorithm(&what));
        }
        if key.verifies(self.signed.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(Problem::malformed("the signature of the JWS does not verify"))
        }
    }

    /// Checks the signature with a secret (RFC 8555, section 7.3.4).
    ///
    /// # Errors
    /// When it does not fit.
    pub fn verify_hmac(&self, secret: &[u8]) -> Result<(), Problem> {
        if self.algorithm != Algorithm::HS256 {
            let mut problem = bad_algorithm("external account binding requires HS256");
            problem.algorithms = vec!["HS256".to_owned()];
            return Err(problem);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, self.signed.as_bytes(), &self.signature).map_err(|_| {
            Problem::unauthorized("the external account binding does not verify with its key")
        })
    }

    /// What was signed, as JSON.
    ///
    /// # Errors
    /// When it is not what is expected.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.payload)
            .map_err(|e| Problem::malformed(format!("the payload: {e}")))
    }

    /// Whether there is nothing in it: a request that only reads.
    #[must_use]
    pub fn is_post_as_get(&self) -> bool {
        self.payload.is_empty()
    }
}

/// Without padding and in the alphabet for URLs, as JOSE has it everywhere.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Reads [`base64url`].
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, Problem> {
    from_base64url(text)
        .ok_or_else(|| Problem::malformed(format!("{what}: not base64url without padding")))
}

fn bad_algorithm(detail: &str) -> Problem {
    let mut problem = Problem::new(Kind::BadSignatureAlgorithm, detail);
    problem.algorithms = ALGORITHMS.map(str::to_owned).to_vec();
    problem
}
