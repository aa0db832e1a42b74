//! Revocation lists.

use std::time::{Duration, SystemTime};

use napi_derive::napi;
use sealwire::pki::{CrlBuilder, Error, RevocationReason, Revoked};

use super::certificate::{IssuerOrder, hex};
use super::{Made, Order, invalid, parse};

/// A revocation list to be made.
#[napi(object, object_to_js = false)]
pub struct ListOrder {
    pub issuer: IssuerOrder,
    pub number: f64,
    pub days: Option<u32>,
    pub revoked: Vec<RevokedOrder>,
}

/// A certificate that is no longer good.
#[napi(object, object_to_js = false)]
pub struct RevokedOrder {
    pub serial: String,
    pub reason: Option<String>,
    /// In milliseconds since 1970.
    pub time: Option<f64>,
}

impl Order for ListOrder {
    fn make(self) -> Result<Made, Error> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let now = SystemTime::now();
        let list = CrlBuilder {
            number: (self.number as u64).into(),
            this_update: now,
            next_update: now
                .checked_add(DAY * self.days.unwrap_or(30))
                .ok_or_else(|| invalid("options.days: too many"))?,
            revoked: self.revoked.into_iter().map(revoked).collect::<Result<_, _>>()?,
        };
        let crl = list.signed_by(&self.issuer.read()?)?;
        Ok(Made { crl: Some(crl.to_pem()), ..Made::default() })
    }
}

fn revoked(order: RevokedOrder) -> Result<Revoked, Error> {
    let reason = match &order.reason {
        Some(text) => parse(text, "revoked.reason")?,
        None => RevocationReason::Unspecified,
    };
    let time = match order.time {
        Some(ms) => Duration::try_from_secs_f64(ms / 1000.0)
            .ok()
            .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
            .ok_or_else(|| invalid("options.revoked.date: no time from 1970 on"))?,
        None => SystemTime::now(),
    };
    Ok(Revoked { serial: hex(&order.serial)?, time, reason })
}
