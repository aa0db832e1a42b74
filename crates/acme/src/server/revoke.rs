//! Revocation (RFC 8555, section 7.6): by the account whose certificate it is, by one that has proved
//! all its names, or by the holder of its key.

use hyper::StatusCode;
use sealwire::pki::{Certificate, RevocationReason};
use serde::Deserialize;

use super::{Answer, Call, Inner};
use crate::jws::from_base64url;
use crate::protocol::{Identifier, Kind, Problem};

#[derive(Deserialize)]
struct Revoke {
    certificate: String,
    reason: Option<i64>,
}

impl Inner {
    pub(super) fn revoke_cert(&self, call: &Call) -> Result<Answer, Problem> {
        let (wanted, account, key) = if Self::is_signed_by_key(call) {
            let (key, jws) = self.signed_by_key(call)?;
            (jws.payload::<Revoke>()?, None, Some(key))
        } else {
            let signed = self.signed(call)?;
            (signed.jws.payload::<Revoke>()?, Some(signed.account), None)
        };
        let der = from_base64url(&wanted.certificate)
            .ok_or_else(|| Problem::malformed("certificate: not base64url without padding"))?;
        let certificate = Certificate::from_der(&der)
            .map_err(|e| Problem::malformed(format!("certificate: {e}")))?;
        let reason = reason(wanted.reason)?;
        let serial = certificate.serial_hex();
        let found = self.store.certificate(&serial)?;
        // The whole certificate: a number alone could be of another's.
        let found = found.filter(|one| one.der.as_deref() == Some(&der));
        let found = found.ok_or_else(|| Problem::not_found("certificate"))?;
        let (may, by) = match (&account, &key) {
            (Some(account), _) => {
                let own = found.account.as_deref() == Some(account.id.as_str());
                (own || self.has_proved(&account.id, &certificate)?, account.id.clone())
            }
            (_, Some(key)) => (key.to_spki() == certificate.spki_der(), "its key".to_owned()),
            _ => (false, String::new()),
        };
        if !may {
            let what = "the request is not from the account of the certificate, an account with all its names validated, or its private key";
            return Err(Problem::unauthorized(what));
        }
        match self.store.revoke(&serial, reason, &by)? {
            true => Ok(Answer::new(StatusCode::OK)),
            false => Err(Problem::new(Kind::AlreadyRevoked, "the certificate is revoked already")),
        }
    }

    fn has_proved(&self, account: &str, certificate: &Certificate) -> Result<bool, Problem> {
        let names = certificate.subject_alt_names().unwrap_or_default();
        if names.is_empty() {
            return Ok(false);
        }
        for name in &names {
            let Some(identifier) = Identifier::from_general_name(name) else { return Ok(false) };
            let (host, wildcard) = identifier.without_wildcard();
            if self.store.authz_for(account, &host, wildcard, self.now())?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Those that a subscriber may give.
fn reason(code: Option<i64>) -> Result<RevocationReason, Problem> {
    Ok(match code.unwrap_or(0) {
        0 => RevocationReason::Unspecified,
        1 => RevocationReason::KeyCompromise,
        3 => RevocationReason::AffiliationChanged,
        4 => RevocationReason::Superseded,
        5 => RevocationReason::CessationOfOperation,
        9 => RevocationReason::PrivilegeWithdrawn,
        other => {
            let what = format!("unsupported reason {other}: use 0, 1, 3, 4, 5 or 9");
            return Err(Problem::new(Kind::BadRevocationReason, what));
        }
    })
}
