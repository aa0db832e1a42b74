//! Open connections are judged again, and exactly those closed that would not be let in.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sealwire::live::{Live, LiveOptions, Why};
use sealwire::pki::{ExtendedKeyUsage, Validity};
use sealwire::{Acceptor, ClientAuth, Connector, Error, SecureContext, TimeSource};
use tokio::io::AsyncReadExt;

use super::support::{Ca, HOUR, Stream, acceptor, connect, connector, demanding, in_time, talks};

/// The error of a read that waits already.
async fn end_of(stream: &mut Stream) -> Error {
    let mut room = [0; 16];
    in_time(stream.read(&mut room)).await.expect_err("it is closed").into()
}

#[tokio::test]
async fn who_is_on_a_new_list_is_closed_and_nobody_else() {
    let ca = Ca::new("CA");
    let (server, alice, bob) = (ca.server(), ca.client("alice"), ca.client("bob"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = told.clone();
    let live = Live::new(LiveOptions::new().on_close(move |closed| {
        let who = closed.peer.certificate().map(|one| one.subject().to_string());
        hear.lock().unwrap().push((who.unwrap_or_default(), closed.why.to_string()));
    }));
    let acceptor = acceptor(demanding(&ca, vec![ca.list(&[])], &server), &live);
    let (mut for_alice, mut alices) = connect(&acceptor, &connector(&ca, &alice)).await;
    let (mut for_bob, mut bobs) = connect(&acceptor, &connector(&ca, &bob)).await;
    assert_eq!(live.open(), 2);

    let context = demanding(&ca, vec![ca.list(&[&alice.certificate])], &server);
    acceptor.set_context(context.clone());
    // The server's end waits for data when it is cut off.
    let closed = tokio::spawn(async move { end_of(&mut for_alice).await });
    tokio::task::yield_now().await;
    let done = live.recheck(&context);
    assert_eq!((done.open, done.closed, done.unknown), (2, 1, 0), "{done:?}");

    let Error::PeerRefused(refusal) = closed.await.unwrap() else { panic!("refused") };
    assert_eq!(refusal.code().name(), "CERT_REVOKED");
    let Error::AlertReceived { alert, .. } = end_of(&mut alices).await else { panic!("an alert") };
    assert_eq!(alert.number(), 44, "certificate_revoked");
    assert!(talks(&mut for_bob, &mut bobs).await);
    assert_eq!(live.open(), 1);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "CN=alice");
    assert!(told[0].1.starts_with("CERT_REVOKED: "), "{}", told[0].1);
}

#[tokio::test]
async fn one_of_a_kin_is_judged_and_the_others_are_looked_up() {
    let ca = Ca::new("CA");
    let server = ca.server();
    let live = Live::default();
    let acceptor = acceptor(demanding(&ca, vec![ca.list(&[])], &server), &live);
    let clients: Vec<_> = (0..20).map(|n| ca.client(&format!("client-{n}"))).collect();
    let mut open = Vec::new();
    for client in &clients {
        open.push(connect(&acceptor, &connector(&ca, client)).await);
    }
    let (one, other) = (&clients[3].certificate, &clients[17].certificate);
    let done = live.recheck(&demanding(&ca, vec![ca.list(&[one, other])], &server));
    assert_eq!((done.open, done.closed), (20, 2));
    // Both that are named, and one or, when a named one came first, more of the others.
    assert!(done.judged <= 5, "{done:?}");
    for (n, (server, client)) in open.iter_mut().enumerate() {
        assert_eq!(talks(server, client).await, n != 3 && n != 17, "client-{n}");
    }
}

#[tokio::test]
async fn a_ca_that_is_trusted_no_longer_takes_its_clients_along() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let server = new.server();
    let context = |trust| {
        let builder = SecureContext::builder().identity(server.identity()).trust(trust);
        builder.build().unwrap()
    };
    let live = Live::default();
    let acceptor = acceptor(context(old.trust().and(&new.trust())), &live);
    let client = |ca: &Ca, name: &str| {
        let identity = ca.client(name).identity();
        let builder = SecureContext::builder().identity(identity).trust(new.trust());
        Connector::new(builder.build().unwrap())
    };
    let (mut for_old, _olds) = connect(&acceptor, &client(&old, "a")).await;
    let (mut for_new, mut news) = connect(&acceptor, &client(&new, "b")).await;
    let done = live.recheck(&context(new.trust()));
    assert_eq!((done.open, done.closed), (2, 1));
    assert!(matches!(end_of(&mut for_old).await, Error::PeerRefused(_)));
    assert!(talks(&mut for_new, &mut news).await);
    // More trust closes nobody.
    assert_eq!(live.recheck(&context(old.trust().and(&new.trust()))).closed, 0);
}

