//! Ports for servers that cannot be asked which one they took.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Systems give ports from 32768 on to connections, and to servers that bind port 0. One of those that is
/// free now may be a connection's before the server starts, or while it restarts.
const FIRST: u16 = 16_384;
const COUNT: u16 = 16_384;

/// A port of 127.0.0.1 that is free, and that no connection gets. Each call of a process gives another.
///
/// # Panics
/// When none is free.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let [a, b, ..] = RandomState::new().hash_one(()).to_ne_bytes();
        AtomicU16::new(u16::from_ne_bytes([a, b]))
    });
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
