//! How long a handshake may take, by timers that are used again.
//!
//! The first timer of a tokio runtime interrupts the runtime's next wait: a system call and a turn of the
//! loop on each side, for every handshake when they come one at a time. So a few timers stay set when
//! their handshakes are done, and the next handshake moves the end of one on, which takes no lock and no call.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, TryLockError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::Error;

/// The timers of an acceptor or connector, shared by its clones.
#[derive(Clone, Default)]
pub(super) struct Deadlines(Arc<Mutex<Vec<Timer>>>);

struct Timer {
    /// Where it is set: only a runtime that is alive may be asked for the time.
    runtime: Id,
    sleep: Pin<Box<Sleep>>,
}

/// How many timers are kept.
const KEPT: usize = 16;

impl Deadlines {
    /// Waits for `handshake`, at most `timeout`.
    pub(super) async fn within(
        &self,
        timeout: Duration,
        handshake: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        let mut handshake = pin!(handshake);
        let mut timer = None;
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(outcome) = handshake.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            let timer = timer.get_or_insert_with(|| self.set(timeout));
            timer.poll(cx).map(|()| Err(Error::HandshakeTimedOut))
        });
        let outcome = outcome.await;
        if let Some(timer) = timer {
            self.keep(timer);
        }
        outcome
    }

    fn set(&self, timeout: Duration) -> Timer {
        let runtime = Handle::current().id();
        // A time that is beyond all clocks does not come.
        let now = Instant::now();
        let end = now.checked_add(timeout).unwrap_or_else(|| now + FAR);
        match self.take(runtime) {
            Some(mut timer) => {
                timer.sleep.as_mut().reset(end);
                timer
            }
            None => Timer { runtime, sleep: Box::pin(sleep_until(end)) },
        }
    }

    /// One that is still set in this runtime, without waiting for another thread.
    fn take(&self, runtime: Id) -> Option<Timer> {
        let mut kept = self.try_lock()?;
        // A runtime that is over has let all its timers ring.
        kept.retain(|timer| !timer.sleep.is_elapsed());
        let found = kept.iter().rposition(|timer| timer.runtime == runtime)?;
        Some(kept.swap_remove(found))
    }

    fn keep(&self, mut timer: Timer) {
        // It lets go of the task that it would have woken.
        if timer.poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        if let Some(mut kept) = self.try_lock().filter(|kept| kept.len() < KEPT) {
            kept.push(timer);
        }
    }

    fn try_lock(&self) -> Option<std::sync::MutexGuard<'_, Vec<Timer>>> {
        match self.0.try_lock() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Timer {
    /// Whatever else the task has done in this turn: a handshake that is never out of work ends, too.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        pin!(tokio::task::unconstrained(self.sleep.as_mut())).poll(cx)
    }
}

impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deadlines")
    }
}

/// Thirty years, as in tokio.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    fn kept(deadlines: &Deadlines) -> usize {
        deadlines.0.lock().unwrap().len()
    }

    /// A handshake that waits once.
    async fn one_turn() -> Result<(), Error> {
        tokio::task::yield_now().await;
        Ok(())
    }

    #[test]
    fn a_timer_is_used_again() {
        let deadlines = Deadlines::default();
        runtime().block_on(async {
            for _ in 0..3 {
                deadlines.within(LONG, one_turn()).await.unwrap();
                assert_eq!(kept(&deadlines), 1);
            }
            deadlines.within(LONG, ready(Ok(()))).await.unwrap();
            let late = deadlines.within(Duration::ZERO, pending()).await;
            assert!(matches!(late, Err(Error::HandshakeTimedOut)), "{late:?}");
            assert_eq!(kept(&deadlines), 0, "it has rung");
        });
    }

    #[test]
    fn one_that_is_used_again_rings_at_its_new_time() {
        let [short, long] = [2, 4].map(Duration::from_millis);
        for (before, after) in [(LONG, short), (short, long)] {
            let deadlines = Deadlines::default();
            runtime().block_on(async {
                deadlines.within(before, one_turn()).await.unwrap();
                let start = Instant::now();
                let late = deadlines.within(after, pending()).await;
                assert!(matches!(late, Err(Error::HandshakeTimedOut)), "{late:?}");
                assert!(start.elapsed() >= after);
            });
        }
    }

    #[test]
    fn the_timer_of_a_runtime_that_is_over_is_not_used() {
        let deadlines = Deadlines::default();
        for _ in 0..3 {
            runtime().block_on(deadlines.within(LONG, one_turn())).unwrap();
            assert_eq!(kept(&deadlines), 1);
        }
    }

    #[test]
    fn only_so_many_are_kept() {
        let deadlines = Deadlines::default();
        runtime().block_on(async {
            let all = (0..2 * KEPT).map(|_| deadlines.within(LONG, one_turn()));
            let mut all: Vec<_> = all.map(Box::pin).collect();
            poll_fn(|cx| {
                all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
                if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
        assert_eq!(kept(&deadlines), KEPT);
    }
}
