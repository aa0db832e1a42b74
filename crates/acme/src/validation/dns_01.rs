//! dns-01 (RFC 8555, section 8.4) and dns-persist-01 (a draft): texts in the DNS.

use aws_lc_rs::digest::{SHA256, digest};

use super::{Proof, Validator, excerpt};
use crate::jws::base64url;
use crate::protocol::{Identifier, Kind, Problem};

pub(super) async fn check(validator: &Validator, proof: &Proof) -> Result<(), Problem> {
    let name = format!("_acme-challenge.{}", host(proof)?);
    let wanted = base64url(digest(&SHA256, proof.key_authorization.as_bytes()).as_ref());
    let texts = validator.resolver.texts(&name).await?;
    if texts.contains(&wanted) {
        return Ok(());
    }
    Err(missing(&name, &texts, &wanted))
}

/// The record names the CA, and the account that may: `example.com; accounturi=https://...`. For
/// `*.` of the name, and names below, it has to say `policy=wildcard`.
pub(super) async fn check_persistent(validator: &Validator, proof: &Proof) -> Result<(), Problem> {
    let name = format!("_validation-persist.{}", host(proof)?);
    let Some(issuer) = &validator.settings.issuer_domain else {
        return Err(Problem::unauthorized("dns-persist-01 is not enabled"));
    };
    let texts = validator.resolver.texts(&name).await?;
    if texts.iter().any(|text| names(text, issuer, proof)) {
        return Ok(());
    }
    let account = proof.accounts.first().map_or("", String::as_str);
    let policy = if proof.wildcard { "; policy=wildcard" } else { "" };
    Err(missing(&name, &texts, &format!("{issuer}; accounturi={account}{policy}")))
}

fn names(text: &str, issuer: &str, proof: &Proof) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let named = parts.next().is_some_and(|domain| domain.eq_ignore_ascii_case(issuer));
    let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
    let has = |name: &str, fits: &dyn Fn(&str) -> bool| {
        parameters.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && fits(value))
    };
    // A time that has passed, or that cannot be read, ends the permission; times are not read here.
    let lasting = !has("persistUntil", &|_| true);
    named
        && lasting
        && has("accounturi", &|uri| proof.accounts.iter().any(|one| one == uri))
        && (!proof.wildcard || has("policy", &|policy| policy.eq_ignore_ascii_case("wildcard")))
}

fn host(proof: &Proof) -> Result<&str, Problem> {
    match &proof.identifier {
        Identifier::Dns(name) => Ok(name),
        Identifier::Ip(_) => Err(Problem::malformed("an address is not proved by the DNS")),
    }
}

fn missing(name: &str, texts: &[String], wanted: &str) -> Problem {
    let there = match texts {
        [] => "has no TXT record".to_owned(),
        [one] => format!("has {}", excerpt(one.as_bytes())),
        [one, ..] => format!("has {} and {} more", excerpt(one.as_bytes()), texts.len() - 1),
    };
    Problem::new(Kind::IncorrectResponse, format!("{name} {there}, where {wanted:?} should be"))
}
