//! A CA in a folder, and a client that signs its requests itself, also in ways no client should.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use hyper::Method;
use sealwire::pki::{
    CaStore, CertificateBuilder, Csr, KeyAlgorithm, NameConstraint, PrivateKey, Subject,
    SubjectAltName,
};
use sealwire::{Connector, SecureContext};
use sealwire_acme::authority::Authority;
use sealwire_acme::clock::{self, Clock};
use sealwire_acme::server::{Answer, Call, Check, Server, Settings};
use sealwire_acme::store::{Postgres, Store};
use sealwire_testing::PostgreSql;
use serde_json::{Value, json};

pub(crate) const BASE: &str = "https://ca.test";

/// A CA for a test.
pub(crate) struct Ca {
    pub(crate) dir: Place,
    pub(crate) clock: Clock,
    /// The URL of its database, when that is PostgreSQL's.
    pub(crate) database: Option<String>,
}

/// A folder that goes with the test, or one of somebody else's.
pub(crate) enum Place {
    Own(tempfile::TempDir),
    Given(PathBuf),
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Given(dir) => dir,
        }
    }
}

impl Ca {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let root = CertificateBuilder::new(Subject::from_common_name("Test CA").unwrap())
            .authority(Some(1))
            .name_constraints(NameConstraint::private(), [])
            .self_signed(&key)
            .unwrap();
        CaStore::create(&dir.path().join("ca"), &root, &key.to_pem(), &[]).unwrap();
        Self { dir: Place::Own(dir), clock: now(), database: None }
    }

    /// One whose database is PostgreSQL's.
    pub(crate) fn on(server: &PostgreSql) -> Self {
        Self { database: Some(server.url()), ..Self::new() }
    }

    /// One that is there.
    pub(crate) fn at(dir: &Path, database: Option<String>) -> Self {
        Self { dir: Place::Given(dir.to_owned()), clock: now(), database }
    }

    pub(crate) fn authority(&self) -> Authority {
        let folder = self.dir.path().join("ca");
        let store = CaStore::open(&folder).unwrap();
        let record = |certificate: &_, deliver: &mut dyn FnMut() -> Result<(), _>| {
            store.record(certificate, deliver)
        };
        Authority::open(&folder, None, self.clock.clone(), &record).unwrap()
    }

    pub(crate) fn store(&self) -> Store {
        let clock = self.clock.clone();
        let Some(url) = &self.database else {
            return Store::open(&self.dir.path().join("ca.db"), clock).unwrap();
        };
        let connector = Connector::new(SecureContext::builder().build().unwrap());
        Store::new(Postgres::connect(url, None, connector).unwrap(), clock)
    }

    /// A node that believes every proof.
    pub(crate) fn server(&self) -> Server {
        let check: Check = Arc::new(|_| Box::pin(async { Ok(()) }));
        self.server_with(Settings::default(), check)
    }

    pub(crate) fn server_with(&self, settings: Settings, check: Check) -> Server {
        Server::new(self.store(), Arc::new(self.authority()), settings, check).unwrap()
    }
}

fn now() -> Clock {
    Clock::standing_at(clock::seconds(SystemTime::now()))
}

/// A client with a key of its own.
pub(crate) struct Client {
    pub(crate) server: Server,
    pub(crate) key: EcdsaKeyPair,
    pub(crate) kid: Option<String>,
    /// What is changed in the protected header before it is signed.
    pub(crate) twist: Option<fn(&mut Value)>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) answer: Answer,
}

