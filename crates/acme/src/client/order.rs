//! One certificate, from the order to the files.

use std::time::Duration;

use instant_acme::{
    AuthorizationStatus, CertificateIdentifier, ChallengeType, NewOrder, Order, OrderStatus,
    RetryPolicy, RevocationRequest,
};
use sealwire::pki::{Certificate, Csr, KeyAlgorithm, PrivateKey, Subject, SubjectAltName};

use super::{Error, Responder, Session, Solver, said};
use crate::authority::bytes_of_hex;
use crate::clock::Seconds;
use crate::jws::base64url;
use crate::protocol::Identifier;
use crate::store::ChallengeKind;

/// What a CA has given.
pub struct Fetched {
    /// The certificate and its intermediates, PEM.
    pub chain: String,
    /// Its key.
    pub key: PrivateKey,
}

/// How long a CA may take, to check names or to sign.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(100)).timeout(Duration::from_secs(90));

/// After so long it is looked whether the names were refused: there are CAs whose orders are pending for
/// ever then.
const FIRST_LOOK: RetryPolicy = PATIENCE.timeout(Duration::from_secs(10));

/// Gets a certificate for these names, with a new key.
///
/// # Errors
/// What the CA says, or why it could not be shown what it wants to see.
pub async fn issue(
    session: &Session,
    names: &[String],
    profile: Option<&str>,
    replaces: Option<&Certificate>,
    key: KeyAlgorithm,
    solver: &dyn Solver,
) -> Result<Fetched, Error> {
    let names =
        names.iter().map(|name| name.parse()).collect::<Result<Vec<SubjectAltName>, _>>()?;
    let identifiers = names.iter().map(identifier).collect::<Result<Vec<_>, _>>()?;
    let wanted = || {
        let wanted = NewOrder::new(&identifiers);
        match profile {
            Some(profile) => wanted.profile(profile),
            None => wanted,
        }
    };
    let mut order = match replacing(session, wanted(), replaces).await {
        Some(order) => order,
        None => session.account.new_order(&wanted()).await?,
    };
    let mut shown = Vec::new();
    let proved = prove(&mut order, solver, &mut shown).await;
    for responder in &shown {
        if let Err(e) = solver.clean(responder).await {
            tracing::warn!(reason = %e, "the challenge response could not be removed");
        }
    }
    proved?;
    let key = PrivateKey::generate(key)?;
    let csr = Csr::builder(Subject::default()).names(names).sign(&key)?;
    order.finalize_csr(csr.der()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    let certificates = Certificate::all_from_pem(chain.as_bytes())?;
    match certificates.first() {
        Some(leaf) if key.matches(leaf) => Ok(Fetched { chain, key }),
        Some(_) => Err(Error::new("the CA's certificate is for another key")),
        None => Err(Error::new("the CA's response contains no certificate")),
    }
}

/// An order that says which certificate it replaces (RFC 9773, section 5). `None`: this CA does not know
/// that certificate, has had it replaced already, or takes the order without saying so again, as it
/// should; another one, which says nothing of it, is as good.
async fn replacing(
    session: &Session,
    wanted: NewOrder<'_>,
    replaces: Option<&Certificate>,
) -> Option<Order> {
    let id = replaces.and_then(renewal_id)?;
    // A CA without ARI knows no `replaces`.
    session.account.renewal_info(&id).await.ok()?;
    match session.account.new_order(&wanted.replaces(id)).await {
        Ok(order) => Some(order),
        Err(e) => {
            tracing::warn!(reason = %Error::from(e), "ordered without `replaces`");
            None
        }
    }
}

async fn prove(
    order: &mut Order,
    solver: &dyn Solver,
    shown: &mut Vec<Responder>,
) -> Result<(), Error> {
    let kind = challenge_type(solver.kind());
    let mut authorizations = order.authorizations();
    while let Some(next) = authorizations.next().await {
        let mut authorization = next?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(kind.clone()) else {
            return Err(Error::at(name, format!("the CA does not offer {kind:?} for it")));
        };
        let identifier = match challenge.identifier().identifier {
            instant_acme::Identifier::Dns(name) => Identifier::Dns(name.clone()),
            instant_acme::Identifier::Ip(address) => Identifier::Ip(*address),
            _ => return Err(Error::at(name, "not a host name or IP address")),
        };
        let responder = Responder {
            identifier,
            token: challenge.token.clone(),
            key_authorization: challenge.key_authorization().as_str().to_owned(),
        };
        shown.push(responder.clone());
        solver.present(&responder).await?;
        challenge.set_ready().await?;
    }
    let mut status = order.poll_ready(&FIRST_LOOK).await;
    for last in [false, true] {
        match status {
            Ok(OrderStatus::Ready | OrderStatus::Valid | OrderStatus::Processing) => return Ok(()),
            Err(instant_acme::Error::Timeout(_)) => {}
            Err(e) => return Err(e.into()),
            Ok(_) => break,
        }
        if let Some(refused) = refused(order).await {
            return Err(refused);
        }
        if last {
            break;
        }
        status = order.poll_ready(&PATIENCE).await;
    }
    Err(why_not(order).await)
}

/// What the CA says of an order that came to nothing.
async fn why_not(order: &mut Order) -> Error {
    match (refused(order).await, &order.state().error) {
        (Some(refused), _) => refused,
        (None, Some(problem)) => Error::new(said(problem)),
        (None, None) => match order.state().status {
            OrderStatus::Pending => Error::new("the CA did not validate the names within 100 s"),
            _ => Error::new("the CA says that the order is invalid, without a reason"),
        },
    }
}

/// What the CA says of the names that it did not find proved, if it says so of any.
async fn refused(order: &mut Order) -> Option<Error> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let errors = state.challenges.iter().filter_map(|one| one.error.as_ref());
        let before = reasons.len();
        reasons.extend(errors.map(said));
        if state.status == AuthorizationStatus::Invalid && reasons.len() == before {
            reasons
                .push(format!("the CA says that {} is not validated", authorization.identifier()));
        }
    }
    (!reasons.is_empty()).then(|| Error::new(reasons.join("; ")))
}

