//! Any request to the ACME server: any body, any protected header, and any payload that an account
//! has signed as it should be. Each is answered, with a problem document where it is refused, and
//! never with the server's own failure.
#![no_main]

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use hyper::Method;
use libfuzzer_sys::fuzz_target;
use sealwire::pki::{CaStore, CertificateBuilder, KeyAlgorithm, NameConstraint, PrivateKey, Subject};
use sealwire_acme::authority::Authority;
use sealwire_acme::clock::Clock;
use sealwire_acme::protocol::NameRules;
use sealwire_acme::server::{Answer, Call, Check, Server, Settings};
use sealwire_acme::store::{AccountRules, Sqlite, Store, Token};
use sealwire_fuzz::Input;
use serde_json::{Value, json};

const BASE: &str = "https://ca.test";

/// A new server comes after so many requests: what they leave in its memory would grow for ever.
const REQUESTS: u32 = 2000;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("threads"));

/// The folder of the CA, made once.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("sealwire-fuzz-acme-{}", std::process::id()));
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let root = CertificateBuilder::new(Subject::from_common_name("Fuzz CA").expect("a name"))
        .authority(Some(1))
        .name_constraints(NameConstraint::private(), [])
        .self_signed(&key)
        .expect("a root");
    CaStore::create(&folder, &root, &key.to_pem(), &[]).expect("a folder");
    folder
});

/// A server with an account, an order of it and its key.
struct Node {
    server: Server,
    key: EcdsaKeyPair,
    kid: String,
    /// A token of the server's, with which a body needs no signature.
    token: String,
    paths: Vec<String>,
    left: u32,
}

thread_local! {
    static NODE: RefCell<Option<Node>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let _entered = RUNTIME.enter();
    NODE.with_borrow_mut(|kept| {
        let node = match kept {
            Some(node) if node.left > 0 => node,
            _ => kept.insert(Node::new()),
        };
        node.left -= 1;
        let mut input = Input(data);
        let path = node.paths[usize::from(input.byte()) % node.paths.len()].clone();
        let body = match input.byte() % 4 {
            0 => input.0.to_vec(),
            1 => node.signed(input.0, b""),
            2 => {
                let header = json!({ "alg": "ES256", "nonce": node.nonce(),
                    "url": format!("{BASE}{path}"), "jwk": node.jwk() });
                node.signed(header.to_string().as_bytes(), input.0)
            }
            _ => node.signed(node.header(&path).to_string().as_bytes(), input.0),
        };
        let method = if input.byte() == 1 { Method::GET } else { Method::POST };
        let answer = node.call(method, &path, body);
        assert!(answer.status.as_u16() < 500, "{path}: {answer:?}");
        if answer.status.is_client_error() {
            let problem: Value = serde_json::from_slice(&answer.body).expect("a problem");
            assert!(problem["detail"].is_string() && problem["type"].is_string(), "{problem}");
        }
    });
});

impl Node {
    fn new() -> Self {
        let store = Store::new(Sqlite::in_memory().expect("memory"), Clock::system());
        let ca = CaStore::open(&FOLDER).expect("the CA");
        let record = |certificate: &_, deliver: &mut dyn FnMut() -> Result<(), _>| {
            ca.record(certificate, deliver)
        };
        let authority =
            Authority::open(&FOLDER, None, Clock::system(), &record).expect("an intermediate");
        // Every name is believed.
        let check: Check = Arc::new(|_| Box::pin(async { Ok(()) }));
        let server =
            Server::new(store, Arc::new(authority), Settings::default(), check).expect("a server");
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let fixed = ["new-account", "new-order", "revoke-cert", "key-change", "new-nonce"];
        let mut paths = fixed.map(|name| format!("/acme/{name}")).to_vec();
        paths.push("/issue".to_owned());
        let made = server.store().clock().now();
        let token = Token {
            id: "t".to_owned(),
            label: String::new(),
            created: made,
            expires: made + 86_400,
            rules: AccountRules {
                names: NameRules::below(["app.test".parse().expect("a name")]),
                profiles: Vec::new(),
            },
            users: vec!["ops1".to_owned()],
            uses: i64::from(REQUESTS),
        };
        let token = server.store().add_token(&token).expect("a token");
        let mut node = Self { server, key, kid: String::new(), token, paths, left: REQUESTS };
        let made = node.post("/acme/new-account", &json!({ "termsOfServiceAgreed": true }), None);
        node.kid = made.get("location").expect("an account").to_owned();
        let names = json!({ "identifiers": [{ "type": "dns", "value": "app.test" }] });
        let order = node.post("/acme/new-order", &names, Some(&node.kid));
        let url = order.get("location").expect("an order").to_owned();
        let told: Value = serde_json::from_slice(&order.body).expect("an order");
        let authz = told["authorizations"][0].as_str().expect("one").to_owned();
        for url in [&node.kid, &url, &format!("{url}/finalize"), &authz] {
            node.paths.push(url.trim_start_matches(BASE).to_owned());
        }
        node
    }

    fn call(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        let (path, base) = (path.to_owned(), BASE.to_owned());
        let bearer = Some(self.token.clone());
        let call = Call { method, path, query: None, base, is_jose: true, bearer, body: body.into() };
        self.server.answer(&call)
    }

    fn post(&self, path: &str, payload: &Value, kid: Option<&str>) -> Answer {
        let mut header = json!({
            "alg": "ES256", "nonce": self.nonce(), "url": format!("{BASE}{path}"),
        });
        match kid {
            Some(kid) => header["kid"] = kid.into(),
            None => header["jwk"] = self.jwk(),
        }
        let payload = payload.to_string();
        let body = self.signed(header.to_string().as_bytes(), payload.as_bytes());
        self.call(Method::POST, path, body)
    }

    fn header(&self, path: &str) -> Value {
        json!({ "alg": "ES256", "nonce": self.nonce(), "url": format!("{BASE}{path}"), "kid": self.kid })
    }

    fn nonce(&self) -> String {
        let answer = self.call(Method::GET, "/acme/new-nonce", Vec::new());
        answer.get("replay-nonce").expect("a nonce").to_owned()
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    }

    fn signed(&self, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let (protected, payload) = (b64(header), b64(payload));
        let text = format!("{protected}.{payload}");
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        let signature = b64(signature.as_ref());
        json!({ "protected": protected, "payload": payload, "signature": signature })
            .to_string()
            .into_bytes()
    }
}

fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
