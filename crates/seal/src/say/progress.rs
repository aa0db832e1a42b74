//! A sign of life for work that takes seconds.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Does `work`; while a person watches, the seconds that it takes are counted on standard error.
pub(crate) fn watched<T: Send>(what: &str, work: impl FnOnce() -> T + Send) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let start = Instant::now();
            let mut shown = false;
            while waiting.recv_timeout(Duration::from_millis(250)) == Err(RecvTimeoutError::Timeout)
            {
                eprint!("\r{what} ({:.0} s) ", start.elapsed().as_secs_f32());
                let _ = io::stderr().flush();
                shown = true;
            }
            if shown {
                // Wipes the line, so that what comes next starts on a clean one.
                eprint!("\r\x1b[K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}
