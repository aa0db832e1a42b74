//! The open connections, and which of them may stay open.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::judgement::{Again, Judge, Kin, Known, Serial, expiry};
use super::options::{Closed, LiveOptions};
use super::tether::{Leave, Signal, Tether, Why};
use crate::context::SecureContext;
use crate::session::{Peer, Session};

/// The open connections of a server or a client, which are judged again when what they were judged
/// by has changed. Cheap to clone; clones are the same.
///
/// Give it to an `Acceptor` or `Connector`, and [`recheck`](Self::recheck) after each change of trust,
/// revocation lists or rules; a `Watched` that has it does so. Exactly the connections are closed
/// whose peer would not be accepted now. Those that drive a [`Session`] themselves
/// [admit](Self::admit) it, and check its [`Tether`].
///
/// Connections end at the expiry of their peer's certificate, and at the end of their lifetime, when
/// [`tick`](Self::tick) is called: `Watched` does so twice a second.
///
/// A list that is missing, or older than it says it is good for, closes nothing: new connections are
/// refused for want of it, and those that are open were judged when there was one. They are counted
/// as [`unknown`](Rechecked::unknown).
pub struct Live<T = ()>(Arc<Registry<T>>);

/// A connection that is not there yet. It is asked for before the context is taken by which the peer
/// is judged, so that a change in between is noticed.
pub struct Admission<T = ()> {
    live: Live<T>,
    generation: u64,
}

/// The result of verifying all connections again.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Rechecked {
    /// How many were open.
    pub open: usize,
    /// How many are closed.
    pub closed: usize,
    /// Of how many it is not known whether they are revoked, since a list is missing or too old.
    pub unknown: usize,
    /// How many chains were judged in full.
    pub judged: usize,
    /// How long it took.
    pub took: Duration,
}

struct Registry<T> {
    shards: [Mutex<HashMap<u64, Entry<T>>>; SHARDS],
    next: AtomicU64,
    generation: AtomicU64,
    latest: ArcSwapOption<Latest<T>>,
    options: ArcSwap<LiveOptions<T>>,
    /// When the first is due by the calendar (seconds since 1970), and by the clock (milliseconds).
    due: AtomicI64,
    due_by_clock: AtomicU64,
    started: Instant,
    jitter: RandomState,
}

const SHARDS: usize = 16;

/// By what connections were judged last.
struct Latest<T> {
    context: SecureContext,
    rule: Arc<Rule<T>>,
}

type Rule<T> = dyn Fn(&Peer, &T) -> Result<(), String> + Send + Sync;

struct Entry<T> {
    open: Arc<Open<T>>,
    /// By whose terms its path was found, or holds since. Not kept longer than that: a context may have
    /// revocation lists of any size.
    context: SecureContext,
    expires: i64,
    /// When it has to end, in milliseconds since the registry was made, and why.
    ends: Option<u64>,
    condemned: Option<Why>,
}

/// What does not change while a connection is open.
struct Open<T> {
    signal: Arc<Signal>,
    peer: Arc<Peer>,
    kin: Option<Kin>,
    serial: Option<Serial>,
    /// Whether its peer is judged by the contexts that are rechecked by.
    ours: bool,
    about: T,
}

