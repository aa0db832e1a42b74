//! How many certificates a second an ACME server gives over the network, and what of its CPU each takes:
//! the same clients for ours and for others. Every request comes over TLS on a connection that stays,
//! is signed, and every name is proved by http-01.
//!
//! ```text
//! beside fill CA_FOLDER N                          puts N certificates into its database
//! beside serve CA_FOLDER PORT HTTP_PORT            our server, over that folder
//! beside ask DIRECTORY ROOT.pem HTTP_PORT SECONDS CLIENTS SERVER_PID
//! ```
//!
//! `.ci/acme-beside` is the whole run beside pebble, and docs/scale.md has its result.

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use sealwire::pki::{CaStore, Csr, KeyAlgorithm, PrivateKey, Subject, SubjectAltName};
use sealwire::{Connector, SecureContext, TrustStore};
use sealwire_acme::authority::Authority;
use sealwire_acme::client::{Http01, HttpDoor, Responder, Solver};
use sealwire_acme::clock::Clock;
use sealwire_acme::protocol::Identifier;
use sealwire_acme::server::{Check, Door, Server, Settings};
use sealwire_acme::store::{Issued, Store};
use sealwire_acme::validation::{self, Validator};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", folder, count] => fill(Path::new(folder), count.parse()?),
        ["serve", folder, port, http] => serve(Path::new(folder), port.parse()?, http.parse()?).await,
        ["ask", directory, root, http, seconds, clients, pid] => {
            let asked = Asked { directory: directory.to_owned(), root: std::fs::read(root)? };
            ask(asked, http.parse()?, seconds.parse()?, clients.parse()?, pid).await
        }
        _ => Err("fill FOLDER N | serve FOLDER PORT HTTP_PORT | ask DIRECTORY ROOT HTTP_PORT SECONDS CLIENTS PID".into()),
    }
}

fn fill(folder: &Path, count: u64) -> Outcome<()> {
    let store = Store::open(&folder.join("ca.db"), Clock::system())?;
    let ca = CaStore::open(folder)?.certificate()?;
    let now = store.clock().now();
    for thousand in 0..count.div_ceil(1000) {
        let one = |n: u64| Issued {
            serial: format!("{:032X}", u128::from(thousand * 1000 + n + 1) * 0x9E37_79B9_7F4A_7C15),
            issuer: "00".to_owned(),
            account: None,
            created: now,
            not_after: now + 600_000,
            revoked: None,
            replaced: None,
            subject: "/CN=stored.test".to_owned(),
            names: "stored.test".to_owned(),
            der: Some(ca.der().to_vec()),
        };
        store.import(&(0..1000).map(one).collect::<Vec<_>>())?;
    }
    println!("{} stored", store.totals()?.0);
    Ok(())
}

async fn serve(folder: &Path, port: u16, http_port: u16) -> Outcome<()> {
    let store = Store::open(&folder.join("ca.db"), Clock::system())?;
    let authority = Authority::open(folder, None, Clock::system(), &|_, deliver| deliver())?;
    let settings = validation::Settings { http_port, ..validation::Settings::default() };
    let validator = Arc::new(Validator::new(settings)?);
    let check: Check = Arc::new(move |proof| {
        let validator = validator.clone();
        Box::pin(async move { validator.check(&proof).await })
    });
    let server = Server::new(
        store,
        Arc::new(authority),
        Settings { proofs_last: 0, ..Settings::default() },
        check,
    )?;
    let door = Door::new(server, vec![Identifier::Dns("localhost".to_owned())])?;
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("https://localhost:{port}/directory");
    Ok(door.serve(tcp).await?)
}

/// Which server.
struct Asked {
    directory: String,
    root: Vec<u8>,
}

