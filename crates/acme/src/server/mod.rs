//! An ACME server (RFC 8555, RFC 8737, RFC 8738, RFC 9773, and the profiles draft): requests in,
//! answers out. [`Server`] does no TLS and opens no socket; [`Door`] does, and passes it requests.

mod account;
mod authorization;
mod call;
mod certificate;
mod claims;
mod finalize;
mod issue;
mod key_change;
mod listen;
mod nonce;
mod order;
mod renewal;
mod revoke;
mod signed;

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::authority::{Authority, Profile};
use crate::clock::Seconds;
use crate::protocol::{Kind, NameRules, Problem};
use crate::store::{Error, Store};
use crate::validation::Proof;
pub use call::{Answer, Call};
use claims::Claims;
pub use listen::Door;
use nonce::Nonces;

/// The settings of the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The names by which clients may reach it (`Host`), without a port; none at all means any.
    pub hosts: Vec<String>,
    /// Whether an account needs an EAB key.
    pub eab_required: bool,
    /// The names that may be certified, besides what the CA's constraints say.
    pub names: NameRules,
    /// What can be ordered; the first is the usual.
    pub profiles: Vec<Profile>,
    /// How long an account need not prove a name again; nothing means each order has to.
    pub proofs_last: Seconds,
    /// Whether dns-persist-01 is offered, and as which CA.
    pub persist_as: Option<String>,
    /// Where the revocation lists are, for certificates: before `/crl/ID.crl`.
    pub crl_base: Option<String>,
    /// How long a revocation list is good.
    pub crl_lasts: Seconds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            eab_required: false,
            names: NameRules::below(sealwire::pki::NameConstraint::private()),
            profiles: Profile::usual(),
            proofs_last: 3600,
            persist_as: None,
            crl_base: None,
            crl_lasts: 86_400,
        }
    }
}

/// Checks a proof, some time.
pub type Check =
    Arc<dyn Fn(Proof) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>> + Send + Sync>;

/// An ACME server.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    store: Store,
    authority: Arc<Authority>,
    settings: Settings,
    nonces: Nonces,
    check: Check,
    runtime: Handle,
    /// The claims, where there is one node.
    claims: Option<Claims>,
    /// Serial numbers of certificates on their way to the disk, not visible yet.
    recording: Mutex<HashSet<String>>,
    refusals: issue::Refusals,
}

/// How long the response to a challenge waits for its validation: most take less, and need not be
/// asked for again.
const SOON: Duration = Duration::from_secs(1);

/// The longest request; a CSR for a hundred names has some four thousand bytes.
const LONGEST_BODY: usize = 64 * 1024;

impl Server {
    /// A server over the store and the signer of a CA. Checks run on the runtime of the
    /// caller.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(
        store: Store,
        authority: Arc<Authority>,
        settings: Settings,
        check: Check,
    ) -> Result<Self, Error> {
        let nonces = Nonces::new(&store)?;
        let runtime = Handle::current();
        let claims = (!store.is_shared()).then(Claims::default);
        let inner = Inner {
            store,
            authority,
            settings,
            nonces,
            check,
            runtime,
            claims,
            recording: Mutex::default(),
            refusals: issue::Refusals::default(),
        };
        inner.note_signer()?;
        Ok(Self(Arc::new(inner)))
    }

    /// What it remembers.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The signer.
    #[must_use]
    pub fn authority(&self) -> &Arc<Authority> {
        &self.0.authority
    }

    /// Notes the current signer, after [`Authority::refresh`]: clients of the previous one learn that they
    /// should renew.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note_signer(&self) -> Result<(), Error> {
        self.0.note_signer()
    }

    /// Answers a request that came over TLS.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                let what = format!("more than {LONGEST_BODY} bytes, or cut short");
                return Answer::problem(&Problem::malformed(what).status(413)).into_response();
            }
        };
        let call = match Call::new(&parts, body, &self.0.settings.hosts) {
            Ok(call) => call,
            Err(problem) => return Answer::problem(&problem).into_response(),
        };
        let mut answer = match self.0.answers_at_once() {
            true => self.answer(&call),
            false => {
                let server = self.clone();
                let answered = self.0.runtime.spawn_blocking(move || server.answer(&call)).await;
                answered.unwrap_or_else(|_| Answer::new(StatusCode::INTERNAL_SERVER_ERROR))
            }
        };
        answer.wait_for_check(SOON).await;
        answer.into_response()
    }

    /// Answers a request, in this thread.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Answer {
        let inner = &self.0;
        let mut answer = match inner.route(call) {
            Ok(answer) => answer,
            Err(problem) => Answer::problem(&problem),
        };
        if call.method == Method::POST
            && let Ok(nonce) = inner.nonces.make(inner.store.clock().now())
        {
            answer = answer.header("replay-nonce", &nonce);
        }
        answer.header("link", &format!("<{}/directory>;rel=\"index\"", call.base))
    }

    /// Answers a request for public data, also without TLS: revocation lists and certificates
    /// of CAs. `None`: it is for something else.
    #[must_use]
    pub fn answer_in_public(&self, path: &str) -> Option<Answer> {
        let inner = &self.0;
        let found = match path.strip_prefix('/')?.split('/').collect::<Vec<_>>()[..] {
            ["crl", file] => inner.crl(file),
            ["ca", file] => inner.ca(file),
            _ => return None,
        };
        Some(found.unwrap_or_else(|problem| Answer::problem(&problem)))
    }
}

