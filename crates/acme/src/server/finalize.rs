//! From an order to a certificate (RFC 8555, section 7.4): the request is held to the order, the
//! number is taken, and only what is recorded is handed out.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use data_encoding::HEXUPPER;
use hyper::StatusCode;
use sealwire::pki::{Certificate, Csr, KeyAlgorithm};
use serde::Deserialize;

use super::claims::Claims;
use super::order::shown;
use super::{Answer, Call, Inner};
use crate::authority::{Refused, Request, Signer, bytes_of_hex};
use crate::jws::{Jwk, base64url, from_base64url};
use crate::protocol::{Identifier, Kind, Problem};
use crate::store::{Error, Event, Issued, Order, OrderStatus, Store, random};

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
                let what = "not all names of the order are validated";
                return Err(Problem::new(Kind::OrderNotReady, what));
            }
            OrderStatus::Invalid => {
                return Err(Problem::new(Kind::OrderNotReady, "the order has failed"));
            }
        }
        let wanted: Finalize = signed.jws.payload()?;
        let der = from_base64url(&wanted.csr)
            .ok_or_else(|| bad_csr("it is not base64url without padding"))?;
        let csr = check_csr(&der, &order.identifiers, &signed.account.key)?;
        let signs = match &self.claims {
            Some(claims) => self.sign_alone(claims, &mut order, &csr)?,
            None => self.sign_claimed(&mut order, &csr, &der)?,
        };
        if !signs {
            order = self.current_order(id, &signed)?;
        }
        Ok(shown(StatusCode::OK, call, &order))
    }

    /// Signs where there is one node. False: another request is at it.
    fn sign_alone(&self, claims: &Claims, order: &mut Order, csr: &Csr) -> Result<bool, Problem> {
        let Some(_until_recorded) = claims.take(&order.id, 0) else { return Ok(false) };
        order.serial = Some(new_serial()?);
        self.sign(order, csr, Store::record_order)?;
        Ok(true)
    }

    /// Claims the order and takes a number, in the database, and signs. False: another request was faster.
    fn sign_claimed(&self, order: &mut Order, csr: &Csr, der: &[u8]) -> Result<bool, Problem> {
        order.csr = Some(base64url(der));
        let serial = new_serial()?;
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
        if !self.store.begin_signing(order, &taken)? {
            return Ok(false);
        }
        order.serial = Some(serial);
        self.sign(order, csr, Store::record_for_order)?;
        Ok(true)
    }

    /// Signs for an order whose signer has died. Both may have signed: what is recorded first counts.
    pub(super) fn sign_again(&self, order: &mut Order) -> Result<(), Problem> {
        let lost = || {
            Problem::new(Kind::ServerInternal, "the certificate request of the order is missing")
        };
        let csr = order.csr.as_deref().and_then(from_base64url).ok_or_else(lost)?;
        let csr = Csr::from_der(&csr).map_err(|e| bad_csr(&e.to_string()))?;
        self.sign(order, &csr, Store::record_for_order)
    }

    /// Signs for an order that was claimed, and has `record` note it.
    fn sign(
        &self,
        order: &mut Order,
        csr: &Csr,
        record: fn(&Store, &Order, &Issued) -> Result<bool, Error>,
    ) -> Result<(), Problem> {
        let lost =
            || Problem::new(Kind::ServerInternal, "the serial number of the order is missing");
        let serial = order.serial.as_ref().ok_or_else(lost)?;
        let profiles = &self.settings.profiles;
        let profile = profiles.iter().find(|profile| profile.name() == order.profile);
        let profile = profile.or_else(|| profiles.first());
        let profile =
            profile.ok_or_else(|| Problem::new(Kind::ServerInternal, "the CA has no profiles"))?;
        let signer = self.authority.signer();
        let request = Request {
            serial: &bytes_of_hex(serial),
            identifiers: &order.identifiers,
            user: None,
            spki: csr.spki_der(),
            profile,
            not_before: order.not_before,
            not_after: order.not_after,
            crl_url: None,
            issuer_url: None,
            now: self.now(),
        };
        let certificate = match self.sign_by(&signer, request) {
            Ok(certificate) => certificate,
            Err(refused) => return self.refused(order, refused),
        };
        let account = Some(order.account.clone());
        let issued =
            Issued::now(&certificate, signer.id(), account, &order.identifiers, self.now());
        if self.recorded_whole(&issued.serial, || record(&self.store, order, &issued))? {
            order.status = OrderStatus::Valid;
        } else if let Some(recorded) = self.store.order(&order.id)? {
            // Another was faster: its certificate is the one, when it is on the disk.
            *order = recorded;
            if order.status == OrderStatus::Valid && self.is_being_recorded(order) {
                order.status = OrderStatus::Processing;
            }
        }
        Ok(())
    }

    /// Records a certificate. Until it is on the disk, no other request sees it; where that
    /// fails, none ever does.
    fn recorded_whole(
        &self,
        serial: &str,
        record: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let recording = || self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        recording().insert(serial.to_owned());
        let recorded = record()?;
        recording().remove(serial);
        Ok(recorded)
    }

    /// Whether this node is signing for an order.
    pub(super) fn is_being_signed(&self, order: &Order) -> bool {
        self.claims.as_ref().is_some_and(|claims| claims.has(&order.id))
    }

    /// Whether the certificate of an order is still on its way to the disk.
    pub(super) fn is_being_recorded(&self, order: &Order) -> bool {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        order.serial.as_ref().is_some_and(|serial| recording.contains(serial))
    }

    /// Signs, and writes in where the revocation list and the issuer's certificate are.
    pub(super) fn sign_by(
        &self,
        signer: &Signer,
        request: Request<'_>,
    ) -> Result<Certificate, Refused> {
        let base = self.settings.crl_base.as_ref();
        let crl_url = base.map(|base| format!("{base}/crl/{}.crl", signer.id()));
        let issuer_url = base.map(|base| format!("{base}/ca/{}.cer", signer.id()));
        let (crl_url, issuer_url) = (crl_url.as_deref(), issuer_url.as_deref());
        signer.sign(&Request { crl_url, issuer_url, ..request })
    }

    fn refused(&self, order: &Order, refused: Refused) -> Result<(), Problem> {
        let final_ = matches!(refused, Refused::ByConstraints(_));
        let problem = unsigned(refused);
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

/// Why nothing was signed, as a problem document.
pub(super) fn unsigned(refused: Refused) -> Problem {
    match refused {
        Refused::ByConstraints(why) => Problem::new(Kind::RejectedIdentifier, why),
        Refused::TooLate(why) => Problem::new(Kind::ServerInternal, why),
        Refused::Failed(e) => {
            tracing::error!(reason = %e, "signing failed");
            Problem::new(Kind::ServerInternal, "the CA could not sign")
        }
    }
}

/// The number of a certificate, in hexadecimal: positive, and always of this length.
pub(super) fn new_serial() -> Result<String, Error> {
    let mut serial = random::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(HEXUPPER.encode(&serial))
}

/// A request that is signed by its key, which is one that is good enough.
pub(super) fn read_csr(der: &[u8]) -> Result<Csr, Problem> {
    let csr = Csr::from_der(der).map_err(|e| bad_csr(&e.to_string()))?;
    csr.verify().map_err(|e| bad_csr(&e.to_string()))?;
    match csr.key_algorithm() {
        Ok(KeyAlgorithm::Rsa { bits }) if !(2048..=8192).contains(&bits) => {
            Err(bad_csr(&format!("an RSA key must have 2048 to 8192 bits, not {bits}")))
        }
        Ok(_) => Ok(csr),
        Err(e) => Err(bad_csr(&e.to_string())),
    }
}

/// Holds a request to its order: its names and no others, and a key that is not the account's.
fn check_csr(der: &[u8], identifiers: &[Identifier], account: &Jwk) -> Result<Csr, Problem> {
    let csr = read_csr(der)?;
    if csr.spki_der() == account.to_spki() {
        return Err(bad_csr("its key is the account key; a certificate must have its own key"));
    }
    let mut asked = names_of(&csr)?;
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
        return Err(bad_csr(&format!("it requests {shown:?}, which is not in the order")));
    }
    match ordered.difference(&asked).next() {
        Some(less) => Err(bad_csr(&format!("it does not request {less}, which is in the order"))),
        None => Ok(csr),
    }
}

/// The hosts and addresses in a request's subjectAltName, which must contain nothing else.
pub(super) fn names_of(csr: &Csr) -> Result<BTreeSet<Identifier>, Problem> {
    let names = csr.subject_alt_names().map_err(|e| bad_csr(&e.to_string()))?;
    let read = |name| {
        Identifier::from_general_name(name)
            .ok_or_else(|| bad_csr("it requests a name that is not a DNS name or IP address"))
    };
    names.iter().map(read).collect()
}

pub(super) fn bad_csr(why: &str) -> Problem {
    Problem::new(Kind::BadCsr, format!("the certificate request: {why}"))
}