/// Revokes a certificate of this account.
///
/// # Errors
/// What the CA says.
pub async fn revoke(
    session: &Session,
    certificate: &Certificate,
    reason: Option<instant_acme::RevocationReason>,
) -> Result<(), Error> {
    let der = certificate.der().into();
    Ok(session.account.revoke(&RevocationRequest { certificate: &der, reason }).await?)
}

/// When the CA wants a certificate to be renewed, and after how long to ask again. `None`: it does
/// not say.
///
/// # Errors
/// What the CA says.
pub async fn renewal_window_of(
    session: &Session,
    certificate: &Certificate,
) -> Result<Option<(Seconds, Seconds, Seconds)>, Error> {
    let Some(id) = renewal_id(certificate) else { return Ok(None) };
    match session.account.renewal_info(&id).await {
        Ok((info, again)) => {
            let window = info.suggested_window;
            let again = Seconds::try_from(again.as_secs()).unwrap_or(Seconds::MAX);
            // Between a minute and a day, whatever it says (RFC 9773, section 4.3.3).
            let again = again.clamp(60, 86_400);
            Ok(Some((window.start.unix_timestamp(), window.end.unix_timestamp(), again)))
        }
        Err(instant_acme::Error::Unsupported(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn renewal_id(certificate: &Certificate) -> Option<CertificateIdentifier<'static>> {
    let authority = certificate.authority_key_id()?;
    let mut serial = bytes_of_hex(&certificate.serial_hex());
    // As DER has it: a number whose first bit is set begins with a zero.
    if serial.first().is_some_and(|first| first & 0x80 != 0) {
        serial.insert(0, 0);
    }
    Some(CertificateIdentifier {
        authority_key_identifier: base64url(&authority).into(),
        serial: base64url(&serial).into(),
    })
}

fn identifier(name: &SubjectAltName) -> Result<instant_acme::Identifier, Error> {
    match name {
        SubjectAltName::Dns(name) => Ok(instant_acme::Identifier::Dns(name.clone())),
        SubjectAltName::Ip(address) => Ok(instant_acme::Identifier::Ip(*address)),
        other => Err(Error::at(other, "ACME certifies host names and addresses")),
    }
}

fn challenge_type(kind: ChallengeKind) -> ChallengeType {
    match kind {
        ChallengeKind::Http01 => ChallengeType::Http01,
        ChallengeKind::Dns01 => ChallengeType::Dns01,
        ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        ChallengeKind::DnsPersist01 => ChallengeType::Unknown("dns-persist-01".to_owned()),
    }
}

/// The reason to give.
#[must_use]
pub fn reason(key_compromised: bool) -> Option<instant_acme::RevocationReason> {
    key_compromised.then_some(instant_acme::RevocationReason::KeyCompromise)
}