#[tokio::test]
async fn who_is_left_without_a_ca_is_judged_once_and_told_each_by_name() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other"));
    let server = ca.server();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = told.clone();
    let live = Live::new(LiveOptions::new().on_close(move |closed| {
        let who = closed.peer.certificate().map(|one| one.subject().to_string());
        hear.lock().unwrap().push((who.unwrap_or_default(), closed.why.to_string()));
    }));
    let acceptor = acceptor(demanding(&ca, Vec::new(), &server), &live);
    let clients: Vec<_> = (0..20).map(|n| ca.client(&format!("client-{n}"))).collect();
    let mut open = Vec::new();
    for client in &clients {
        // It trusts nobody, so that it has no root to send along.
        let context = SecureContext::builder().identity(client.identity());
        let context = context.trust(sealwire::TrustStore::empty()).build().unwrap();
        let connector =
            Connector::new(context).peer_verification(sealwire::PeerVerification::Recorded);
        open.push(connect(&acceptor, &connector).await);
    }
    // One of them is trusted by itself.
    let pinned = sealwire::TrustStore::from_certificates([
        other.certificate().clone(),
        clients[7].certificate.clone(),
    ]);
    let pinned = pinned.unwrap().allow_partial_chain(true);
    let context = SecureContext::builder().identity(server.identity()).trust(pinned);
    let done = live.recheck(&context.build().unwrap());
    assert_eq!((done.open, done.closed, done.judged), (20, 19, 2), "{done:?}");
    for (n, (server, client)) in open.iter_mut().enumerate() {
        assert_eq!(talks(server, client).await, n == 7, "client-{n}");
    }
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 19);
    for (who, why) in told.iter() {
        assert!(why.starts_with("UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "), "{why}");
        assert!(why.contains(&format!("the issuer of \"{who}\"")), "{who}: {why}");
    }
}

#[tokio::test]
async fn a_client_closes_what_its_server_is_revoked_for() {
    let ca = Ca::new("CA");
    let (server, client) = (ca.server(), ca.client("alice"));
    let live = Live::default();
    let connector = connector(&ca, &client).live(live.clone());
    let acceptor = Acceptor::new(demanding(&ca, Vec::new(), &server));
    let (_server, mut clients) = connect(&acceptor, &connector).await;
    let lists = [ca.list(&[&server.certificate])];
    let context = SecureContext::builder().trust(ca.trust()).crls(lists).build().unwrap();
    assert_eq!(live.recheck(&context).closed, 1);
    let Error::PeerRefused(refusal) = end_of(&mut clients).await else { panic!("refused") };
    assert_eq!(refusal.code().name(), "CERT_REVOKED");
}

