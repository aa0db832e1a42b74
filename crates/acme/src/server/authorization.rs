//! Authorizations and challenges (RFC 8555, section 7.5): what a client must show, and whether it did.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::claims::Claim;
use super::signed::Signed;
use super::{Answer, Call, Inner};
use crate::clock::{Seconds, rfc3339};
use crate::jws::base64url;
use crate::protocol::{Identifier, Problem};
use crate::store::{
    Authz, AuthzStatus, Challenge, ChallengeKind, ChallengeStatus, random, random_id,
};
use crate::validation::Proof;

#[derive(Deserialize)]
struct Update {
    status: Option<String>,
}

/// An order has to be finalized within this time of its last proof.
const SHORTEST_PROOF: Seconds = 600;

impl Inner {
    pub(super) fn new_authz(
        &self,
        account: &str,
        identifier: Identifier,
        wildcard: bool,
        expires: Seconds,
    ) -> Result<Authz, Problem> {
        use ChallengeKind::{Dns01, DnsPersist01, Http01, TlsAlpn01};
        let mut kinds = match (&identifier, wildcard) {
            (Identifier::Ip(_), _) => vec![Http01, TlsAlpn01],
            (_, true) => vec![Dns01],
            (_, false) => vec![Http01, Dns01, TlsAlpn01],
        };
        if self.settings.persist_as.is_some() && matches!(identifier, Identifier::Dns(_)) {
            kinds.push(DnsPersist01);
        }
        let challenge = |kind| {
            Ok(Challenge {
                kind,
                token: base64url(&random::<24>()?),
                status: ChallengeStatus::Pending,
                validated: None,
                error: None,
            })
        };
        Ok(Authz {
            id: random_id()?,
            account: account.to_owned(),
            identifier,
            wildcard,
            status: AuthzStatus::Pending,
            expires,
            challenges: kinds.into_iter().map(challenge).collect::<Result<_, Problem>>()?,
            claimed: None,
        })
    }

    pub(super) fn authorization(&self, call: &Call, id: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let mut authz = self.authz_of(id, &signed)?;
        if !signed.jws.is_post_as_get() {
            let update: Update = signed.jws.payload()?;
            if update.status.as_deref() != Some("deactivated") {
                return Err(Problem::malformed("an authorization can only be deactivated"));
            }
            authz.status = AuthzStatus::Deactivated;
            if !self.store.deactivate_authz(&authz)? {
                return Err(Problem::malformed("the authorization is already final"));
            }
        }
        let answer = Answer::json(StatusCode::OK, &self.authz_object(call, &authz));
        Ok(match authz.status {
            AuthzStatus::Processing => answer.header("retry-after", "1"),
            _ => answer,
        })
    }

    fn authz_of(&self, id: &str, signed: &Signed) -> Result<Authz, Problem> {
        let authz = self.store.authz(id)?.filter(|authz| authz.account == signed.account.id);
        let mut authz = authz.ok_or_else(|| Problem::not_found("authorization"))?;
        let open = matches!(authz.status, AuthzStatus::Pending | AuthzStatus::Valid);
        if open && self.now() > authz.expires {
            authz.status = AuthzStatus::Expired;
        }
        if let Some(claims) = &self.claims {
            claims.show_in(&mut authz);
        }
        Ok(authz)
    }

    /// Begins to check a challenge. `None`: one is being checked, or was.
    fn begin_validation(&self, begun: &Authz, place: usize) -> Result<Option<Begun>, Problem> {
        Ok(match &self.claims {
            Some(claims) => {
                claims.take(&begun.id, place).map(|claim| Begun { _claim: Some(claim) })
            }
            None => self.store.begin_validation(begun)?.then_some(Begun { _claim: None }),
        })
    }

    fn authz_object(&self, call: &Call, authz: &Authz) -> Value {
        let status = match authz.status {
            AuthzStatus::Processing => AuthzStatus::Pending,
            status => status,
        };
        // Once it is decided, only what decided it is of interest.
        let decided = |one: &&Challenge| match authz.status {
            AuthzStatus::Valid => one.status == ChallengeStatus::Valid,
            AuthzStatus::Invalid => one.status == ChallengeStatus::Invalid,
            _ => true,
        };
        let challenges: Vec<_> = authz
            .challenges
            .iter()
            .filter(decided)
            .map(|one| challenge_object(&call.base, self.persist_as(), authz, one))
            .collect();
        let mut object = json!({
            "identifier": authz.identifier,
            "status": status,
            "expires": rfc3339(authz.expires),
            "challenges": challenges,
        });
        if authz.wildcard {
            object["wildcard"] = true.into();
        }
        object
    }

