//! Work on many things, by as many threads as there are processors.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `work` makes of each of `all`, in no order: it adds to the list that it is given.
pub(super) fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T, &mut Vec<R>) + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut made = Vec::new();
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(one, &mut made);
        }
        made
    };
    let count = thread::available_parallelism().map_or(1, usize::from).min(all.len());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(some)).collect();
        let made =
            threads.into_iter().map(|one| one.join().unwrap_or_else(|why| resume_unwind(why)));
        made.flatten().collect()
    })
}
