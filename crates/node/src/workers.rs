//! The threads that do the work of handshakes.
//!
//! They are ours and not libuv's: those are few, and the program's files, names and ciphers would
//! wait behind a storm of handshakes. A handshake never blocks, so there is one thread for each
//! core; and they give way to the JavaScript thread, which has all the other connections to serve.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use napi::bindgen_prelude::{BufferSlice, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};
use napi_derive::napi;

use crate::connection::Connection;
use crate::failure::{Thrown, misuse};
use crate::session::Session;
use crate::turn;

/// By how much the threads are nicer than the program (Linux, where this is a thread's own).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Wakes the event loop; it keeps a process alive only while something is under way.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Whether the process may use one core only: another thread takes as long there as the event loop would.
pub(crate) fn has_one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

/// The way to the threads and back, of one event loop.
#[napi]
pub struct Workers {
    completions: Arc<Completions>,
    under_way: usize,
}

#[napi]
impl Workers {
    /// `wake` is called when there is something to [`take`](Self::take); then not again before
    /// that has given less than it could.
    #[napi(constructor)]
    pub fn new(wake: Function<'_, (), ()>) -> napi::Result<Self> {
        let wake = wake.build_threadsafe_function::<()>().weak::<true>().build()?;
        let completions = Completions { completed: Mutex::default(), wake };
        Ok(Self { completions: Arc::new(completions), under_way: 0 })
    }

    /// Continues the handshake of a session, with more bytes received, if there are any. The
    /// session is not to be used before its turn, known by its `token`, is taken.
    #[napi]
    pub fn advance(
        &mut self,
        env: Env,
        session: &Session,
        token: u32,
        received: Option<&[u8]>,
    ) -> Result<(), Thrown> {
        if let Some(received) = received {
            session.lock()?.push(received);
        }
        if self.under_way == 0 {
            // SAFETY: both are alive, and this is the thread of `env`.
            check(unsafe {
                sys::napi_ref_threadsafe_function(env.raw(), self.completions.wake.raw())
            })?;
        }
        self.under_way += 1;
        let (connection, completions) = (session.shared(), self.completions.clone());
        POOL.add(Turn { connection, token, completions });
        Ok(())
    }

    /// Turns that are done, as many as `report` has room for; it gets two numbers (u32) of each: the token given to
    /// [`advance`](Self::advance), and what it has brought, as [bits](turn). Gives how many; where they are fewer
    /// than there is room for, `wake` is called for the next.
    #[napi]
    pub fn take(&mut self, env: Env, mut report: BufferSlice<'_>) -> Result<u32, Thrown> {
        let (numbers, _) = report.as_chunks_mut::<4>();
        let (places, _) = numbers.as_chunks_mut::<2>();
        let taken = self.completions.take(places.len());
        for (place, Taken { turn, panicked }) in places.iter_mut().zip(&taken) {
            let brought = match panicked {
                true => turn::PANICKED,
                false => lock(&turn.connection).outline(),
            };
            *place = [turn.token.to_ne_bytes(), brought.to_ne_bytes()];
        }
        self.under_way -= taken.len();
        if self.under_way == 0 && !taken.is_empty() {
            // SAFETY: both are alive, and this is the thread of `env`.
            check(unsafe {
                sys::napi_unref_threadsafe_function(env.raw(), self.completions.wake.raw())
            })?;
        }
        Ok(u32::try_from(taken.len()).expect("a report is short"))
    }
}

/// Where the threads put what they have done.
struct Completions {
    completed: Mutex<Completed>,
    wake: Wake,
}

#[derive(Default)]
struct Completed {
    done: VecDeque<Taken>,
    /// Whether the event loop was woken and has not seen the last of what is done since.
    is_woken: bool,
}

struct Taken {
    turn: Turn,
    panicked: bool,
}

impl Completions {
    fn put(&self, done: Taken) {
        let mut completed = lock(&self.completed);
        completed.done.push_back(done);
        if !completed.is_woken {
            completed.is_woken = true;
            drop(completed);
            // Refused only when the event loop has ended; then no caller waits for it.
            self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// The first `most`. Where there are fewer, the event loop has seen them all.
    fn take(&self, most: usize) -> Vec<Taken> {
        let mut completed = lock(&self.completed);
        let count = completed.done.len().min(most);
        completed.is_woken = count == most;
        completed.done.drain(..count).collect()
    }
}

/// A turn of a handshake.
struct Turn {
    connection: Arc<Mutex<Connection>>,
    token: u32,
    completions: Arc<Completions>,
}

impl Turn {
    /// Nothing in it panics; if something did, it would be an error of this connection and not
    /// the end of the process.
    fn run(self) {
        let run = || lock(&self.connection).advance();
        let panicked = catch_unwind(AssertUnwindSafe(run)).is_err();
        self.completions.clone().put(Taken { turn: self, panicked });
    }
}

/// The threads, which all event loops of the process share.
static POOL: LazyLock<Pool> = LazyLock::new(Pool::start);

struct Pool {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    turns: Mutex<VecDeque<Turn>>,
    added: Condvar,
}

impl Pool {
    fn start() -> Self {
        let queue = Arc::new(Queue::default());
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let queue = queue.clone();
            let work = move || {
                give_way();
                loop {
                    queue.next().run();
                }
            };
            // One thread is enough; without any, handshakes could only wait for ever.
            thread::Builder::new()
                .name("sealwire".into())
                .spawn(work)
                .expect("the system has a thread for handshakes");
        }
        Self { queue }
    }

    fn add(&self, turn: Turn) {
        lock(&self.queue.turns).push_back(turn);
        self.queue.added.notify_one();
    }
}

impl Queue {
    fn next(&self) -> Turn {
        let mut turns = lock(&self.turns);
        loop {
            match turns.pop_front() {
                Some(turn) => return turn,
                None => turns = self.added.wait(turns).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn give_way() {
    #[cfg(target_os = "linux")]
    // Refused by a sandbox, perhaps: then the threads are as important as any.
    let _ = rustix::process::nice(NICER);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check(status: sys::napi_status) -> Result<(), Thrown> {
    match status {
        sys::Status::napi_ok => Ok(()),
        _ => Err(misuse("the event loop has ended")),
    }
}
