//! Room to work in, one for each thread: connections own no buffers while they wait.

use std::cell::RefCell;

/// Four full TLS records: what one read takes.
const WIRE: usize = 64 * 1024;

/// The room of one thread, in use only while one connection is polled.
pub(crate) struct Scratch {
    /// What came from a socket.
    pub(crate) wire: Box<[u8]>,
    /// The same, decrypted.
    pub(crate) plain: Vec<u8>,
    /// Encrypted, on the way out.
    pub(crate) sealed: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        wire: vec![0; WIRE].into_boxed_slice(),
        plain: Vec::with_capacity(WIRE),
        sealed: Vec::with_capacity(WIRE + 1024),
    });
}

/// Works with this thread's room. Must not be called from within itself.
pub(crate) fn with<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(work)
}
