//! Identity and trust of a SPIFFE Workload API, from a fake agent.

#[path = "../live/support.rs"]
#[expect(dead_code, reason = "the tests of `live` use all of it")]
mod support;

mod agent;

use std::time::Duration;

use sealwire::live::{Spiffe, SpiffeId};
use sealwire::pki::Purpose;
use sealwire::{Acceptor, Alert, ClientAuth, Connector, Error, Live, Watched};

use agent::{Agent, Domain, Svid};
use support::{connect, in_time, talks, told};

const WAIT: Duration = Duration::from_secs(60);

fn watched(spiffe: &Spiffe) -> Watched {
    Watched::builder()
        .spiffe(spiffe)
        .purpose(Purpose::Server)
        .purpose(Purpose::Client)
        .start()
        .unwrap()
}

fn served(watched: &Watched) -> String {
    SpiffeId::of(watched.context().identities()[0].leaf()).unwrap().to_string()
}

/// Lets in whom the agent's bundles speak for.
fn acceptor(spiffe: &Spiffe, watched: &Watched) -> Acceptor {
    let spiffe = spiffe.clone();
    Acceptor::new(watched)
        .client_auth(ClientAuth::Require)
        .on_peer(move |peer| spiffe.judge(peer).map(|_| ()).map_err(|_| Alert::ACCESS_DENIED))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_live_by_their_agents() {
    let dir = tempfile::tempdir().unwrap();
    let domain = Domain::new("example.org");
    let (mut server_agent, client_agent) = (
        Agent::start(dir.path().join("server.sock")),
        Agent::start(dir.path().join("client.sock")),
    );
    server_agent.give(&domain.svid("/server"), &[]);
    client_agent.give(&domain.svid("/client"), &[]);
    let at = |agent: &Agent| {
        let endpoint = agent.endpoint();
        tokio::task::spawn_blocking(move || Spiffe::connect(Some(&endpoint), WAIT).unwrap())
    };
    let (ours, theirs) = (at(&server_agent).await.unwrap(), at(&client_agent).await.unwrap());
    assert_eq!(ours.status().id.as_str(), "spiffe://example.org/server");
    let live = Live::default();
    let (builder, told) = told(Watched::builder().spiffe(&ours).live(&live));
    let server = builder.start().unwrap();
    let acceptor = acceptor(&ours, &server).live(live.clone());
    let client = watched(&theirs);
    let connector = |allowed: &'static str| {
        Connector::new(&client).name_check(theirs.name_check(move |id| id.path() == allowed))
    };
    let (mut first, mut firsts) = connect(&acceptor, &connector("/server")).await;
    assert_eq!(ours.judge(first.peer()).unwrap().path(), "/client");
    // A server with another ID is refused.
    let (here, there) = tokio::io::duplex(1 << 16);
    let wrong = connector("/database");
    let name = "localhost".parse().unwrap();
    let both = async { tokio::join!(acceptor.accept(here), wrong.connect(name, there)) };
    let Error::PeerRefused(refusal) = in_time(both).await.1.unwrap_err() else { panic!("refused") };
    assert_eq!(refusal.code().name(), "ERR_TLS_CERT_ALTNAME_INVALID");

    // The agent gives another SVID: it is used, and nobody did anything.
    let next = domain.svid("/server");
    server_agent.give(&next, &[]);
    tokio::task::block_in_place(|| assert_eq!(told.loaded(), 2));
    assert_eq!(server.context().identities()[0].leaf().der(), next.pair.certificate.der());
    let (_second, _seconds) = connect(&acceptor, &connector("/server")).await;
    assert!(talks(&mut first, &mut firsts).await, "what is open stays");

    // The agent goes away: what it gave last goes on, and it is said.
    let socket = server_agent.stop().await;
    in_time(async {
        while ours.status().failure.is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(served(&server), "spiffe://example.org/server");
    let (_third, _thirds) = connect(&acceptor, &connector("/server")).await;

    // It comes back with a new CA: clients of the old one are out.
    let other = Domain::new("example.org");
    server_agent = Agent::start(socket);
    server_agent.give(&other.svid("/server"), &[]);
    tokio::task::block_in_place(|| assert_eq!(told.loaded(), 3));
    assert!(ours.status().failure.is_none());
    let mut room = [0; 1];
    let read = tokio::io::AsyncReadExt::read(&mut first, &mut room);
    assert!(in_time(read).await.is_err());
    client_agent.give(&other.svid("/client"), &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_domain_speaks_for_itself_only() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Domain::new("ours.test"), Domain::new("theirs.test"));
    let agent = Agent::start(dir.path().join("agent.sock"));
    agent.give(&ours.svid("/server"), &[&theirs]);
    let endpoint = agent.endpoint();
    let connecting = tokio::task::spawn_blocking(move || {
        let plain = Spiffe::connect(Some(&endpoint), WAIT).unwrap();
        (plain, Spiffe::connect_federated(Some(&endpoint), WAIT).unwrap())
    });
    let (plain, federated) = connecting.await.unwrap();
    let forged = theirs.svid_as("spiffe://ours.test/client");
    let cases = [
        (&plain, ours.svid("/client"), true),
        (&plain, theirs.svid("/client"), false),
        (&federated, ours.svid("/client"), true),
        (&federated, theirs.svid("/client"), true),
        // Their CA says that somebody is ours.
        (&federated, forged, false),
    ];
    for (spiffe, client, expected) in cases {
        let server = watched(spiffe);
        let acceptor = acceptor(spiffe, &server);
        let trust = ours.ca.trust();
        let context =
            sealwire::SecureContext::builder().identity(client.pair.identity()).trust(trust);
        let connector = Connector::new(context.build().unwrap())
            .name_check(sealwire::verify::NameCheck::DangerousNone);
        let (here, there) = tokio::io::duplex(1 << 16);
        let name = "localhost".parse().unwrap();
        let both = async { tokio::join!(acceptor.accept(here), connector.connect(name, there)) };
        let accepted = in_time(both).await.0;
        assert_eq!(accepted.is_ok(), expected, "{}: {accepted:?}", client.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_gives_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let domain = Domain::new("example.org");
    let misnamed = Svid { id: "spiffe://example.org/other".to_owned(), ..domain.svid("/server") };
    let foreign_key = Svid {
        pair: support::Pair {
            certificate: domain.svid("/server").pair.certificate,
            key: domain.svid("/server").pair.key,
        },
        ..domain.svid("/server")
    };
    let cases = [
        ("misnamed", misnamed, "it is that of spiffe://example.org/server"),
        ("key", foreign_key, "the key of spiffe://example.org/server"),
    ];
    for (socket, svid, why) in cases {
        let agent = Agent::start(dir.path().join(socket));
        agent.give(&svid, &[]);
        let endpoint = agent.endpoint();
        let connecting = tokio::task::spawn_blocking(move || {
            Spiffe::connect(Some(&endpoint), Duration::from_secs(3)).unwrap_err().to_string()
        });
        let told = connecting.await.unwrap();
        assert!(told.contains(why), "{told}");
    }
    let silent = Agent::start(dir.path().join("silent"));
    silent.refuse();
    let endpoint = silent.endpoint();
    let connecting = tokio::task::spawn_blocking(move || {
        Spiffe::connect(Some(&endpoint), Duration::from_secs(3)).unwrap_err().to_string()
    });
    let told = connecting.await.unwrap();
    assert!(told.contains("issued no identity to this program"), "{told}");
    for bad in ["/no/scheme", "unix:relative", "tcp://localhost:1", "http://127.0.0.1:1"] {
        let error = Spiffe::connect(Some(bad), WAIT).unwrap_err().to_string();
        assert!(error.contains("an endpoint is unix:///PATH or tcp://ADDRESS:PORT"), "{error}");
    }
}