impl<T: Send + Sync + 'static> Live<T> {
    /// Knows no connections yet.
    pub fn new(options: LiveOptions<T>) -> Self {
        Self(Arc::new(Registry {
            shards: std::array::from_fn(|_| Mutex::default()),
            next: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            latest: ArcSwapOption::empty(),
            options: ArcSwap::from_pointee(options),
            due: AtomicI64::new(i64::MAX),
            due_by_clock: AtomicU64::new(u64::MAX),
            started: Instant::now(),
            jitter: RandomState::new(),
        }))
    }

    /// Other options, for what happens from now on. Lifetimes are those of when a connection began.
    pub fn set_options(&self, options: LiveOptions<T>) {
        self.0.options.store(Arc::new(options));
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Begins with a connection. To be called before the context is taken that judges its peer.
    pub fn admit(&self) -> Admission<T> {
        let generation = self.0.generation.load(Ordering::SeqCst);
        Admission { live: self.clone(), generation }
    }

    /// Judges all open connections by the trust, the revocation lists and the clock of `context`, and
    /// closes those whose peer does not pass; and by the rule that was given before, if one was.
    pub fn recheck(&self, context: &SecureContext) -> Rechecked {
        let latest = self.0.latest.load();
        let rule = latest.as_ref().map_or_else(|| Arc::new(nothing) as _, |one| one.rule.clone());
        self.judge_all(context, rule)
    }

    /// The same, with a rule of the program's, which returns the reason for a refusal. The rule is kept for
    /// the connections whose handshakes are under way.
    pub fn recheck_by(
        &self,
        context: &SecureContext,
        rule: impl Fn(&Peer, &T) -> Result<(), String> + Send + Sync + 'static,
    ) -> Rechecked {
        self.judge_all(context, Arc::new(rule))
    }

    /// Closes what is due: a peer's certificate has expired, a lifetime is over, or the time to end by
    /// itself. Costs nothing while nothing is due. Gives how many were closed.
    pub fn tick(&self) -> usize {
        self.0.tick()
    }

    fn judge_all(&self, context: &SecureContext, rule: Arc<Rule<T>>) -> Rechecked {
        let started = Instant::now();
        let latest = Arc::new(Latest { context: context.clone(), rule });
        self.0.latest.store(Some(latest.clone()));
        self.0.generation.fetch_add(1, Ordering::SeqCst);
        let mut done = Rechecked::default();
        let mut judge = Judge::new(context);
        for shard in &self.0.shards {
            // Judged without the lock: others come and go meanwhile.
            let all: Vec<_> = lock(shard)
                .iter()
                .filter(|(_, entry)| entry.condemned.is_none())
                .map(|(id, entry)| (*id, entry.open.clone(), entry.context.clone(), entry.expires))
                .collect();
            done.open += all.len();
            let mut holds = Vec::with_capacity(all.len());
            for (id, open, terms, expires) in all {
                let (again, same_path) = latest.judge(&mut judge, &open, &terms, expires);
                match again {
                    Again::Good => {}
                    Again::Unknown => done.unknown += 1,
                    Again::Bad(why) => {
                        done.closed += 1;
                        self.0.condemn(id, why);
                        continue;
                    }
                }
                if same_path {
                    holds.push(id);
                }
            }
            let mut old = Vec::with_capacity(holds.len());
            let mut shard = lock(shard);
            for id in holds {
                if let Some(entry) = shard.get_mut(&id) {
                    old.push(mem::replace(&mut entry.context, context.clone()));
                }
            }
        }
        done.judged = judge.judged;
        done.took = started.elapsed();
        done
    }
}

fn nothing<T>(_: &Peer, _: &T) -> Result<(), String> {
    Ok(())
}

impl<T: Send + Sync + 'static> Admission<T> {
    /// The handshake is complete: the connection is open from now on. Its peer was judged by `context`.
    /// `about` is passed to the callback when it is closed.
    /// `None`: it is not complete.
    pub fn join(self, session: &Session, context: &SecureContext, about: T) -> Option<Tether> {
        self.enter(session, context, about, true)
    }

    /// The same for a peer that another context has judged, of which nothing is known here: it is
    /// closed when its lifetime is over.
    #[cfg(feature = "tokio")]
    pub(crate) fn join_for_a_time(
        self,
        session: &Session,
        context: &SecureContext,
        about: T,
    ) -> Option<Tether> {
        self.enter(session, context, about, false)
    }

    fn enter(
        self,
        session: &Session,
        context: &SecureContext,
        about: T,
        ours: bool,
    ) -> Option<Tether> {
        let peer = session.shared_peer()?;
        let registry = &self.live.0;
        let options = registry.options.load();
        let id = registry.next.fetch_add(1, Ordering::Relaxed);
        let signal = Arc::new(Signal::default());
        let expires = if options.at_expiry && ours { expiry(&peer) } else { i64::MAX };
        let ends = options.max_lifetime.map(|lifetime| registry.end_of(id, lifetime));
        let (kin, serial) = (Kin::of(&peer), Serial::of(&peer));
        let open = Arc::new(Open { signal: signal.clone(), peer, kin, serial, ours, about });
        let (terms, condemned) = (context.clone(), None);
        let entry = Entry { open: open.clone(), context: terms, expires, ends, condemned };
        lock(registry.shard(id)).insert(id, entry);
        registry.due.fetch_min(expires, Ordering::SeqCst);
        registry.due_by_clock.fetch_min(ends.unwrap_or(u64::MAX), Ordering::SeqCst);
        // What was judged again since does not know of it.
        if registry.generation.load(Ordering::SeqCst) != self.generation
            && let Some(latest) = &*registry.latest.load()
            && let (Again::Bad(why), _) =
                latest.judge(&mut Judge::new(&latest.context), &open, context, expires)
        {
            registry.condemn(id, why);
        }
        Some(Tether::new(signal, id, registry.clone()))
    }
}

