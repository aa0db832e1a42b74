//! Sessions of the second engine go on as those of the first do: by ticket and by store, with the peer
//! judged again, and never by the other engine.

use sealwire::session::{HelloReply, Question};
use sealwire::{
    ClientAuth, ClientOptions, ClientSession, PeerVerification, ProtocolVersion, SecureContext,
    SecureContextBuilder, ServerOptions, TicketKeys,
};

use crate::pair::Pair;
use crate::peers::credentials::context;
use crate::{Legacy, OLD, Tls12, Tls13, ready, to};

const LIST: &str = "AES128-SHA:ECDHE-ECDSA-AES128-SHA";

fn old(builder: SecureContextBuilder, version: ProtocolVersion) -> SecureContext {
    let legacy = Legacy::new().every_connection(true);
    let builder = builder.legacy(legacy).versions(version..=version);
    let list = if version == Tls13 { "TLS_AES_128_GCM_SHA256" } else { LIST };
    builder.cipher_list(list).expect("a list").build().expect("a context")
}

fn connect(client: (&SecureContext, &ClientOptions), server: (&SecureContext, ClientAuth)) -> Pair {
    let options = ServerOptions::new().client_auth(server.1);
    let mut pair = Pair::new(client, (server.0, &options));
    pair.settle();
    if pair.client.complete && pair.server.complete {
        pair.converse();
    }
    pair
}

fn resumed(pair: &Pair) -> bool {
    let of = |end: &crate::pair::End| end.session.peer().expect("complete").is_resumed();
    assert_eq!(of(&pair.client), of(&pair.server));
    of(&pair.client)
}

fn offering(session: &ClientSession) -> ClientOptions {
    to("localhost").resume(false).resume_session(session.clone())
}

#[test]
fn a_session_resumes_with_the_verdict_of_today() {
    if !ready() {
        return;
    }
    for version in OLD.into_iter().chain([Tls13]) {
        for client_auth in [ClientAuth::None, ClientAuth::Request, ClientAuth::Require] {
            let client = old(context("client", "ca"), version);
            let server = old(context("rsa", "ca"), version);
            let mut first =
                connect((&client, &to("localhost").resume(false)), (&server, client_auth));
            assert!(!resumed(&first), "{version}");
            let session = first.client.sessions.pop().expect("a session");
            assert_eq!(session.protocol(), version);
            assert!(session.ticket().is_some());
            let again = connect((&client, &offering(&session)), (&server, client_auth));
            assert!(resumed(&again), "{version} {client_auth:?}");
            // Both know each other as before, by the chain of then.
            let chain = |pair: &Pair| {
                [&pair.client, &pair.server].map(|end| {
                    let peer = end.session.peer().expect("complete");
                    (peer.authorized(), peer.certificates().to_vec())
                })
            };
            assert_eq!(chain(&again), chain(&first), "{version} {client_auth:?}");
            assert_eq!(again.server.authorized(), client_auth != ClientAuth::None);

            // A session of TLS 1.3 is good for one connection, as with the first engine.
            let thrice = connect((&client, &offering(&session)), (&server, client_auth));
            assert_eq!(resumed(&thrice), version != Tls13);
        }
    }
}

#[test]
fn a_context_resumes_by_itself() {
    if !ready() {
        return;
    }
    for version in OLD {
        let client = old(context("", "ca"), version);
        let server = old(context("p256", ""), version);
        let once = || connect((&client, &to("localhost")), (&server, ClientAuth::None));
        assert!(!resumed(&once()));
        assert!(resumed(&once()), "{version}");
        assert!(resumed(&once()), "{version}");
    }
}

#[test]
fn who_would_be_refused_today_resumes_nothing() {
    if !ready() {
        return;
    }
    for version in OLD {
        // The client no longer trusts the server of its session.
        let server = old(context("rsa", "ca"), version);
        let trusting = old(context("client", "ca"), version);
        let mut first =
            connect((&trusting, &to("localhost").resume(false)), (&server, ClientAuth::None));
        let session = first.client.sessions.pop().expect("a session");
        let wary = old(context("client", "other-ca"), version);
        let options = offering(&session).verification(PeerVerification::Recorded);
        let pair = connect((&wary, &options), (&server, ClientAuth::None));
        assert!(!resumed(&pair) && !pair.client.authorized(), "{version}");

        // The server no longer trusts its client.
        let keys = TicketKeys::generate().expect("random bytes");
        let with = |trust: &str| old(context("rsa", trust).ticket_keys(keys.clone()), version);
        let (before, after) = (with("ca"), with("other-ca"));
        let asked = ClientAuth::Request;
        let mut first = connect((&trusting, &to("localhost").resume(false)), (&before, asked));
        let session = first.client.sessions.pop().expect("a session");
        assert!(resumed(&connect((&trusting, &offering(&session)), (&before, asked))));
        let options = ServerOptions::new().client_auth(asked);
        let options = options.verification(PeerVerification::Recorded);
        let mut pair = Pair::new((&trusting, &offering(&session)), (&after, &options));
        pair.settle();
        assert!(!resumed(&pair) && !pair.server.authorized(), "{version}");

        // One in which nobody was asked is none where somebody is.
        let unasked =
            connect((&trusting, &to("localhost").resume(false)), (&before, ClientAuth::None));
        let session = unasked.client.sessions.last().expect("a session");
        let pair = connect((&trusting, &offering(session)), (&before, asked));
        assert!(!resumed(&pair) && pair.server.authorized(), "{version}");
    }
}

