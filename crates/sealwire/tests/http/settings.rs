//! What cannot be kept is refused by its name, and who is no good is refused by us.

use std::error::Error as StdError;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealwire::http::HttpsConnector;
use sealwire::verify::Refusal;
use sealwire::{Acceptor, ClientAuth, Connector, Listener, Live, PeerVerification, SecureContext};

use super::support::{Ca, Pair, in_time};

async fn server(ca: &Ca, server: &Pair) -> String {
    let context = SecureContext::builder().identity(server.identity()).trust(ca.trust());
    let acceptor = Acceptor::new(context.build().unwrap()).client_auth(ClientAuth::Request);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    format!("https://localhost:{port}/")
}

/// Our refusal, wherever it is in an error.
fn refusal(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut error = Some(error);
    let mut texts = Vec::new();
    while let Some(one) = error {
        if let Some(refusal) = one.downcast_ref::<Refusal>() {
            return Some(refusal.code().name().to_owned());
        }
        texts.push(one.to_string());
        error = one.source();
    }
    texts.into_iter().find_map(|text| {
        let found = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        found.filter(|word| word.len() > 10).map(str::to_owned).next()
    })
}

fn reqwest(connector: &Connector) -> reqwest::Client {
    let config = connector.rustls_config().unwrap();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap()
}

#[tokio::test]
async fn both_kinds_of_client_refuse_whom_we_refuse() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other"));
    let good = ca.server();
    let misnamed = ca.issue("elsewhere", sealwire::pki::ExtendedKeyUsage::SERVER_AUTH);
    let misused = ca.client("localhost");
    let lists = [ca.list(&[&good.certificate])];
    let trusting = || SecureContext::builder().trust(ca.trust());
    let cases = [
        (&good, trusting().build(), None),
        (
            &good,
            SecureContext::builder().trust(other.trust()).build(),
            Some("SELF_SIGNED_CERT_IN_CHAIN"),
        ),
        (&good, trusting().crls(lists).build(), Some("CERT_REVOKED")),
        (&misnamed, trusting().build(), Some("ERR_TLS_CERT_ALTNAME_INVALID")),
        (&misused, trusting().build(), Some("INVALID_PURPOSE")),
    ];
    for (pair, context, expected) in cases {
        let url = server(&ca, pair).await;
        let connector = Connector::new(context.unwrap());
        let ours = Client::builder(TokioExecutor::new())
            .build::<_, http_body_util::Empty<hyper::body::Bytes>>(HttpsConnector::new(
                connector.clone(),
            ));
        let ours = in_time(ours.get(url.parse().unwrap())).await;
        let theirs = in_time(reqwest(&connector).get(&url).send()).await;
        assert_eq!(ours.is_ok(), expected.is_none(), "{ours:?}");
        assert_eq!(ours.err().and_then(|error| refusal(&error)).as_deref(), expected);
        assert_eq!(theirs.is_ok(), expected.is_none(), "{theirs:?}");
        assert_eq!(theirs.err().and_then(|error| refusal(&error)).as_deref(), expected);
    }
}

#[test]
fn what_rustls_cannot_keep_is_named() {
    let connector = || Connector::new(SecureContext::builder().build().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let log = sealwire::KeyLogFile::open(dir.path().join("keys")).unwrap();
    let cases = [
        ("peer_verification", connector().peer_verification(PeerVerification::Recorded)),
        ("key_log", connector().key_log(log)),
        ("live", connector().live(Live::default())),
        ("keep_session", connector().keep_session(true)),
    ];
    for (option, connector) in cases {
        assert_eq!(connector.rustls_config().unwrap_err().option(), option);
    }
}

#[tokio::test]
async fn plain_http_is_refused() {
    let connector = Connector::new(SecureContext::builder().build().unwrap());
    let client = Client::builder(TokioExecutor::new())
        .build::<_, http_body_util::Empty<hyper::body::Bytes>>(HttpsConnector::new(connector));
    let error = client.get("http://localhost:1/".parse().unwrap()).await.unwrap_err();
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("is not an https URL"), "{why}");
}