#[tokio::test]
async fn a_list_that_is_missing_or_old_closes_nobody_and_is_counted() {
    let ca = Ca::new("CA");
    let other = Ca::new("other");
    let (server, alice) = (ca.server(), ca.client("alice"));
    let live = Live::default();
    let acceptor = acceptor(demanding(&ca, Vec::new(), &server), &live);
    let (mut ours, mut theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    let stale = ca.list_until(&[], SystemTime::now() - HOUR);
    for lists in [vec![other.list(&[])], vec![stale]] {
        let done = live.recheck(&demanding(&ca, lists, &server));
        assert_eq!((done.closed, done.unknown), (0, 1));
    }
    assert!(talks(&mut ours, &mut theirs).await);
    // Who is on a list is out, however old it is.
    let stale = ca.list_until(&[&alice.certificate], SystemTime::now() - HOUR);
    assert_eq!(live.recheck(&demanding(&ca, vec![stale], &server)).closed, 1);
}

/// A clock that is set by hand.
struct Hands(Mutex<SystemTime>);

impl TimeSource for Hands {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_connection_ends_with_the_certificate_of_its_peer() {
    let ca = Ca::new("CA");
    let server = ca.server();
    let now = SystemTime::now();
    let validity = Validity::between(now - HOUR, now + HOUR).unwrap();
    let short = ca.issue_for("short", ExtendedKeyUsage::CLIENT_AUTH, validity);
    let clock = Arc::new(Hands(Mutex::new(now)));
    let builder = SecureContext::builder().identity(server.identity()).trust(ca.trust());
    let context = builder.time_source(clock.clone()).build().unwrap();
    let live = Live::default();
    live.recheck(&context); // the clock to go by
    let acceptor = acceptor(context, &live);
    let (mut ours, mut theirs) = connect(&acceptor, &connector(&ca, &short)).await;
    let long = ca.client("long");
    let (mut for_long, mut longs) = connect(&acceptor, &connector(&ca, &long)).await;
    assert_eq!(live.tick(), 0);
    assert!(talks(&mut ours, &mut theirs).await);
    *clock.0.lock().unwrap() = now + HOUR + Duration::from_secs(1);
    assert_eq!(live.tick(), 1);
    let Error::PeerRefused(refusal) = end_of(&mut ours).await else { panic!("refused") };
    assert_eq!(refusal.code().name(), "CERT_HAS_EXPIRED");
    assert!(talks(&mut for_long, &mut longs).await);
}

#[tokio::test]
async fn a_rule_that_says_no_closes_and_stays_for_those_to_come() {
    let ca = Ca::new("CA");
    let (server, alice, bob) = (ca.server(), ca.client("alice"), ca.client("bob"));
    let live = Live::default();
    let context = demanding(&ca, Vec::new(), &server);
    let acceptor = acceptor(context.clone(), &live);
    let (mut for_alice, _alices) = connect(&acceptor, &connector(&ca, &alice)).await;
    let (mut for_bob, mut bobs) = connect(&acceptor, &connector(&ca, &bob)).await;
    let done = live.recheck_by(&context, |peer, ()| {
        let name =
            peer.certificate().and_then(|one| one.subject().common_name().map(str::to_owned));
        if name.as_deref() == Some("alice") { Err("no alice".to_owned()) } else { Ok(()) }
    });
    assert_eq!(done.closed, 1);
    assert!(matches!(end_of(&mut for_alice).await, Error::RefusedByProgram));
    assert!(talks(&mut for_bob, &mut bobs).await);
    let (_again, _theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    assert_eq!(live.recheck(&context).closed, 1, "the rule is kept");
}

#[tokio::test]
async fn a_change_during_the_handshake_is_not_missed() {
    let ca = Ca::new("CA");
    let (server, alice) = (ca.server(), ca.client("alice"));
    let live = Live::default();
    let context = demanding(&ca, Vec::new(), &server);
    let revoking = demanding(&ca, vec![ca.list(&[&alice.certificate])], &server);
    // The list comes between the verdict and the moment from which the connection counts as open.
    let (other, changed) = (live.clone(), revoking.clone());
    let acceptor = acceptor(context, &live).on_peer(move |peer| {
        assert!(peer.authorized());
        other.recheck(&changed);
        sealwire::session::PeerAnswer::Accept
    });
    let (mut ours, _theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    assert!(matches!(end_of(&mut ours).await, Error::PeerRefused(_)));
}

#[tokio::test]
async fn lifetimes_end() {
    let ca = Ca::new("CA");
    let (server, alice) = (ca.server(), ca.client("alice"));
    let lifetime = |lifetime| LiveOptions::new().max_lifetime(Some(lifetime));
    let live = Live::new(lifetime(Duration::ZERO));
    let acceptor = acceptor(demanding(&ca, Vec::new(), &server), &live);
    let connector = connector(&ca, &alice);
    let (mut short, _theirs) = connect(&acceptor, &connector).await;
    live.set_options(lifetime(HOUR));
    let (mut long, mut theirs) = connect(&acceptor, &connector).await;
    assert_eq!(live.tick(), 1);
    assert!(matches!(end_of(&mut short).await, Error::LifetimeOver));
    assert!(talks(&mut long, &mut theirs).await);
}

#[tokio::test]
async fn what_may_drain_goes_on_until_its_time_is_over() {
    let ca = Ca::new("CA");
    let (server, alice) = (ca.server(), ca.client("alice"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = told.clone();
    let options = LiveOptions::new().drain(Duration::from_millis(50)).on_close(move |closed| {
        assert!(matches!(closed.why, Why::Refused(_)));
        hear.lock().unwrap().push(closed.drain);
    });
    let live = Live::new(options);
    let acceptor = acceptor(demanding(&ca, Vec::new(), &server), &live);
    let (mut ours, mut theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    let revoking = demanding(&ca, vec![ca.list(&[&alice.certificate])], &server);
    assert_eq!(live.recheck(&revoking).closed, 1);
    assert_eq!(*told.lock().unwrap(), [Duration::from_millis(50)]);
    assert_eq!(live.recheck(&revoking).closed, 0, "it is told once");
    assert!(talks(&mut ours, &mut theirs).await, "it may end by itself");
    let ticking = tokio::spawn(async move {
        loop {
            live.tick();
            tokio::task::yield_now().await;
        }
    });
    assert!(matches!(end_of(&mut ours).await, Error::PeerRefused(_)));
    ticking.abort();
}

#[tokio::test]
async fn a_writer_is_cut_off_too_and_an_ended_connection_is_forgotten() {
    use tokio::io::AsyncWriteExt;
    let ca = Ca::new("CA");
    let (server, alice) = (ca.server(), ca.client("alice"));
    let live = Live::default();
    let acceptor = Acceptor::new(demanding(&ca, Vec::new(), &server))
        .client_auth(ClientAuth::Require)
        .live(live.clone());
    let (mut ours, theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    let (gone, _theirs) = connect(&acceptor, &connector(&ca, &alice)).await;
    assert_eq!(live.open(), 2);
    drop(gone);
    assert_eq!(live.open(), 1);
    // Nobody reads at the other end: the writer waits.
    let writing = tokio::spawn(async move {
        let data = vec![0; 64 * 1024];
        loop {
            if let Err(error) = ours.write_all(&data).await {
                return Error::from(error);
            }
        }
    });
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    live.recheck(&demanding(&ca, vec![ca.list(&[&alice.certificate])], &server));
    assert!(matches!(in_time(writing).await.unwrap(), Error::PeerRefused(_)));
    drop(theirs);
}

/// For how long this thread has been on a processor: what others do there does not count.
fn on_processor() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(said.split(' ').next().and_then(|one| one.parse().ok()).unwrap_or(0))
}

/// How long a recheck takes for nine thousand connections, each of a client of its own: printed, for
/// `just recheck`. Not a test of time: those depend on the machine.
#[tokio::test]
#[ignore = "takes a minute; `just recheck` runs it"]
async fn nine_thousand_at_once() {
    let ca = Ca::new("CA");
    let server = ca.server();
    let live = Live::default();
    let acceptor = acceptor(demanding(&ca, vec![ca.list(&[])], &server), &live);
    let mut open = Vec::new();
    for n in 0..9000 {
        let client = ca.client(&format!("client-{n}"));
        let (server, theirs) = connect(&acceptor, &connector(&ca, &client)).await;
        // The other end is kept open, and nothing else of it is needed.
        open.push((client.certificate, server, theirs.into_inner()));
    }
    let recheck = |what: &str, context: &SecureContext| {
        let before = on_processor();
        let done = live.recheck(context);
        println!("{what}: {done:?}, {:?} of it on a processor", on_processor() - before);
    };
    let others: Vec<_> = (0..100_000 / 500).map(|n| ca.client(&format!("other-{n}"))).collect();
    let others = others.iter().map(|other| &other.certificate);
    let renewed = demanding(&ca, vec![ca.list(&others.collect::<Vec<_>>())], &server);
    recheck("a list that names nobody", &renewed);
    let few: Vec<_> = open.iter().step_by(90).map(|(certificate, ..)| certificate).collect();
    recheck("one in ninety", &demanding(&ca, vec![ca.list(&few)], &server));
    let other = Ca::new("other");
    recheck("another CA", &demanding(&other, Vec::new(), &server));
    assert_eq!(live.open(), 9000, "those that were closed are held by nobody who reads");
}