impl<T> Latest<T> {
    /// Also whether that is by the path that the connection had.
    fn judge(
        &self,
        judge: &mut Judge,
        open: &Open<T>,
        terms: &SecureContext,
        expires: i64,
    ) -> (Again, bool) {
        if let Err(reason) = (self.rule)(&open.peer, &open.about) {
            return (Again::Bad(Why::Rule(reason)), false);
        }
        if !open.ours {
            return (Again::Good, true);
        }
        let Open { peer, kin, serial, .. } = open;
        judge.judge(&Known { peer, kin: *kin, serial: *serial, context: terms, expires })
    }
}

impl<T> Registry<T> {
    fn shard(&self, id: u64) -> &Mutex<HashMap<u64, Entry<T>>> {
        &self.shards[(id % SHARDS as u64) as usize]
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When a connection that begins now is to end.
    fn end_of(&self, id: u64, lifetime: Duration) -> u64 {
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX / 2);
        let tenth = lifetime / 10;
        let less = if tenth == 0 { 0 } else { self.jitter.hash_one(id) % (tenth + 1) };
        self.clock().saturating_add(lifetime - less)
    }

    /// Closes a connection, at once or after the time that it has.
    fn condemn(&self, id: u64, why: Why) {
        let options = self.options.load();
        let Some(open) = ({
            let mut shard = lock(self.shard(id));
            shard.get_mut(&id).filter(|entry| entry.condemned.is_none()).map(|entry| {
                let drain = u64::try_from(options.drain.as_millis()).unwrap_or(u64::MAX);
                let end = self.clock().saturating_add(drain);
                entry.ends = Some(entry.ends.map_or(end, |ends| ends.min(end)));
                entry.condemned = Some(why.clone());
                self.due_by_clock.fetch_min(end, Ordering::SeqCst);
                entry.open.clone()
            })
        }) else {
            return;
        };
        let drain = options.drain;
        (options.on_close)(&Closed { peer: &open.peer, about: &open.about, why: &why, drain });
        if drain.is_zero() {
            open.signal.cut(why);
        }
    }

    fn tick(&self) -> usize {
        let by_clock = self.clock() >= self.due_by_clock.load(Ordering::SeqCst);
        // The calendar is a context's; the system's says whether it is worth asking.
        let worth = self.due.load(Ordering::SeqCst) != i64::MAX;
        if !by_clock && !worth {
            return 0;
        }
        let calendar = self.latest.load().as_ref().map(|latest| latest.context.now());
        let calendar = calendar.unwrap_or_else(|| crate::words::now(&crate::words::SystemClock));
        if !by_clock && calendar < self.due.load(Ordering::SeqCst) {
            return 0;
        }
        self.sweep(calendar)
    }

    fn sweep(&self, calendar: i64) -> usize {
        self.due.store(i64::MAX, Ordering::SeqCst);
        self.due_by_clock.store(u64::MAX, Ordering::SeqCst);
        let clock = self.clock();
        let (mut expired, mut over, mut cut) = (Vec::new(), Vec::new(), Vec::new());
        for shard in &self.shards {
            for (id, entry) in lock(shard).iter_mut() {
                match (&entry.condemned, entry.ends) {
                    (Some(why), Some(ends)) if ends <= clock => {
                        cut.push((entry.open.signal.clone(), why.clone()));
                        entry.ends = None;
                    }
                    (None, Some(ends)) if ends <= clock => {
                        over.push(*id);
                        continue;
                    }
                    (None, _) if entry.expires <= calendar => {
                        expired.push((*id, entry.open.clone(), entry.context.clone()));
                        continue;
                    }
                    _ => {}
                }
                if entry.condemned.is_none() {
                    self.due.fetch_min(entry.expires, Ordering::SeqCst);
                }
                self.due_by_clock.fetch_min(entry.ends.unwrap_or(u64::MAX), Ordering::SeqCst);
            }
        }
        for (signal, why) in cut {
            signal.cut(why);
        }
        let mut closed = over.len();
        for id in over {
            self.condemn(id, Why::Lifetime);
        }
        closed += self.end_expired(expired);
        closed
    }

