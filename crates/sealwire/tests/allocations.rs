//! Data on an open connection cost no allocation: neither to seal a record nor to open one.
//!
//! A test binary of its own, for its allocator counts. What AWS-LC allocates it does not see; its
//! one-call AEADs work on the stack.

#[path = "pair/mod.rs"]
mod pair;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::IoSlice;

use pair::Pair;
use sealwire::session::Sink;
use sealwire::{
    ClientOptions, Identity, ProtocolVersion, SecureContext, ServerOptions, Session, TrustStore,
    pki,
};

/// The system's allocator, counting what the current thread asks of it.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending may allocate after its counter is gone.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call is the system allocator's, with what it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `System`, which made all there is.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

/// Counts what it is given.
struct Count(usize);

impl Sink for Count {
    fn take(&mut self, plaintext: &[u8]) {
        self.0 += plaintext.len();
    }
}

fn open(version: ProtocolVersion) -> Pair {
    let (certificate, key) = pki::self_signed(["localhost"]).unwrap();
    let identity = Identity::new(vec![certificate.clone()], &key).unwrap();
    let trust = TrustStore::from_certificates([certificate]).unwrap();
    let client = SecureContext::builder().trust(trust).versions(version..=version);
    let server = SecureContext::builder().identity(identity).build().unwrap();
    let mut pair = Pair::new(
        (&client.build().unwrap(), &ClientOptions::new("localhost".parse().unwrap())),
        (&server, &ServerOptions::new()),
    );
    pair.settle();
    assert!(pair.client.complete && pair.server.complete);
    pair
}

/// Sends `data` many times through buffers that are large enough, and counts.
fn steady(from: &mut Session, to: &mut Session, data: &[IoSlice<'_>]) -> usize {
    let length: usize = data.iter().map(|piece| piece.len()).sum();
    let mut wire = Vec::with_capacity(length + 1000);
    let mut sink = Count(0);
    let made = allocations(|| {
        for _ in 0..100 {
            wire.clear();
            from.encrypt_vectored(data, &mut wire).unwrap();
            let consumed = to.receive(&mut wire, &mut sink).unwrap();
            assert_eq!(consumed, wire.len());
            assert!(to.poll_event().is_none() && !to.has_output());
            to.take_output(&mut wire);
        }
    });
    assert_eq!(sink.0, length * 100);
    made
}

#[test]
fn records_cost_no_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1, "it counts");
    let long = vec![7; 60_000];
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        let Pair { client, server, .. } = &mut open(version);
        for data in
            [&[&b"word"[..]][..], &[&long[..1024]], &[&long], &[b"head", b"", &long[..20_000]]]
        {
            let data: Vec<IoSlice<'_>> = data.iter().map(|piece| IoSlice::new(piece)).collect();
            let (client, server) = (&mut client.session, &mut server.session);
            assert_eq!(steady(client, server, &data), 0, "{version}");
            assert_eq!(steady(server, client, &data), 0, "{version}");
        }
    }
}
