//! From an order to a certificate (RFC 8555, section 7.4): the request is held to the order, the
//! number is taken, and only what is recorded is handed out.

use std::collections::BTreeSet;

use hyper::StatusCode;
use sealwire::pki::{Csr, KeyAlgorithm, Subject};
use serde::Deserialize;

use super::order::shown;
use super::{Answer, Call, Inner};
use crate::authority::{Refused, Request, bytes_of_hex};
use crate::jws::{Jwk, base64url, from_base64url};
use crate::protocol::{Identifier, Kind, Problem};
use crate::store::{Event, Issued, Order, OrderStatus, random};

#[derive(Deserialize)]
struct Finalize {
    csr: String,
}

impl Inner {
    pub(super) fn finalize(&self, call: &Call, id: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let mut order = self.current_order(id, &signed)?;
        match order.status {
            OrderStatus::Ready => {}
            // It was finalized before, by a request whose answer was lost.
            OrderStatus::Processing | OrderStatus::Valid => {
                return Ok(shown(StatusCode::OK, call, &order));
            }
            OrderStatus::Pending => {
                let what = "not all names of the order are proved";
                return Err(Problem::new(Kind::OrderNotReady, what));
            }
            OrderStatus::Invalid => {
                return Err(Problem::new(Kind::OrderNotReady, "the order has failed"));
            }
        }
        let wanted: Finalize = signed.jws.payload()?;
        let der = from_base64url(&wanted.csr)
            .ok_or_else(|| bad_csr("it is not base64url without padding"))?;
        check_csr(&der, &order.identifiers, &signed.account.key)?;
        order.csr = Some(base64url(&der));
        let mut serial = random::<16>()?;
        // Positive, and always of this length.
        serial[0] = serial[0] & 0x7f | 0x40;
        let serial: String = serial.iter().map(|byte| format!("{byte:02X}")).collect();
        let signer = self.authority.signer();
        let taken = Issued {
            serial: serial.clone(),
            issuer: signer.id().to_owned(),
            account: Some(order.account.clone()),
            created: self.now(),
            not_after: self.now(),
            revoked: None,
            replaced: None,
            subject: String::new(),
            names: String::new(),
            der: None,
        };
        if self.store.begin_signing(&order, &taken)? {
            order.serial = Some(serial);
            self.sign(&order)?;
        }
        let order = self.store.order(id)?.ok_or_else(|| Problem::not_found("order"))?;
        Ok(shown(StatusCode::OK, call, &order))
    }

    /// Signs for an order that was claimed. May be done again, by another node, when the first has
    /// died: what is recorded first counts.
    pub(super) fn sign(&self, order: &Order) -> Result<(), Problem> {
        let (Some(serial), Some(csr)) = (&order.serial, &order.csr) else {
            return Err(Problem::new(Kind::ServerInternal, "the order has lost its request"));
        };
        let profiles = &self.settings.profiles;
        let profile = profiles.iter().find(|profile| profile.name() == order.profile);
        let profile = profile.or_else(|| profiles.first());
        let profile =
            profile.ok_or_else(|| Problem::new(Kind::ServerInternal, "the CA has no profiles"))?;
        let csr = Csr::from_der(&from_base64url(csr).unwrap_or_default())
            .map_err(|e| bad_csr(&e.to_string()))?;
        let signer = self.authority.signer();
        let crl_url = self.settings.crl_base.as_ref();
        let crl_url = crl_url.map(|base| format!("{base}/crl/{}.crl", signer.id()));
        let issuer_url = self.settings.crl_base.as_ref();
        let issuer_url = issuer_url.map(|base| format!("{base}/ca/{}.cer", signer.id()));
        let signed = signer.sign(&Request {
            serial: &bytes_of_hex(serial),
            identifiers: &order.identifiers,
            spki: csr.spki_der(),
            profile,
            not_before: order.not_before,
            not_after: order.not_after,
            crl_url: crl_url.as_deref(),
            issuer_url: issuer_url.as_deref(),
            now: self.now(),
        });
        let certificate = match signed {
            Ok(certificate) => certificate,
            Err(refused) => return self.refused(order, refused),
        };
        let subject = Subject::from_der(certificate.subject().der());
        let names: Vec<_> = order.identifiers.iter().map(ToString::to_string).collect();
        let issued = Issued {
            serial: serial.clone(),
            issuer: signer.id().to_owned(),
            account: Some(order.account.clone()),
            created: self.now(),
            not_after: certificate.not_after(),
            revoked: None,
            replaced: None,
            subject: subject.map(|subject| subject.to_openssl()).unwrap_or_default(),
            names: names.join(" "),
            der: Some(certificate.der().to_vec()),
        };
        // Where another was faster, its certificate is the one.
        self.store.record_for_order(order, &issued)?;
        Ok(())
    }

    fn refused(&self, order: &Order, refused: Refused) -> Result<(), Problem> {
        let (problem, final_) = match refused {
            Refused::ByConstraints(why) => (Problem::new(Kind::RejectedIdentifier, why), true),
            Refused::TooLate(why) => (Problem::new(Kind::ServerInternal, why), false),
            Refused::Failed(e) => {
                tracing::error!(reason = %e, "signing failed");
                (Problem::new(Kind::ServerInternal, "the CA could not sign"), false)
            }
        };
        self.store.signing_failed(order)?;
        let event = Event::Refused {
            account: order.account.clone(),
            order: order.id.clone(),
            why: problem.detail.clone(),
        };
        self.store.log(&event)?;
        if final_ {
            self.fail(&mut order.clone(), problem.clone())?;
        }
        Err(problem)
    }
}

/// Holds a request to its order: its names and no others, a key that is one, and not the account's.
fn check_csr(der: &[u8], identifiers: &[Identifier], account: &Jwk) -> Result<(), Problem> {
    let csr = Csr::from_der(der).map_err(|e| bad_csr(&e.to_string()))?;
    csr.verify().map_err(|e| bad_csr(&e.to_string()))?;
    match csr.key_algorithm() {
        Ok(KeyAlgorithm::Rsa { bits }) if !(2048..=8192).contains(&bits) => {
            return Err(bad_csr(&format!("RSA keys have 2048 to 8192 bits here, not {bits}")));
        }
        Ok(_) => {}
        Err(e) => return Err(bad_csr(&e.to_string())),
    }
    if csr.spki_der() == account.to_spki() {
        return Err(bad_csr("its key is the account's; a certificate has a key of its own"));
    }
    let names = csr.subject_alt_names().map_err(|e| bad_csr(&e.to_string()))?;
    let mut asked = BTreeSet::new();
    for name in &names {
        match Identifier::from_general_name(name) {
            Some(identifier) => asked.insert(identifier),
            None => return Err(bad_csr("it asks for a name that is neither DNS nor IP")),
        };
    }
    if let Some(name) = csr.subject().common_name() {
        let identifier = match name.parse() {
            Ok(address) => Identifier::Ip(address),
            Err(_) => Identifier::Dns(name.to_ascii_lowercase()),
        };
        asked.insert(identifier);
    }
    let ordered: BTreeSet<_> = identifiers.iter().cloned().collect();
    if let Some(more) = asked.difference(&ordered).next() {
        let shown: String = more.to_string().chars().take(100).collect();
        return Err(bad_csr(&format!("it asks for {shown:?}, which the order does not")));
    }
    match ordered.difference(&asked).next() {
        Some(less) => Err(bad_csr(&format!("it does not ask for {less}, which the order does"))),
        None => Ok(()),
    }
}

fn bad_csr(why: &str) -> Problem {
    Problem::new(Kind::BadCsr, format!("the certificate request: {why}"))
}
