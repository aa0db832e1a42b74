//! How much may pass of what no window holds back.

use std::time::Instant;

/// So many at once, and so many a second.
pub(super) struct Allowance {
    began: Instant,
    seen: u64,
    at_once: u64,
    per_second: u64,
}

impl Allowance {
    pub(super) fn new(at_once: u64, per_second: u64) -> Self {
        Self { began: Instant::now(), seen: 0, at_once, per_second }
    }

    /// Whether one more may pass.
    pub(super) fn take(&mut self) -> bool {
        self.seen += 1;
        self.seen <= self.at_once
            || self.seen <= self.at_once + self.per_second * self.began.elapsed().as_secs()
    }
}