#[test]
fn servers_with_the_same_keys_resume_each_others_sessions() {
    if !ready() {
        return;
    }
    let keys = TicketKeys::generate().expect("random bytes");
    let server = |keys: &TicketKeys| old(context("rsa", "").ticket_keys(keys.clone()), Tls12);
    let client = old(context("", "ca"), Tls12);
    let (one, other) = (server(&keys), server(&keys));
    let mut first = connect((&client, &to("localhost").resume(false)), (&one, ClientAuth::None));
    let session = first.client.sessions.pop().expect("a session");
    assert!(resumed(&connect((&client, &offering(&session)), (&other, ClientAuth::None))));
    other.set_ticket_keys(TicketKeys::generate().expect("random bytes"));
    assert!(!resumed(&connect((&client, &offering(&session)), (&other, ClientAuth::None))));
}

#[test]
fn a_program_stores_the_sessions_of_its_clients() {
    if !ready() {
        return;
    }
    for version in OLD.into_iter().chain([Tls13]) {
        let client = old(context("client", "ca"), version);
        let server = old(context("rsa", "ca").stateless_tickets(false), version);
        let mut store = Vec::new();
        let mut run = |options: &ClientOptions, damaged: bool| {
            let serving = ServerOptions::new().client_auth(ClientAuth::Request);
            let serving = serving.ask_client_hello(true).ask_store_session(true);
            let mut pair = Pair::new((&client, options), (&server, &serving));
            loop {
                pair.settle();
                let answered = match pair.server.session.question() {
                    Some(Question::ClientHello(asked)) => {
                        let hello = asked.hello().clone();
                        let known = |id: &[u8]| {
                            store.iter().find(|(known, _): &&(Vec<u8>, Vec<u8>)| known == id)
                        };
                        let mut reply = HelloReply::new();
                        if let Some((_, data)) = hello.session_ids().find_map(known) {
                            let data =
                                if damaged { b"INVALID SESSION".to_vec() } else { data.clone() };
                            reply = reply.resume(data);
                        }
                        asked.answer(reply)
                    }
                    Some(Question::StoreSession(asked)) => {
                        store.push((asked.id().to_vec(), asked.data().clone().into_vec()));
                        asked.stored()
                    }
                    None => break,
                    other => panic!("{other:?}"),
                };
                pair.server.go_on(answered);
            }
            pair.converse();
            pair
        };
        let mut first = run(&to("localhost").resume(false), false);
        let session = first.client.sessions.pop().expect("a session");
        let again = run(&offering(&session), false);
        assert!(resumed(&again) && again.server.authorized(), "{version}");
        let mut first = run(&to("localhost").resume(false), false);
        let session = first.client.sessions.pop().expect("a session");
        assert!(!resumed(&run(&offering(&session), true)), "{version}");
    }
}

#[test]
fn the_engines_do_not_take_each_others_sessions() {
    if !ready() {
        return;
    }
    let keys = TicketKeys::generate().expect("random bytes");
    let list = "ECDHE+AESGCM:AES128-SHA";
    let engines = [false, true].map(|every| {
        let speaks = |builder: SecureContextBuilder| {
            let legacy = Legacy::new().every_connection(every);
            let builder = builder.legacy(legacy).versions(Tls12..=Tls12);
            builder.cipher_list(list).expect("a list").build().expect("a context")
        };
        (speaks(context("", "ca")), speaks(context("rsa", "").ticket_keys(keys.clone())))
    });
    for (client, _) in &engines {
        for (_, server) in &engines {
            for (other, _) in &engines {
                let first =
                    connect((client, &to("localhost").resume(false)), (server, ClientAuth::None));
                let session = first.client.sessions.last().expect("a session");
                for (_, another) in &engines {
                    let pair = connect((other, &offering(session)), (another, ClientAuth::None));
                    let same = std::ptr::eq(client, other) && std::ptr::eq(server, another);
                    assert_eq!(resumed(&pair), same);
                    assert!(pair.client.authorized());
                }
            }
        }
    }
}