    /// Reads a challenge, or begins to check it.
    pub(super) fn challenge(&self, call: &Call, id: &str, kind: &str) -> Result<Answer, Problem> {
        let signed = self.signed(call)?;
        let kind: ChallengeKind =
            serde_json::from_value(kind.into()).map_err(|_| Problem::not_found("challenge"))?;
        let mut authz = self.authz_of(id, &signed)?;
        let position = authz.challenges.iter().position(|one| one.kind == kind);
        let position = position.ok_or_else(|| Problem::not_found("challenge"))?;
        let begins = !signed.jws.is_post_as_get()
            && matches!(authz.status, AuthzStatus::Pending | AuthzStatus::Processing);
        let mut checked = None;
        if begins {
            let mut begun = authz.clone();
            begun.status = AuthzStatus::Processing;
            begun.challenges[position].status = ChallengeStatus::Processing;
            if let Some(until_done) = self.begin_validation(&begun, position)? {
                let proof = Self::proof(call, &begun, position, &signed);
                checked = Some(self.validate(call, proof, begun.clone(), position, until_done));
                authz = begun;
            } else {
                authz = self.authz_of(id, &signed)?;
            }
        }
        let challenge = &authz.challenges[position];
        let object = challenge_object(&call.base, self.persist_as(), &authz, challenge);
        let up = format!("<{}/acme/authz/{}>;rel=\"up\"", call.base, authz.id);
        let answer = Answer::json(StatusCode::OK, &object).header("link", &up);
        let answer = match authz.status {
            AuthzStatus::Processing => answer.header("retry-after", "1"),
            _ => answer,
        };
        Ok(match checked {
            Some(checked) => answer.checked(checked),
            None => answer,
        })
    }

    /// What is to be shown.
    fn proof(call: &Call, authz: &Authz, position: usize, signed: &Signed) -> Proof {
        let challenge = &authz.challenges[position];
        Proof {
            kind: challenge.kind,
            identifier: authz.identifier.clone(),
            wildcard: authz.wildcard,
            token: challenge.token.clone(),
            key_authorization: format!("{}.{}", challenge.token, signed.account.key.thumbprint()),
            accounts: vec![
                format!("{}/acme/account/{}", call.base, authz.account),
                signed.kid.clone(),
            ],
        }
    }

    /// Checks in the background, and tells the challenge as it is then.
    fn validate(
        &self,
        call: &Call,
        proof: Proof,
        mut authz: Authz,
        position: usize,
        begun: Begun,
    ) -> oneshot::Receiver<Vec<u8>> {
        let (store, check) = (self.store.clone(), self.check.clone());
        let proofs_last = self.settings.proofs_last.max(SHORTEST_PROOF);
        let (base, persist_as) = (call.base.clone(), self.settings.persist_as.clone());
        let at_once = self.answers_at_once();
        let (done, checked) = oneshot::channel();
        self.runtime.spawn(async move {
            let outcome = check(proof).await;
            let end = move || {
                conclude(&mut authz, position, outcome, store.clock().now(), proofs_last);
                if let Err(e) = store.end_validation(&authz) {
                    tracing::error!(reason = %e, "the result of the validation could not be stored");
                    return;
                }
                // From here on the database tells.
                drop(begun);
                let challenge = &authz.challenges[position];
                let object = challenge_object(&base, persist_as.as_deref(), &authz, challenge);
                // The client may be gone.
                let _ = done.send(serde_json::to_vec(&object).unwrap_or_default());
            };
            match at_once {
                true => end(),
                false => drop(tokio::task::spawn_blocking(end).await),
            }
        });
        checked
    }

    fn persist_as(&self) -> Option<&str> {
        self.settings.persist_as.as_deref()
    }
}

/// A check that has begun, and its claim, where that is not in the database.
struct Begun {
    _claim: Option<Claim>,
}

/// Notes in an authorization what came of a check.
fn conclude(
    authz: &mut Authz,
    position: usize,
    outcome: Result<(), Problem>,
    now: Seconds,
    proofs_last: Seconds,
) {
    let challenge = &mut authz.challenges[position];
    match outcome {
        Ok(()) => {
            challenge.status = ChallengeStatus::Valid;
            challenge.validated = Some(now);
            authz.status = AuthzStatus::Valid;
            authz.expires = now + proofs_last;
        }
        Err(problem) => {
            challenge.status = ChallengeStatus::Invalid;
            challenge.error = Some(problem);
            authz.status = AuthzStatus::Invalid;
        }
    }
}

fn challenge_object(
    base: &str,
    persist_as: Option<&str>,
    authz: &Authz,
    challenge: &Challenge,
) -> Value {
    let kind = serde_json::to_value(challenge.kind).unwrap_or_default();
    let name = kind.as_str().unwrap_or_default();
    let mut object = json!({
        "type": name,
        "url": format!("{base}/acme/challenge/{}/{name}", authz.id),
        "status": challenge.status,
        "token": challenge.token,
    });
    if let (ChallengeKind::DnsPersist01, Some(domain)) = (challenge.kind, persist_as) {
        object["issuer-domain-names"] = json!([domain]);
        object["accounturi"] = format!("{base}/acme/account/{}", authz.account).into();
    }
    if let Some(moment) = challenge.validated {
        object["validated"] = rfc3339(moment).into();
    }
    if let Some(error) = &challenge.error {
        object["error"] = serde_json::to_value(error).unwrap_or_default();
    }
    object
}
