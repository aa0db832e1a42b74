//! `seal tunnel` and `seal serve` with identity and trust of a SPIFFE agent: the fake one that the
//! library's tests have, and openssl on the other side.

#[path = "../../../sealwire/tests/spiffe/agent.rs"]
#[expect(dead_code, reason = "the library's tests use all of it")]
mod agent;
#[path = "../peers/mod.rs"]
mod peers;
#[path = "../../../sealwire/tests/live/support.rs"]
#[expect(dead_code, reason = "the library's tests use all of it")]
mod support;
#[path = "../tunnel/support.rs"]
#[expect(dead_code, reason = "the tunnel's tests use all of it")]
mod tunnels;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use agent::{Agent, Domain, Svid};
use peers::served::Served;
use peers::{Folder, installed};
use tunnels::{Origin, Tunnel, get};

/// An openssl that shows an SVID, and has said `ping`.
struct Openssl(Child, ChildStdin, BufReader<ChildStdout>);

impl Openssl {
    fn connect(dir: &Folder, port: u16, svid: &Svid) -> Self {
        dir.write("client.pem", svid.pair.certificate.to_pem());
        dir.write("client.key", svid.pair.key.to_pem().as_bytes());
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")])
            .args(["-CAfile", "bundle.pem", "-verify_return_error"])
            .args(["-cert", "client.pem", "-key", "client.key"])
            .current_dir(dir.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut input = child.stdin.take().expect("piped");
        let _ = input.write_all(b"ping\n");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self(child, input, output)
    }

    /// The next line that it hears; empty at the end.
    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.1.flush();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a client is shown there: the serial number.
fn shown(dir: &Folder, port: u16) -> String {
    let target = format!("127.0.0.1:{port}");
    let arguments = ["s_client", "-connect", &target, "-cert", "client.pem", "-key", "client.key"];
    let said = dir.run(Command::new("openssl"), &arguments, b"");
    dir.write("shown.pem", &said.stdout);
    dir.openssl("x509 -in shown.pem -noout -serial").text().trim().to_owned()
}

fn serial(dir: &Folder, svid: &Svid) -> String {
    dir.write("svid.pem", svid.pair.certificate.to_pem());
    dir.openssl("x509 -in svid.pem -noout -serial").text().trim().to_owned()
}

fn folder(domain: &Domain) -> Folder {
    let dir = Folder::new();
    dir.write("bundle.pem", domain.ca.certificate().to_pem());
    dir
}

fn reason(event: &Value) -> &str {
    event["reason"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_is_who_its_agent_says() {
    if !installed(&["openssl"]) {
        return;
    }
    let domain = Domain::new("example.org");
    let dir = folder(&domain);
    let agent = Agent::start(dir.path("agent.sock"));
    agent.give(&domain.svid("/server"), &[]);
    let origin = Origin::echo();
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --identity spiffe --spiffe-socket {} \
         --status 127.0.0.1:0 --allow uri=spiffe://example.org/ns/*/web",
        origin.at(),
        agent.endpoint()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, status) = (tunnel.port(), tunnel.status_port());
    let client = domain.svid("/ns/prod/web");
    let mut first = Openssl::connect(&dir, port, &client);
    assert_eq!(first.hears(), "ping\n");

    // The rule, the trust domain, the CA, and no certificate at all.
    let strange = Domain::new("example.org");
    for (svid, says) in [
        (domain.svid("/ns/prod/db"), Some("rule")),
        (
            domain.svid_as("spiffe://elsewhere.org/ns/prod/web"),
            Some("the trust domain of spiffe://elsewhere.org/ns/prod/web is not ours"),
        ),
        (strange.svid("/ns/prod/web"), None),
    ] {
        assert_eq!(Openssl::connect(&dir, port, &svid).hears(), "", "{}", svid.id);
        if let Some(says) = says {
            tunnel.wait(|event| reason(event).contains(says));
        }
    }

    // Another SVID is shown at once, and what is open stays.
    let next = domain.svid("/server");
    agent.give(&next, &[]);
    tunnel.wait_message("reloaded");
    dir.write("client.pem", client.pair.certificate.to_pem());
    dir.write("client.key", client.pair.key.to_pem().as_bytes());
    assert_eq!(shown(&dir, port), serial(&dir, &next));
    first.1.write_all(b"again\n").unwrap();
    assert_eq!(first.hears(), "again\n");

    // The agent goes away: the last one goes on, and it is said.
    let socket = agent.stop().await;
    tunnel.wait_message("SPIFFE agent unreachable; keeping its last identity");
    let (_, page) = get(status, "/status");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert!(page["services"][0]["agent_error"].is_string(), "{page}");
    assert_eq!(shown(&dir, port), serial(&dir, &next));

    // It comes back with another CA: who is of the old one is out.
    let agent = Agent::start(socket);
    agent.give(&strange.svid("/server"), &[]);
    tunnel.wait_message("SPIFFE agent reachable again");
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["why"], "refused", "{closed}");
    assert_eq!(first.hears(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tunnels_know_each_other_by_their_agents() {
    let domain = Domain::new("example.org");
    let dir = folder(&domain);
    let (here, there) = (Agent::start(dir.path("here.sock")), Agent::start(dir.path("there.sock")));
    here.give(&domain.svid("/client"), &[]);
    there.give(&domain.svid("/server"), &[]);
    let origin = Origin::echo();
    let toml = |mode: &str, target: &str, more: &str| {
        format!(
            "log-format = \"json\"\n[[service]]\nname = \"s\"\nmode = \"{mode}\"\n\
             listen = \"127.0.0.1:0\"\ntarget = \"{target}\"\nidentity = \"spiffe\"\n{more}"
        )
    };
    dir.write(
        "server.toml",
        toml("server", &origin.at(), "allow = \"uri=spiffe://example.org/client\""),
    );
    let mut server = Tunnel::start_with(&dir, "run server.toml", |command| {
        command.env("SPIFFE_ENDPOINT_SOCKET", there.endpoint());
    });
    let target = format!("127.0.0.1:{}", server.port_of("s"));
    for (allowed, reached) in [("/server", true), ("/database", false)] {
        let more = format!(
            "allow = \"uri=spiffe://example.org{allowed}\"\nspiffe-socket = \"{}\"",
            here.endpoint()
        );
        dir.write("client.toml", toml("client", &target, &more));
        let mut client = Tunnel::start(&dir, "run client.toml");
        let mut tcp = TcpStream::connect(("127.0.0.1", client.port_of("s"))).unwrap();
        let mut back = [0; 4];
        let heard = tcp.write_all(b"ping").and_then(|()| tcp.read_exact(&mut back));
        assert_eq!(heard.is_ok() && &back == b"ping", reached, "{allowed}: {heard:?}");
    }
    let checked = dir.seal("tunnel check client.toml --files-only").ok();
    assert!(checked.text().contains("loaded as spiffe://example.org/client"), "{}", checked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_domain_is_believed_by_name_and_about_itself_only() {
    if !installed(&["openssl"]) {
        return;
    }
    let ours = Domain::new("ours.test");
    let (partner, other) = (Domain::new("partner.test"), Domain::new("other.test"));
    let dir = folder(&ours);
    let agent = Agent::start(dir.path("agent.sock"));
    agent.give(&ours.svid("/server"), &[&partner, &other]);
    let options = format!(
        "--identity spiffe --spiffe-socket {} --spiffe-federated partner.test",
        agent.endpoint()
    );
    let cases = [
        (ours.svid("/client"), true),
        (partner.svid("/client"), true),
        // The agent knows this one, too, and the program was not told of it.
        (other.svid("/client"), false),
        // Each CA says that somebody is of a domain that is not its own.
        (partner.svid_as("spiffe://ours.test/client"), false),
        (other.svid_as("spiffe://partner.test/client"), false),
        (ours.svid_as("spiffe://partner.test/client"), false),
        // No agent has spoken of its CA.
        (Domain::new("partner.test").svid("/client"), false),
    ];
    let origin = Origin::echo();
    let line = format!("server --listen 127.0.0.1:0 --target {} {options}", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, served) = (tunnel.port(), Served::start(&dir, &options));
    for (svid, enters) in cases {
        let mut client = Openssl::connect(&dir, port, &svid);
        assert_eq!(client.hears() == "ping\n", enters, "tunnel: {}", svid.id);
        let mut client = Openssl::connect(&dir, served.port, &svid);
        assert_eq!(client.hears() == "Hello World !\n", enters, "serve: {}", svid.id);
    }
    tunnel.wait(|event| reason(event).contains("not named by spiffe-federated"));

    // A client's tunnel goes to a server of the other domain, if its CA is that domain's.
    let there = Agent::start(dir.path("there.sock"));
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --identity spiffe --spiffe-socket {} \
         --spiffe-federated ours.test",
        origin.at(),
        there.endpoint()
    );
    there.give(&partner.svid("/db"), &[&ours]);
    let mut server = Tunnel::start(&dir, &line);
    let line = format!(
        "client --listen 127.0.0.1:0 --target 127.0.0.1:{} {options} \
         --allow uri=spiffe://partner.test/db",
        server.port()
    );
    let mut client = Tunnel::start(&dir, &line);
    let port = client.port_of("client");
    let reaches = || {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut back = [0; 4];
        tcp.write_all(b"ping").and_then(|()| tcp.read_exact(&mut back)).is_ok()
    };
    assert!(reaches());
    // Trusted by both, and not the CA of the ID's domain.
    let forged =
        Svid { bundle: partner.svid("/db").bundle, ..ours.svid_as("spiffe://partner.test/db") };
    there.give(&forged, &[&ours]);
    server.wait_message("reloaded");
    assert!(!reaches());
    client.wait(|event| reason(event).contains("issued by the CA of another trust domain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_what_the_agent_gave_last() {
    if !installed(&["openssl"]) {
        return;
    }
    let domain = Domain::new("example.org");
    let dir = folder(&domain);
    let agent = Agent::start(dir.path("agent.sock"));
    agent.give(&domain.svid("/server"), &[]);
    let line = format!("--identity spiffe --spiffe-socket {}", agent.endpoint());
    let mut server = Served::start(&dir, &line);
    let mut client = Openssl::connect(&dir, server.port, &domain.svid("/client"));
    assert_eq!((client.hears(), client.hears()), ("Hello World !\n".into(), "ping\n".into()));
    for stranger in
        [domain.svid_as("spiffe://elsewhere.org/client"), Domain::new("x.org").svid("/client")]
    {
        assert_eq!(Openssl::connect(&dir, server.port, &stranger).hears(), "", "{}", stranger.id);
        server.next_of("failed");
    }
    let next = domain.svid("/server");
    agent.give(&next, &[]);
    server.next_of("reloaded");
    assert_eq!(shown(&dir, server.port), serial(&dir, &next));
    let socket = agent.stop().await;
    let away = server.next_of("agent_away");
    assert!(away["reason"].is_string(), "{away}");
    assert_eq!(shown(&dir, server.port), serial(&dir, &next));
    let agent = Agent::start(socket);
    agent.give(&Domain::new("example.org").svid("/server"), &[]);
    server.next_of("agent_back");
    assert_eq!(server.next_of("cut_off")["why"], "refused");
    assert_eq!(client.hears(), "");
}

#[test]
fn without_an_agent_nothing_starts() {
    let dir = Folder::new();
    for (options, says) in [
        ("--spiffe-federated partner.test/path", "more than a trust domain"),
        (
            "--spiffe-federated Partner",
            "--spiffe-federated: \"spiffe://Partner\" is not a SPIFFE ID",
        ),
        ("--spiffe-socket /no/scheme", "an endpoint is unix:///PATH or tcp://ADDRESS:PORT"),
        ("--spiffe-socket unix:///agent --cert a.pem --key a.key", "--identity"),
    ] {
        let line = format!("serve --identity spiffe {options}");
        let refused = dir.seal(&line);
        assert!(refused.code == 2 && refused.stderr.contains(says), "{refused:?}");
    }
    let unset = "tunnel server -l 127.0.0.1:0 -t 127.0.0.1:1 --identity spiffe";
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.env_remove("SPIFFE_ENDPOINT_SOCKET");
    let words: Vec<_> = unset.split(' ').collect();
    let refused = dir.run(seal, &words, b"");
    assert!(refused.code == 2 && refused.stderr.contains("SPIFFE_ENDPOINT_SOCKET"), "{refused:?}");
}
