//! Searches of the API: each request continues one for a short time, and returns what it has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::query::Filter;
use crate::store::{Order, Reader, Search, StoreError};

/// What a request may wait for.
const PATIENCE: Duration = Duration::from_millis(70);
/// Searches that are remembered; the least recently used is dropped.
const MOST: usize = 4;

/// The searches of a session's page that later requests may continue.
#[derive(Default)]
pub struct Searches(Mutex<Vec<(Asked, Arc<Mutex<Search>>)>>);

#[derive(PartialEq)]
struct Asked {
    filter: String,
    order: Order,
    last: i64,
}

impl Searches {
    /// Continues the search that was begun with `last` as its newest flow, or begins one, and tells
    /// `tell` where it stands.
    pub(super) fn go_on<T>(
        &self,
        reader: &Reader,
        (filter, text): (&Filter, &str),
        order: Order,
        last: Option<i64>,
        tell: impl FnOnce(&Search) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + PATIENCE;
        let search = match last.and_then(|last| self.find(text, order, last)) {
            Some(search) => search,
            None => self.remember(text, order, reader.search(filter, order, last)?),
        };
        let mut search = search.lock().unwrap_or_else(PoisonError::into_inner);
        reader.go_on(&mut search, until)?;
        tell(&search)
    }

    fn find(&self, filter: &str, order: Order, last: i64) -> Option<Arc<Mutex<Search>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |asked: &Asked| asked.filter == filter && asked.order == order && asked.last == last;
        let at = all.iter().position(|(asked, _)| is_it(asked))?;
        let it = all.remove(at);
        let search = Arc::clone(&it.1);
        all.push(it);
        Some(search)
    }

    fn remember(&self, filter: &str, order: Order, search: Search) -> Arc<Mutex<Search>> {
        let asked = Asked { filter: filter.to_owned(), order, last: search.last() };
        let search = Arc::new(Mutex::new(search));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(other, _)| *other != asked);
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push((asked, Arc::clone(&search)));
        search
    }
}
