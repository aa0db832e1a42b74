//! What the process holds: every allocation of Rust code is counted. (What AWS-LC holds is freed
//! with the certificate or the connection that it belongs to; the soak looks at the whole process.)

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{Mutex, MutexGuard};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(more: usize) {
    MOST.fetch_max(HELD.fetch_add(more, Relaxed) + more, Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while it is moved.
        count(size);
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// What is held over what was held when it was made. Measured by one test at a time.
pub(crate) struct Memory {
    held: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Memory {
    /// Waits until no other test measures, and begins.
    pub(crate) async fn measured_alone() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let mut memory = Self { held: 0, _alone: ALONE.lock().await };
        memory.begin();
        memory
    }

    /// From here on.
    pub(crate) fn begin(&mut self) {
        self.held = HELD.load(Relaxed);
        MOST.store(self.held, Relaxed);
    }

    /// What is held now, by all.
    pub(crate) fn now() -> usize {
        HELD.load(Relaxed)
    }

    /// How much more is held now.
    pub(crate) fn grown(&self) -> usize {
        Self::now().saturating_sub(self.held)
    }

    /// How much more was held at most.
    pub(crate) fn most(&self) -> usize {
        MOST.load(Relaxed).saturating_sub(self.held)
    }
}
