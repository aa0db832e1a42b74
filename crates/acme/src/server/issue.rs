//! Certificates for users without an ACME client: a request, and a token that says what it may be for.
//! Names are not validated: the token carries the permission.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;
use sealwire::pki::{Csr, ExtendedKeyUsage};
use serde::Deserialize;

use super::finalize::{bad_csr, names_of, new_serial, read_csr, unsigned};
use super::{Answer, Call, Inner};
use crate::authority::{Profile, Request, Signer, bytes_of_hex};
use crate::clock::Seconds;
use crate::jws::from_base64url;
use crate::protocol::{Identifier, Kind, Problem};
use crate::store::{Issued, Token};

/// What tokens were refused for lately, so that repeated requests do not fill the log.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<String, (String, Seconds)>>);

/// The same is noted again after this time.
const NOTED_AGAIN: Seconds = 60;

impl Refusals {
    fn is_new(&self, token: &str, why: &str, now: Seconds) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, since)| now < *since + NOTED_AGAIN);
        let told = all.get(token).is_some_and(|(before, _)| before == why);
        if !told {
            all.insert(token.to_owned(), (why.to_owned(), now));
        }
        !told
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// In base64url, as in ACME.
    csr: String,
    profile: Option<String>,
}

impl Inner {
    pub(super) fn issue_by_token(&self, call: &Call) -> Result<Answer, Problem> {
        let secret = call.bearer.as_deref().ok_or_else(no_token)?;
        // An unknown secret is not logged: any client could fill the log.
        let token = self.store.token(secret)?.ok_or_else(no_token)?;
        let answered = self.issue_for(&token, call);
        if let Err(problem) = &answered
            && problem.status < 500
            && self.refusals.is_new(&token.id, &problem.detail, self.now())
        {
            self.store.log_refused_token(&token, &problem.detail)?;
        }
        answered
    }

    fn issue_for(&self, token: &Token, call: &Call) -> Result<Answer, Problem> {
        let spent = |why: &str| Problem::unauthorized(format!("the token {why}")).status(401);
        if token.uses <= 0 {
            return Err(spent("is used up"));
        }
        if token.expires <= self.now() {
            return Err(spent("is too old"));
        }
        let wanted: Wanted = serde_json::from_slice(&call.body)
            .map_err(|e| Problem::malformed(format!("the request: {e}")))?;
        let der = from_base64url(&wanted.csr)
            .ok_or_else(|| bad_csr("it is not base64url without padding"))?;
        let csr = read_csr(&der)?;
        let profile = self.profile_for(token, wanted.profile.as_deref())?;
        let signer = self.authority.signer();
        let (names, user) = self.names_for(token, &csr, profile, &signer)?;
        let issued = self.signed_for(token, &csr, profile, &signer, &names, user.as_deref())?;
        if !self.store.record_by_token(token, &issued)? {
            return Err(spent("was used or ended in the meantime"));
        }
        let chain = self.chain(&issued, false)?;
        Ok(Answer::of_type(StatusCode::OK, "application/pem-certificate-chain", chain))
    }

    fn profile_for(&self, token: &Token, wanted: Option<&str>) -> Result<&Profile, Problem> {
        let permitted = &token.rules.profiles;
        let may = |name: &str| permitted.is_empty() || permitted.iter().any(|one| one == name);
        let mut all = self.settings.profiles.iter().filter(|profile| may(profile.name()));
        let found = match wanted {
            Some(name) => all.find(|profile| profile.name() == name),
            None => all.next(),
        };
        found.ok_or_else(|| {
            let shown: String = wanted.unwrap_or("none").chars().take(60).collect();
            let what = format!("profile {shown:?}: not allowed for this token");
            Problem::new(Kind::InvalidProfile, what)
        })
    }

    /// The names of a request, and its user, each permitted by the token.
    fn names_for(
        &self,
        token: &Token,
        csr: &Csr,
        profile: &Profile,
        signer: &Signer,
    ) -> Result<(Vec<Identifier>, Option<String>), Problem> {
        let mut names: BTreeSet<Identifier> = names_of(csr)?;
        let mut user = None;
        if let Some(name) = csr.subject().common_name() {
            if token.users.contains(&name) {
                user = Some(name);
            } else {
                names.insert(match name.parse() {
                    Ok(address) => Identifier::Ip(address),
                    Err(_) => Identifier::Dns(name.to_ascii_lowercase()),
                });
            }
        }
        if user.is_some() && !profile.purposes().contains(&ExtendedKeyUsage::CLIENT_AUTH) {
            return Err(bad_csr("a user gets client certificates: request the profile client"));
        }
        let mut problems = Vec::new();
        for name in &names {
            let shown: String = name.to_string().chars().take(100).collect();
            let refused = if token.rules.names.is_empty() || !token.rules.names.permit(name) {
                format!("{shown:?}: not allowed for this token")
            } else if !signer.may_sign_for(name) {
                format!("{shown:?}: outside the name constraints of this CA")
            } else if !self.settings.names.permit(name) {
                format!(
                    "{shown:?}: this server issues for names below {} only",
                    self.settings.names
                )
            } else {
                continue;
            };
            problems.push(Problem::new(Kind::RejectedIdentifier, refused).about(name));
        }
        Problem::all(problems)?;
        if names.is_empty() && user.is_none() {
            return Err(bad_csr("it requests no name"));
        }
        Ok((names.into_iter().collect(), user))
    }

    fn signed_for(
        &self,
        token: &Token,
        csr: &Csr,
        profile: &Profile,
        signer: &Signer,
        names: &[Identifier],
        user: Option<&str>,
    ) -> Result<Issued, Problem> {
        let serial = new_serial()?;
        let now = self.now();
        let request = Request {
            serial: &bytes_of_hex(&serial),
            identifiers: names,
            user,
            spki: csr.spki_der(),
            profile,
            not_before: None,
            not_after: None,
            crl_url: None,
            issuer_url: None,
            now,
        };
        let certificate = self.sign_by(signer, request).map_err(unsigned)?;
        Ok(Issued::now(&certificate, signer.id(), Some(token.asker()), names, now))
    }
}

fn no_token() -> Problem {
    let what = "this takes a token of `seal ca token new` that was not ended";
    Problem::unauthorized(what).status(401)
}