impl Said {
    /// The name of the problem.
    pub(crate) fn problem(&self) -> &str {
        let kind = self.json["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(server: &Server) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { server: server.clone(), key, kid: None, twist: None }
    }

    /// One with an account.
    pub(crate) fn with_account(server: &Server) -> Self {
        let mut client = Self::new(server);
        let said = client.post("/acme/new-account", &json!({ "contact": ["mailto:a@b.test"] }));
        assert_eq!(said.status, 201, "{said:?}");
        client.kid = said.answer.get("location").map(str::to_owned);
        client
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    }

    pub(crate) fn nonce(&self) -> String {
        let said = self.get("/acme/new-nonce");
        said.answer.get("replay-nonce").unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, Vec::new())
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Said {
        self.send_as(None, method, path, body)
    }

    /// With a token.
    pub(crate) fn send_as(
        &self,
        bearer: Option<&str>,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Said {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let call = Call {
            method,
            path: path.to_owned(),
            query,
            base: BASE.to_owned(),
            is_jose: true,
            bearer: bearer.map(str::to_owned),
            body: body.into(),
        };
        let answer = self.server.answer(&call);
        let json = serde_json::from_slice(&answer.body).unwrap_or_default();
        Said { status: answer.status.as_u16(), json, answer }
    }

    /// A request that is signed as it should be; `""` for one that only reads.
    pub(crate) fn post(&self, path: &str, payload: &Value) -> Said {
        let body = self.signed(path, payload);
        self.send(Method::POST, path, serde_json::to_vec(&body).unwrap())
    }

    pub(crate) fn read(&self, url: &str) -> Said {
        self.post(url.strip_prefix(BASE).unwrap(), &json!(""))
    }

    pub(crate) fn signed(&self, path: &str, payload: &Value) -> Value {
        let mut header = json!({
            "alg": "ES256", "nonce": self.nonce(), "url": format!("{BASE}{path}"),
        });
        match &self.kid {
            Some(kid) => header["kid"] = kid.as_str().into(),
            None => header["jwk"] = self.jwk(),
        }
        if let Some(twist) = self.twist {
            twist(&mut header);
        }
        self.sign(&header, payload)
    }

    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> Value {
        let protected = b64(header.to_string().as_bytes());
        let payload = match payload {
            Value::String(empty) if empty.is_empty() => String::new(),
            payload => b64(payload.to_string().as_bytes()),
        };
        let signed = format!("{protected}.{payload}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        json!({ "protected": protected, "payload": payload, "signature": b64(signature.as_ref()) })
    }

    /// An order for these names, with all of them proved.
    pub(crate) async fn proved_order(&self, names: &[&str]) -> String {
        let identifiers: Vec<_> =
            names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
        let said = self.post("/acme/new-order", &json!({ "identifiers": identifiers }));
        assert_eq!(said.status, 201, "{said:?}");
        let url = said.answer.get("location").unwrap().to_owned();
        for authz in said.json["authorizations"].as_array().unwrap() {
            let authz = self.read(authz.as_str().unwrap());
            if authz.json["status"] == "pending" {
                let challenge = authz.json["challenges"][0]["url"].as_str().unwrap().to_owned();
                self.post(challenge.strip_prefix(BASE).unwrap(), &json!({}));
            }
        }
        self.until(&url, |status| status != "pending").await;
        url
    }

    /// Reads until the status is as wanted.
    pub(crate) async fn until(&self, url: &str, wanted: impl Fn(&str) -> bool) -> Said {
        loop {
            let said = self.read(url);
            if wanted(said.json["status"].as_str().unwrap_or_default()) {
                return said;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A request for a certificate, and its key.
    pub(crate) fn csr(names: &[&str]) -> (Vec<u8>, PrivateKey) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let names: Vec<SubjectAltName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let csr = Csr::builder(Subject::default()).names(names).sign(&key).unwrap();
        (csr.der().to_vec(), key)
    }

    pub(crate) fn finalize(&self, order: &str, names: &[&str]) -> Said {
        let (csr, _) = Self::csr(names);
        let path = format!("{}/finalize", order.strip_prefix(BASE).unwrap());
        self.post(&path, &json!({ "csr": b64(&csr) }))
    }

    /// A whole certificate: its URL, and what the URL gives.
    pub(crate) async fn certificate(&self, names: &[&str]) -> (String, String) {
        let order = self.proved_order(names).await;
        let said = self.finalize(&order, names);
        assert_eq!(said.json["status"], "valid", "{said:?}");
        let url = said.json["certificate"].as_str().unwrap().to_owned();
        let chain = String::from_utf8(self.read(&url).answer.body).unwrap();
        (url, chain)
    }
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