impl Inner {
    fn route(&self, call: &Call) -> Result<Answer, Problem> {
        let path = call.path.strip_prefix('/').unwrap_or(&call.path);
        let parts: Vec<&str> = path.split('/').collect();
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        match (reads, parts.as_slice()) {
            (true, ["directory"] | ["acme", "directory"]) => Ok(self.directory(call)),
            (true, ["acme", "new-nonce"]) => self.new_nonce(call),
            (true, ["acme", "renewal-info", id]) => self.renewal_info(id),
            (true, ["crl", file]) => self.crl(file),
            (true, ["ca", file]) => self.ca(file),
            (false, parts) if call.method == Method::POST => match parts {
                ["acme", "new-account"] => self.new_account(call),
                ["acme", "account", id] => self.account(call, id),
                ["acme", "orders", id] => self.orders(call, id),
                ["acme", "key-change"] => self.key_change(call),
                ["acme", "new-order"] => self.new_order(call),
                ["acme", "order", id] => self.order(call, id),
                ["acme", "order", id, "finalize"] => self.finalize(call, id),
                ["acme", "authz", id] => self.authorization(call, id),
                ["acme", "challenge", id, kind] => self.challenge(call, id, kind),
                ["acme", "certificate", serial] => self.certificate(call, serial, 0),
                ["acme", "certificate", serial, number] => {
                    let number = number.parse().map_err(|_| Problem::not_found("certificate"))?;
                    self.certificate(call, serial, number)
                }
                ["acme", "revoke-cert"] => self.revoke_cert(call),
                ["issue"] => self.issue_by_token(call),
                _ => Err(Problem::not_found("resource")),
            },
            (true, ["acme", ..]) => {
                Err(Problem::malformed("this is read by a signed POST (POST-as-GET)").status(405))
            }
            _ => Err(Problem::not_found("resource")),
        }
    }

    fn directory(&self, call: &Call) -> Answer {
        let at = |path: &str| format!("{}/acme/{path}", call.base);
        let profiles: serde_json::Map<_, _> = self
            .settings
            .profiles
            .iter()
            .map(|profile| (profile.name().to_owned(), profile.description().into()))
            .collect();
        Answer::json(
            StatusCode::OK,
            &json!({
                "newNonce": at("new-nonce"),
                "newAccount": at("new-account"),
                "newOrder": at("new-order"),
                "revokeCert": at("revoke-cert"),
                "keyChange": at("key-change"),
                "renewalInfo": at("renewal-info"),
                "meta": {
                    "externalAccountRequired": self.settings.eab_required,
                    "profiles": profiles,
                },
            }),
        )
    }

    fn new_nonce(&self, call: &Call) -> Result<Answer, Problem> {
        let status = match call.method {
            Method::HEAD => StatusCode::OK,
            _ => StatusCode::NO_CONTENT,
        };
        let nonce = self.nonces.make(self.store.clock().now())?;
        Ok(Answer::new(status).header("replay-nonce", &nonce))
    }

    fn note_signer(&self) -> Result<(), Error> {
        let signer = self.authority.signer();
        let chain: String = signer.chain().iter().map(sealwire::pki::Certificate::to_pem).collect();
        self.store.use_issuer(signer.id(), &chain)
    }

    /// Whether requests are answered in the threads that read them. They take a fraction of a millisecond
    /// each, about as much as to hand them to another thread and back, and the store lends the thread out
    /// while it waits for the disk. One that is asked over the network waits for every answer.
    fn answers_at_once(&self) -> bool {
        !self.store.is_shared() && self.runtime.runtime_flavor() == RuntimeFlavor::MultiThread
    }

    fn now(&self) -> Seconds {
        self.store.clock().now()
    }
}

/// Internal failures are logged; the client gets `serverInternal`.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        tracing::error!(reason = %error, "the store failed");
        Self::new(Kind::ServerInternal, "the CA's store does not answer; try again later")
            .status(503)
    }
}
