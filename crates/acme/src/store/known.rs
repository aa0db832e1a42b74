//! Accounts as they were read last, where no other process changes them: each of a client's requests
//! asks for its account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Account, Error};

#[derive(Default)]
pub(super) struct KnownAccounts(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: HashMap<String, Arc<Account>>,
    /// How often one was changed: what was read before a change is not kept after it.
    changes: u64,
}

/// When there are more, all are read again.
const MOST: usize = 10_000;

impl KnownAccounts {
    /// The account of this name, by `read` where it is not known.
    pub(super) fn get(
        &self,
        id: &str,
        read: impl FnOnce() -> Result<Option<Account>, Error>,
    ) -> Result<Option<Arc<Account>>, Error> {
        let changes = {
            let known = self.known();
            if let Some(account) = known.all.get(id) {
                return Ok(Some(account.clone()));
            }
            known.changes
        };
        let Some(account) = read()?.map(Arc::new) else { return Ok(None) };
        let mut known = self.known();
        if known.changes == changes {
            if known.all.len() >= MOST {
                known.all.clear();
            }
            known.all.insert(id.to_owned(), account.clone());
        }
        Ok(Some(account))
    }

    /// It was changed, or may have been.
    pub(super) fn forget(&self, id: &str) {
        let mut known = self.known();
        known.all.remove(id);
        known.changes += 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::Jwk;
    use crate::store::{AccountRules, AccountStatus};

    fn account(created: i64) -> Account {
        Account {
            id: "a".to_owned(),
            key: Jwk::Ed25519(vec![0; 32]),
            status: AccountStatus::Valid,
            contact: Vec::new(),
            created,
            eab: None,
            rules: AccountRules::default(),
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let known = KnownAccounts::default();
        let read = known.get("a", || {
            // Another thread changes it while this one reads.
            known.forget("a");
            Ok(Some(account(1)))
        });
        assert_eq!(read.unwrap().unwrap().created, 1);
        for created in [2, 3] {
            let read = known.get("a", || Ok(Some(account(created))));
            assert_eq!(read.unwrap().unwrap().created, 2, "read once, and kept");
        }
        known.forget("a");
        assert!(known.get("a", || Ok(None)).unwrap().is_none());
    }
}
