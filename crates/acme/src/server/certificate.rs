//! Certificates, for their accounts; and public data: revocation lists, CAs.

use data_encoding::HEXUPPER;
use hyper::StatusCode;
use sealwire::pki::Certificate;

use super::{Answer, Call, Inner};
use crate::authority::bytes_of_hex;
use crate::protocol::{Kind, Problem};
use crate::store::{Issued, IssuerRecord, SignedCrl};

impl Inner {
    /// A certificate with its chain: as servers send it, without the root; as number 1, with it.
    pub(super) fn certificate(
        &self,
        call: &Call,
        serial: &str,
        number: usize,
    ) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let found = self.store.certificate(serial)?;
        let found = found.filter(|one| one.account.as_ref() == Some(&signed.account.id));
        let found = found.ok_or_else(|| Problem::not_found("certificate"))?;
        let with_root = match number {
            0 => false,
            1 => true,
            _ => return Err(Problem::not_found("certificate")),
        };
        let chain = self.chain(&found, with_root)?;
        let base = format!("{}/acme/certificate/{serial}", call.base);
        let other = if with_root { base } else { format!("{base}/1") };
        // No "up": acmez (Caddy) takes it for another chain, and asks for it by POST.
        Ok(Answer::of_type(StatusCode::OK, "application/pem-certificate-chain", chain)
            .header("link", &format!("<{other}>;rel=\"alternate\"")))
    }

    /// A certificate and those above it, PEM.
    pub(super) fn chain(&self, issued: &Issued, with_root: bool) -> Result<String, Problem> {
        let der = issued.der.as_deref().ok_or_else(|| Problem::not_found("certificate"))?;
        let above = match self.authority.signer_of(&issued.issuer) {
            Some(signer) => signer.chain().to_vec(),
            None => self.chain_of(&issued.issuer)?,
        };
        let above = above.iter().filter(|one| with_root || !one.is_self_signed());
        Ok(std::iter::once(pem(der)).chain(above.map(Certificate::to_pem)).collect())
    }

    /// The certificates of a CA whose key was replaced.
    fn chain_of(&self, issuer: &str) -> Result<Vec<Certificate>, Problem> {
        let issuer = self.store.issuer(issuer)?;
        let read = |issuer: IssuerRecord| Certificate::all_from_pem(issuer.chain.as_bytes()).ok();
        Ok(issuer.and_then(read).unwrap_or_default())
    }

    /// The revocation list of a CA, signed again after a revocation or half its lifetime.
    pub(super) fn crl(&self, file: &str) -> Result<Answer, Problem> {
        let id = file.strip_suffix(".crl").ok_or_else(|| Problem::not_found("list"))?;
        let now = self.now();
        let kept = self.store.crl(id)?;
        if let Some(kept) = &kept
            && !kept.stale
            && now < kept.made + (kept.next_update - kept.made) / 2
        {
            return Ok(crl_answer(&kept.der));
        }
        let Some(signer) = self.authority.signer_of(id) else {
            // Its key is not here; the last list is better than none.
            let kept = kept.ok_or_else(|| Problem::not_found("list"))?;
            return Ok(crl_answer(&kept.der));
        };
        let number = self.store.next_crl_number(id, 1)?;
        let revoked = self.store.revoked(id)?;
        let next_update = now + self.settings.crl_lasts;
        let crl = signer.sign_crl(number, now, next_update, &revoked).map_err(|e| {
            tracing::error!(reason = %e, "the revocation list could not be signed");
            Problem::new(Kind::ServerInternal, "the revocation list could not be signed")
        })?;
        let kept = SignedCrl { der: crl.der().to_vec(), next_update, made: now, stale: false };
        self.store.keep_crl(id, number, &kept)?;
        Ok(crl_answer(&kept.der))
    }

    /// A CA's certificate: `ID.cer` in DER, or `root.pem`, which is what clients have to trust.
    pub(super) fn ca(&self, file: &str) -> Result<Answer, Problem> {
        let none = || Problem::not_found("CA");
        if file == "root.pem" {
            let signer = self.authority.signer();
            let root = signer.chain().last().map(Certificate::to_pem).ok_or_else(none)?;
            return Ok(Answer::of_type(StatusCode::OK, "application/x-pem-file", root));
        }
        let id = file.strip_suffix(".cer").ok_or_else(none)?;
        let issuer = self.store.issuer(id)?.ok_or_else(none)?;
        let chain = Certificate::all_from_pem(issuer.chain.as_bytes()).map_err(|_| none())?;
        let first = chain.first().ok_or_else(none)?;
        Ok(Answer::of_type(StatusCode::OK, "application/pkix-cert", first.der()))
    }

    /// A certificate by its name for renewals (RFC 9773, section 4.1).
    pub(super) fn by_renewal_id(&self, id: &str) -> Result<Issued, Problem> {
        let none = || Problem::not_found("certificate");
        let (aki, serial) = id.split_once('.').ok_or_else(|| {
            Problem::malformed(
                "a certificate is named by its authority key identifier, a dot, and \
                                its serial number",
            )
        })?;
        let read = |text: &str| crate::jws::from_base64url(text).filter(|bytes| bytes.len() <= 64);
        let (aki, serial) = (read(aki).ok_or_else(none)?, read(serial).ok_or_else(none)?);
        let found =
            self.store.certificate(&HEXUPPER.encode(&serial))?.filter(|one| one.der.is_some());
        let found = found.filter(|one| bytes_of_hex(&one.issuer) == aki);
        found.ok_or_else(none)
    }
}

fn crl_answer(der: &[u8]) -> Answer {
    Answer::of_type(StatusCode::OK, "application/pkix-crl", der)
}

fn pem(der: &[u8]) -> String {
    sealwire::pki::pem::encode("CERTIFICATE", der)
}
