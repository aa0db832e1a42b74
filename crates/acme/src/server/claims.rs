//! Claims of a single node, in memory, so that the database is asked only for what stays.
//! A node that dies takes its claims with it, and the work may be begun again at once. What is done twice all
//! the same counts once: the database takes the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{Authz, AuthzStatus, ChallengeStatus};

/// What is being worked at: orders, and authorizations with the place of the challenge that is checked.
#[derive(Debug, Default, Clone)]
pub(super) struct Claims(Arc<Mutex<HashMap<String, usize>>>);

/// A claim, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Claims,
    id: String,
}

impl Claims {
    /// `None`: it is claimed.
    pub(super) fn take(&self, id: &str, place: usize) -> Option<Claim> {
        let mut all = self.all();
        if all.contains_key(id) {
            return None;
        }
        all.insert(id.to_owned(), place);
        Some(Claim { claims: self.clone(), id: id.to_owned() })
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.all().contains_key(id)
    }

    /// Shows in an authorization which of its challenges is being checked.
    pub(super) fn show_in(&self, authz: &mut Authz) {
        let place = self.all().get(&authz.id).copied();
        if let (AuthzStatus::Pending, Some(place)) = (authz.status, place)
            && let Some(challenge) = authz.challenges.get_mut(place)
        {
            authz.status = AuthzStatus::Processing;
            challenge.status = ChallengeStatus::Processing;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.all().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;

    #[test]
    fn a_claim_lasts_until_it_is_dropped() {
        let claims = Claims::default();
        let first = claims.take("a", 0).expect("nobody is at it");
        assert!(claims.take("a", 1).is_none() && claims.has("a"));
        assert!(claims.take("b", 0).is_some() && !claims.has("b"), "dropped at once");
        drop(first);
        assert!(!claims.has("a") && claims.take("a", 1).is_some());
    }
}
