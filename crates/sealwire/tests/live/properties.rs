//! Files change in any order, good and bad, while there is traffic.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use sealwire::pki::{ExtendedKeyUsage, Purpose, Validity};
use sealwire::{Acceptor, Connector, SecureContext, Watched};

use super::support::{Ca, HOUR, Pair, connect, replace, talks};

/// One thing that happens to the files.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Both files, as a renewal writes them.
    Good,
    /// Both, written in place, piece by piece.
    InPlace,
    /// A certificate without its key.
    Mismatched,
    /// The first half of a file.
    Torn,
    Garbage,
    Expired,
    ForClients,
    /// A file is gone.
    Missing,
}

const STEPS: [Step; 8] = [
    Step::Good,
    Step::InPlace,
    Step::Mismatched,
    Step::Torn,
    Step::Garbage,
    Step::Expired,
    Step::ForClients,
    Step::Missing,
];

fn step() -> impl Strategy<Value = Step> {
    proptest::sample::select(&STEPS[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn what_is_served_always_holds(steps in proptest::collection::vec(step(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(what_is_served_holds(&steps));
    }
}

async fn what_is_served_holds(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("CA");
    let first = ca.server();
    first.put(dir.path(), "server");
    let (certificate, key) = (dir.path().join("server.pem"), dir.path().join("server.key"));
    let watched = Watched::builder()
        .pem_files(&certificate, &key)
        .purpose(Purpose::Server)
        .on_change(|_| {})
        .start()
        .unwrap();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let traffic = {
        let (acceptor, stop, done) = (Acceptor::new(&watched), stop.clone(), done.clone());
        let trusting = SecureContext::builder().trust(ca.trust()).build().unwrap();
        let connector = Connector::new(trusting).resume(false);
        tokio::spawn(async move {
            // Once at least: the steps may be faster than a handshake.
            loop {
                // The client judges chain, purpose, time and name, and the proof of the key.
                let (mut server, mut client) = connect(&acceptor, &connector).await;
                assert!(talks(&mut server, &mut client).await);
                done.fetch_add(1, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        })
    };
    let mut last = first;
    for step in steps {
        if let Some(good) = change(*step, &ca, &last, &certificate, &key) {
            last = good;
        }
        // What was good last is what is served, whatever came before and after.
        let _ = watched.reload();
        let served = watched.context();
        assert_eq!(served.identities()[0].leaf().der(), last.certificate.der(), "{steps:?}");
    }
    stop.store(true, Ordering::Relaxed);
    traffic.await.unwrap();
    assert!(done.load(Ordering::Relaxed) > 0);
}

/// Does it; gives the pair that holds from now on, if there is another.
fn change(
    step: Step,
    ca: &Ca,
    last: &Pair,
    certificate: &std::path::Path,
    key: &std::path::Path,
) -> Option<Pair> {
    let put = |pair: &Pair| {
        replace(key, pair.key.to_pem().as_bytes());
        replace(certificate, pair.certificate.to_pem().as_bytes());
    };
    match step {
        Step::Good => {
            let pair = ca.server();
            put(&pair);
            return Some(pair);
        }
        Step::InPlace => {
            let pair = ca.server();
            for (path, text) in
                [(certificate, pair.certificate.to_pem()), (key, pair.key.to_pem().to_string())]
            {
                let half = text.len() / 2;
                fs::write(path, &text[..half]).unwrap();
                std::thread::yield_now();
                fs::write(path, &text).unwrap();
            }
            return Some(pair);
        }
        Step::Mismatched => replace(certificate, ca.server().certificate.to_pem().as_bytes()),
        Step::Torn => {
            let text = last.certificate.to_pem();
            fs::write(certificate, &text[..text.len() / 2]).unwrap();
        }
        Step::Garbage => fs::write(key, b"no key").unwrap(),
        Step::Expired => {
            let now = SystemTime::now();
            let over = Validity::between(now - 3 * HOUR, now - Duration::from_secs(60)).unwrap();
            put(&ca.issue_for("localhost", ExtendedKeyUsage::SERVER_AUTH, over));
        }
        Step::ForClients => put(&ca.client("localhost")),
        Step::Missing => {
            let _ = fs::remove_file(certificate);
        }
    }
    None
}