async fn ask(asked: Asked, http: u16, seconds: u64, clients: u64, pid: &str) -> Outcome<()> {
    let shown = Http01::default();
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, http)).await?;
    let _door = HttpDoor::open(tcp, vec![shown.clone()]);
    let asked = Arc::new(asked);
    let mut all = Vec::new();
    for number in 0..clients {
        all.push((number, Client::new(&asked, shown.clone()).await?));
    }
    let count = Arc::new(AtomicU64::new(0));
    let cpus = || [cpu(pid), cpu("self")];
    let (before, asked_before, begun) = (cpus(), REQUESTS.load(Ordering::Relaxed), Instant::now());
    let end = begun + Duration::from_secs(seconds);
    let tasks: Vec<_> = all
        .into_iter()
        .map(|(number, mut client)| {
            let count = count.clone();
            tokio::spawn(async move {
                for n in 0_u64.. {
                    if Instant::now() >= end {
                        break;
                    }
                    client.certificate(&format!("c{number}-{n}.localhost")).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        // Its certificates count all the same; the others have gone on.
        if let Err(error) = task.await? {
            eprintln!("client {number} stopped: {error}");
        }
    }
    let (took, count) = (begun.elapsed().as_secs_f64(), count.load(Ordering::Relaxed) as f64);
    println!("{:.0} certificates a second, by {clients} clients", count / took);
    let requests = REQUESTS.load(Ordering::Relaxed) - asked_before;
    println!("{:.1} requests for each", requests as f64 / count.max(1.0));
    for (whose, before, after) in
        [("server's", 0), ("clients'", 1)].map(|(whose, at)| (whose, before[at], cpus()[at]))
    {
        if let (Some(before), Some(after)) = (before, after) {
            let each = (after - before) * 1000.0 / count.max(1.0);
            println!("{each:.2} ms of the {whose} CPU for each");
        }
    }
    Ok(())
}

/// A server that loses a request or an order must not hold the run up for ever.
const PATIENCE: Duration = Duration::from_secs(3);

/// All that the clients have sent.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Seconds of CPU that a process has used (Linux; a hundred ticks a second, as it tells them).
fn cpu(pid: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// One that has an account and keeps its connection.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    key: EcdsaKeyPair,
    kid: Option<String>,
    nonce: Option<String>,
    urls: Value,
    shown: Http01,
}

impl Client {
    async fn new(asked: &Asked, shown: Http01) -> Outcome<Self> {
        let context = SecureContext::builder().trust(TrustStore::from_pem(&asked.root)?).build()?;
        let uri: Uri = asked.directory.parse()?;
        let host = uri.authority().ok_or("no host")?.to_string();
        let tls = Connector::new(context).alpn(["http/1.1"]).connect_to(&host).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let mut client =
            Self { sender, host, key, kid: None, nonce: None, urls: Value::Null, shown };
        client.urls = client.get(&asked.directory).await?.0;
        let wanted = json!({ "termsOfServiceAgreed": true });
        let (_, location) = client.post("newAccount", &wanted).await?;
        client.kid = location;
        Ok(client)
    }

    /// A whole certificate, from the order to the download.
    async fn certificate(&mut self, name: &str) -> Outcome<()> {
        let wanted = json!({ "identifiers": [{ "type": "dns", "value": name }] });
        let (order, location) = self.post("newOrder", &wanted).await?;
        let url = location.ok_or("an order has a place")?;
        let authz = order["authorizations"][0].as_str().ok_or("no authorization")?.to_owned();
        let (proof, _) = self.post(&authz, &Value::Null).await?;
        let challenges = proof["challenges"].as_array().cloned().unwrap_or_default();
        let challenge =
            challenges.iter().find(|one| one["type"] == "http-01").ok_or("no http-01")?;
        let token = challenge["token"].as_str().ok_or("no token")?.to_owned();
        let responder = Responder {
            identifier: Identifier::Dns(name.to_owned()),
            key_authorization: format!("{token}.{}", self.thumbprint()),
            token,
        };
        let shown = self.shown.clone();
        shown.present(&responder).await?;
        self.post(challenge["url"].as_str().ok_or("no url")?, &json!({})).await?;
        self.until(&url, "ready").await?;
        shown.clean(&responder).await?;
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let csr = Csr::builder(Subject::default())
            .names([SubjectAltName::Dns(name.to_owned())])
            .sign(&key)?;
        let finalize = order["finalize"].as_str().ok_or("no finalize")?.to_owned();
        self.post(&finalize, &json!({ "csr": b64(csr.der()) })).await?;
        let done = self.until(&url, "valid").await?;
        let certificate = done["certificate"].as_str().ok_or("no certificate")?.to_owned();
        let (chain, _) = self.post(&certificate, &Value::Null).await?;
        match chain.as_str().is_some_and(|chain| chain.contains("BEGIN CERTIFICATE")) {
            true => Ok(()),
            false => Err("no certificate".into()),
        }
    }

    async fn until(&mut self, url: &str, status: &str) -> Outcome<Value> {
        let mut wait = Duration::from_millis(2);
        let begun = Instant::now();
        loop {
            let (order, _) = self.post(url, &Value::Null).await?;
            match order["status"].as_str() {
                Some(now) if now == status => return Ok(order),
                Some("invalid") | None => return Err(format!("{url}: {order}").into()),
                _ if begun.elapsed() > PATIENCE => {
                    return Err(
                        format!("{url} is not {status:?} after {PATIENCE:?}: {order}").into()
                    );
                }
                _ => tokio::time::sleep(wait).await,
            }
            wait = (wait * 2).min(Duration::from_millis(100));
        }
    }

    async fn get(&mut self, url: &str) -> Outcome<(Value, Option<String>)> {
        let uri: Uri = url.parse()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let request = Request::get(path).header(HOST, &self.host).body(Full::default())?;
        self.send(request).await
    }

    /// A signed request; `null` only reads. A name of the directory stands for its URL.
    async fn post(&mut self, url: &str, payload: &Value) -> Outcome<(Value, Option<String>)> {
        let url = self.urls[url].as_str().unwrap_or(url).to_owned();
        loop {
            if self.nonce.is_none() {
                let new = self.urls["newNonce"].as_str().ok_or("no newNonce")?.to_owned();
                self.get(&new).await?;
            }
            let mut header = json!({ "alg": "ES256", "nonce": self.nonce.take(), "url": url });
            match &self.kid {
                Some(kid) => header["kid"] = kid.as_str().into(),
                None => header["jwk"] = self.jwk(),
            }
            let protected = b64(header.to_string().as_bytes());
            let payload = match payload {
                Value::Null => String::new(),
                payload => b64(payload.to_string().as_bytes()),
            };
            let signed = format!("{protected}.{payload}");
            let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
            let signature = b64(signature.as_ref());
            let body =
                json!({ "protected": protected, "payload": payload, "signature": signature });
            let uri: Uri = url.parse()?;
            let request = Request::post(uri.path())
                .header(HOST, &self.host)
                .header(CONTENT_TYPE, "application/jose+json")
                .body(Full::new(Bytes::from(body.to_string())))?;
            let said = self.send(request).await?;
            let kind = said.0["type"].as_str().unwrap_or_default();
            if !kind.starts_with("urn:ietf:params:acme:error:") {
                return Ok(said);
            }
            if !kind.ends_with(":badNonce") {
                return Err(format!("{url}: {}", said.0).into());
            }
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Outcome<(Value, Option<String>)> {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        let asked = format!("{} {}", request.method(), request.uri());
        let answer = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            Outcome::Ok((parts, body.collect().await?.to_bytes()))
        };
        let late = |_| format!("{asked} is not answered after {PATIENCE:?}");
        let (parts, body) = tokio::time::timeout(PATIENCE, answer).await.map_err(late)??;
        let header = |name: &str| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        self.nonce = header("replay-nonce").or_else(|| self.nonce.take());
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        let value = serde_json::from_slice(&body).unwrap_or_else(|_| text());
        Ok((value, header(LOCATION.as_str())))
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "crv": "P-256", "kty": "EC", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    }

    /// RFC 7638: the members in the order of their names, as serde_json has them.
    fn thumbprint(&self) -> String {
        b64(digest(&SHA256, self.jwk().to_string().as_bytes()).as_ref())
    }
}

fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
