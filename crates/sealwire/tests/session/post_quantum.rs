//! A post-quantum group that both can is the one that is used, though the client has sent no share.

use sealwire::{ClientAuth, ProtocolVersion, SecureContext, SecureContextBuilder};

use crate::pair::{Pair, records};
use crate::peers::credentials::context;
use crate::peers::present;
use crate::resumption::{connect, resumed};
use crate::to;

const HYBRID: &str = "X25519MLKEM768";

fn client(groups: &str) -> SecureContext {
    context("", "ca").groups(groups).unwrap().build().unwrap()
}

fn server(change: impl FnOnce(SecureContextBuilder) -> SecureContextBuilder) -> SecureContext {
    change(context("p256", "")).build().unwrap()
}

/// The group, and how many hellos the client has sent.
fn agreed(pair: &Pair) -> (&'static str, usize) {
    let group = pair.server.session.peer().expect("complete").group().expect("agreed");
    assert_eq!(pair.client.session.peer().expect("complete").group(), Some(group));
    let handshake = 22;
    let hellos = records(&pair.client.sent).iter().filter(|(kind, _)| *kind == handshake).count();
    (group.iana_name(), hellos)
}

#[test]
fn a_client_that_lists_one_is_asked_for_its_share_where_our_list_says_so() {
    if !present("openssl") {
        return;
    }
    let ours = |list: &'static str| move |it: SecureContextBuilder| it.groups(list).unwrap();
    let as_it_comes = |it: SecureContextBuilder| it;
    let off = |it: SecureContextBuilder| it.retry_for_post_quantum(false);
    let last = "X25519:P-256:X25519MLKEM768";
    for (case, theirs, server, group, hellos) in [
        ("listed last", last, server(as_it_comes), HYBRID, 2),
        ("listed first", "X25519MLKEM768:X25519", server(as_it_comes), HYBRID, 1),
        ("not listed", "X25519:P-256", server(as_it_comes), "x25519", 1),
        ("not wanted", last, server(off), "x25519", 1),
        ("not first in our list", last, server(ours("X25519:X25519MLKEM768")), "x25519", 1),
        ("before what both can", last, server(ours("P-384:X25519MLKEM768:X25519")), HYBRID, 2),
        ("another of ours", "X25519:MLKEM1024", server(ours("MLKEM1024:X25519")), "MLKEM1024", 2),
        ("not ours", last, server(ours("P-256")), "secp256r1", 2),
    ] {
        let client = client(theirs);
        let join = || connect((&client, &to("localhost")), (&server, ClientAuth::None));
        let mut pair = join();
        assert_eq!(agreed(&pair), (group, hellos), "{case}");
        pair.converse();
        // A session goes on, whatever the group takes.
        let mut again = join();
        assert!(resumed(&again), "{case}");
        assert_eq!(agreed(&again).0, group, "{case}");
        again.converse();
    }
}

#[test]
fn tls_1_2_knows_none() {
    if !present("openssl") {
        return;
    }
    let tls12 = ProtocolVersion::Tls12..=ProtocolVersion::Tls12;
    for (theirs, ours) in [
        (context("", "ca").versions(tls12.clone()), context("p256", "")),
        (context("", "ca"), context("p256", "").versions(tls12)),
    ] {
        let theirs = theirs.groups("X25519:X25519MLKEM768").unwrap().build().unwrap();
        let ours = ours.build().unwrap();
        let mut pair = connect((&theirs, &to("localhost")), (&ours, ClientAuth::None));
        assert_eq!(agreed(&pair).0, "x25519");
        pair.converse();
    }
}

/// How long a handshake takes on both sides together, without a network: `cargo test --release -p
/// sealwire --test session what_a_retry_costs -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_a_retry_costs() {
    const HANDSHAKES: u32 = 300;
    let server = server(|it| it.tickets(0));
    let classical = context("p256", "").tickets(0).retry_for_post_quantum(false).build().unwrap();
    let last = client("X25519:X25519MLKEM768");
    let first = client("X25519MLKEM768:X25519");
    for (what, client, server) in [
        ("X25519, one hello", &last, &classical),
        ("the hybrid, one hello", &first, &server),
        ("the hybrid, asked for", &last, &server),
    ] {
        let bytes = |pair: &Pair| (pair.client.sent.len(), pair.server.sent.len());
        let options = to("localhost").resume(false);
        let join = || connect((client, &options), (server, ClientAuth::None));
        let sent = bytes(&join());
        let start = std::time::Instant::now();
        for _ in 0..HANDSHAKES {
            assert!(join().client.complete);
        }
        println!(
            "{what}: {:?}, bytes of client and server: {sent:?}",
            start.elapsed() / HANDSHAKES
        );
    }
}