    /// A certificate of these has expired. Another path may do instead; that is for a verdict to say.
    fn end_expired(&self, expired: Vec<(u64, Arc<Open<T>>, SecureContext)>) -> usize {
        let latest = self.latest.load();
        let mut closed = 0;
        for (id, open, terms) in expired {
            let context = latest.as_ref().map_or(&terms, |latest| &latest.context);
            let Open { peer, kin, serial, .. } = &*open;
            let (kin, serial) = (*kin, *serial);
            let known = Known { peer, kin, serial, context: &terms, expires: i64::MIN };
            match Judge::new(context).judge(&known).0 {
                Again::Bad(why) => {
                    closed += 1;
                    self.condemn(id, why);
                }
                // By another path, which may expire as well.
                Again::Good | Again::Unknown => {
                    let later = context.now().saturating_add(60);
                    if let Some(entry) = lock(self.shard(id)).get_mut(&id) {
                        entry.expires = later;
                        self.due.fetch_min(later, Ordering::SeqCst);
                    }
                }
            }
        }
        closed
    }
}

impl<T: Send + Sync> Leave for Registry<T> {
    fn leave(&self, id: u64) {
        lock(self.shard(id)).remove(&id);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Default for Live<T> {
    fn default() -> Self {
        Self::new(LiveOptions::new())
    }
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("options", &self.0.options.load()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Admission<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("generation", &self.generation).finish_non_exhaustive()
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::Live;
    use crate::context::{Identity, SecureContext};
    use crate::pki::{
        CertificateBuilder, CrlBuilder, CrlNumber, Issuer, KeyAlgorithm, PrivateKey, Subject,
        TrustStore,
    };
    use crate::session::{ClientOptions, ServerOptions, Session};
    use crate::words::ClientAuth;

    /// The server's end of a connection whose client shows a certificate.
    fn open(client: &SecureContext, server: &SecureContext) -> Session {
        let to = ClientOptions::new("localhost".parse().unwrap());
        let mut client = Session::client(client, &to).unwrap();
        let asking = ServerOptions::new().client_auth(ClientAuth::Require);
        let mut server = Session::server(server, &asking);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while client.is_handshaking() || server.is_handshaking() {
            pass(&mut client, &mut server, &mut up);
            pass(&mut server, &mut client, &mut down);
        }
        server
    }

    fn pass(from: &mut Session, to: &mut Session, wire: &mut Vec<u8>) {
        from.take_output(wire);
        let consumed = to.receive(wire, &mut Vec::new()).unwrap();
        wire.drain(..consumed);
    }

    #[test]
    fn an_open_connection_keeps_no_context_of_the_past() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::from_common_name("CA").unwrap();
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&key).unwrap();
        let issuer = Issuer::new(ca.clone(), key).unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let leaf = CertificateBuilder::for_names(vec!["localhost".parse().unwrap()]).unwrap();
        let leaf = leaf.signed_by(&issuer, key.spki_der()).unwrap();
        let context = |number: u64| {
            let this_update = SystemTime::now() - Duration::from_secs(10);
            let next_update = this_update + Duration::from_secs(1000);
            let number = CrlNumber::from(number);
            let list = CrlBuilder { number, this_update, next_update, revoked: Vec::new() };
            SecureContext::builder()
                .identity(Identity::new(vec![leaf.clone()], &key).unwrap())
                .trust(TrustStore::from_certificates([ca.clone()]).unwrap())
                .crls([list.signed_by(&issuer).unwrap()])
                .build()
                .unwrap()
        };
        let (client, first, second) = (context(1), context(2), context(3));
        let live = Live::<()>::default();
        let sessions = [open(&client, &first), open(&client, &first)];
        let join = |session: &Session| live.admit().join(session, &first, ()).unwrap();
        let _tethers = sessions.each_ref().map(join);
        let past = Arc::downgrade(first.policy());
        drop(first);
        assert!(past.upgrade().is_some(), "they were judged by it");
        let done = live.recheck(&second);
        assert_eq!((done.open, done.closed, done.unknown), (2, 0, 0));
        assert!(past.upgrade().is_none(), "its lists may be large");
    }

    #[test]
    fn lifetimes_differ_by_up_to_a_tenth() {
        let live = Live::<()>::default();
        let ends: BTreeSet<u64> =
            (0..1000).map(|id| live.0.end_of(id, Duration::from_secs(3600))).collect();
        assert!(ends.len() > 900, "{}", ends.len());
        let (first, last) = (ends.first().unwrap(), ends.last().unwrap());
        assert!(*first >= 3_240_000 && *last < 3_600_000 + 60_000, "{first} {last}");
        assert!(last - first > 300_000, "{first} {last}");
        live.0.end_of(7, Duration::MAX);
    }
}
