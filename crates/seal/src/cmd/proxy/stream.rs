//! What happens, on its way from the relay's threads to a terminal or a pipe: by a thread of its own,
//! so that a slow reader delays no other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use sealwire_lens::flow::{Event, What};

use super::json;
use super::summary::Summary;
use super::terminal::Terminal;
use crate::say::report;
use crate::words::count::counted;

/// Takes events and shows them.
pub(super) struct Stream {
    queue: Mutex<Option<Sender<Event>>>,
    waiting: std::sync::Arc<AtomicUsize>,
    dropped: AtomicU64,
    shows_bodies: bool,
    /// When nothing is shown, it is only counted, and nothing goes to another thread.
    counted: Option<Mutex<Summary>>,
    writer: Mutex<Option<JoinHandle<Summary>>>,
}

/// How many bytes of bodies may wait to be shown. More are left out, never the fact of a flow.
const MOST_WAITING: usize = 16 * 1024 * 1024;

impl Stream {
    pub(super) fn start(as_json: bool, quiet: bool) -> Self {
        let (queue, events) = channel();
        let waiting = std::sync::Arc::<AtomicUsize>::default();
        let counted = waiting.clone();
        let writer = std::thread::spawn(move || write(&events, &counted, as_json));
        Self {
            queue: Mutex::new(Some(queue)),
            waiting,
            dropped: AtomicU64::new(0),
            shows_bodies: as_json,
            counted: quiet.then(Mutex::default),
            writer: Mutex::new(Some(writer)),
        }
    }

    /// Shows what is left, and tells what it all came to.
    pub(super) fn end(&self) -> Summary {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let shown = writer.and_then(|writer| writer.join().ok()).unwrap_or_default();
        let summary = match &self.counted {
            Some(counted) => {
                std::mem::take(&mut *counted.lock().unwrap_or_else(PoisonError::into_inner))
            }
            None => shown,
        };
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            report::note(format_args!(
                "{} of bodies and messages came too fast to be printed",
                counted(dropped, "piece")
            ));
        }
        summary
    }

    /// Takes an event.
    pub(super) fn hear(&self, event: &Event) {
        if let Some(counted) = &self.counted {
            return counted.lock().unwrap_or_else(PoisonError::into_inner).add(event);
        }
        if matches!(event.what, What::Wire { .. })
            || matches!(event.what, What::Body(_)) && !self.shows_bodies
        {
            return;
        }
        let bytes = weight(&event.what);
        if bytes > 0 && self.waiting.fetch_add(bytes, Ordering::Relaxed) > MOST_WAITING {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Some(queue) = &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            // The reader is gone: it is ending.
            let _ = queue.send(event.clone());
        }
    }
}

/// What an event holds on to, when a flow may have any number of its kind.
fn weight(what: &What) -> usize {
    const OVERHEAD: usize = 256;
    match what {
        What::Body(body) => body.data.len() + OVERHEAD,
        What::Frame(frame) => frame.data.len() + OVERHEAD,
        What::Informational { .. } => OVERHEAD,
        _ => 0,
    }
}

fn write(events: &Receiver<Event>, waiting: &AtomicUsize, as_json: bool) -> Summary {
    let mut terminal = Terminal::default();
    let mut summary = Summary::default();
    while let Ok(event) = events.recv() {
        waiting.fetch_sub(weight(&event.what), Ordering::Relaxed);
        summary.add(&event);
        if as_json {
            if let Some(line) = json::line(&event) {
                let _ = report::print_line(&line);
            }
        } else {
            for line in terminal.lines(&event) {
                report::note(line);
            }
        }
    }
    summary
}
