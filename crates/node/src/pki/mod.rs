//! Keys, requests, certificates and PFX, made and read for `sealwire/pki`.
//!
//! Each function takes an order and gives what came of it, at once or from a thread of Node's pool.
//! An error is a part of the outcome: the JavaScript half makes one of it.

mod certificate;
mod key;
mod list;
mod pfx;
mod request;

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Task};
use napi_derive::napi;
use sealwire::pki::{Error, Problem};

use certificate::CertificateOrder;
use key::KeyOrder;
use list::ListOrder;
use pfx::{PfxOrder, PfxToRead};
use request::{RequestOrder, RequestToRead};

/// What was made, or read: of all this, what there is.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Made {
    /// A private key, PKCS#8 in PEM.
    pub key: Option<String>,
    /// Its public half, SPKI in PEM.
    pub public_key: Option<String>,
    /// A certificate in PEM, and the intermediates that it needs.
    pub cert: Option<String>,
    /// A request in PEM.
    pub csr: Option<String>,
    /// A revocation list in PEM.
    pub crl: Option<String>,
    /// A PFX.
    pub pfx: Option<Buffer>,
    /// The other certificates of a PFX, in PEM.
    pub ca: Option<Vec<String>>,
    /// The subject of a request (RFC 4514).
    pub subject: Option<String>,
    /// The names of a request, as OpenSSL writes them.
    pub names: Option<Vec<String>>,
    /// The friendly name of a PFX.
    pub name: Option<String>,
}

/// Why nothing was made: the name of a [`Problem`], and what is wrong in one line.
#[napi(object, object_from_js = false)]
pub struct Trouble {
    /// The name of the problem.
    pub problem: String,
    /// What is wrong, with the option that is at fault.
    pub message: String,
}

/// One of both.
#[napi(object, object_from_js = false)]
pub struct Outcome {
    /// What there is now.
    pub made: Option<Made>,
    /// Or why there is nothing.
    pub trouble: Option<Trouble>,
}

/// Something to be made.
trait Order: Send + 'static {
    fn make(self) -> Result<Made, Error>;
}

fn carry_out(order: impl Order) -> Outcome {
    let made = catch_unwind(AssertUnwindSafe(|| order.make()))
        .unwrap_or_else(|_| Err(Error::new(Problem::Internal, "the library has panicked")));
    match made {
        Ok(made) => Outcome { made: Some(made), trouble: None },
        Err(error) => Outcome { made: None, trouble: Some(trouble(&error)) },
    }
}

fn trouble(error: &Error) -> Trouble {
    // The variant's name; of `Io`, without the kind.
    let name = format!("{:?}", error.problem());
    let problem = name.split('(').next().unwrap_or_default().to_owned();
    Trouble { problem, message: error.to_string() }
}

/// An order on its way to another thread.
pub struct Job(Option<Box<dyn FnOnce() -> Outcome + Send>>);

impl Job {
    fn later(order: impl Order) -> AsyncTask<Self> {
        AsyncTask::new(Self(Some(Box::new(move || carry_out(order)))))
    }
}

impl Task for Job {
    type Output = Outcome;
    type JsValue = Outcome;

    fn compute(&mut self) -> napi::Result<Outcome> {
        let work = self.0.take().ok_or_else(|| napi::Error::from_reason("done already"))?;
        Ok(work())
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome) -> napi::Result<Outcome> {
        Ok(outcome)
    }
}

/// A private key, and its public half.
#[napi]
pub fn make_key(order: KeyOrder) -> Outcome {
    carry_out(order)
}

/// As [`make_key`], on another thread.
#[napi]
pub fn make_key_later(order: KeyOrder) -> AsyncTask<Job> {
    Job::later(order)
}

/// A certification request.
#[napi]
pub fn make_request(order: RequestOrder) -> Outcome {
    carry_out(order)
}

/// As [`make_request`], on another thread.
#[napi]
pub fn make_request_later(order: RequestOrder) -> AsyncTask<Job> {
    Job::later(order)
}

/// Subject, names and public key of a request whose signature is right.
#[napi]
pub fn read_request(order: RequestToRead) -> Outcome {
    carry_out(order)
}

/// A certificate, self-signed or signed by a CA, and its key when that was made for it.
#[napi]
pub fn make_certificate(order: CertificateOrder) -> Outcome {
    carry_out(order)
}

/// As [`make_certificate`], on another thread.
#[napi]
pub fn make_certificate_later(order: CertificateOrder) -> AsyncTask<Job> {
    Job::later(order)
}

/// A revocation list.
#[napi]
pub fn make_list(order: ListOrder) -> Outcome {
    carry_out(order)
}

/// As [`make_list`], on another thread.
#[napi]
pub fn make_list_later(order: ListOrder) -> AsyncTask<Job> {
    Job::later(order)
}

/// A PFX.
#[napi]
pub fn make_pfx(order: PfxOrder) -> Outcome {
    carry_out(order)
}

/// As [`make_pfx`], on another thread.
#[napi]
pub fn make_pfx_later(order: PfxOrder) -> AsyncTask<Job> {
    Job::later(order)
}

/// What is in a PFX.
#[napi]
pub fn read_pfx(pfx: &[u8], passphrase: Option<String>) -> Outcome {
    carry_out(PfxToRead { pfx: pfx.to_vec(), passphrase })
}

/// As [`read_pfx`], on another thread.
#[napi]
pub fn read_pfx_later(pfx: &[u8], passphrase: Option<String>) -> AsyncTask<Job> {
    Job::later(PfxToRead { pfx: pfx.to_vec(), passphrase })
}

/// Texts as values, with the option named when one is wrong.
fn parse_all<T>(texts: Option<Vec<String>>, option: &str) -> Result<Vec<T>, Error>
where
    T: std::str::FromStr<Err = Error>,
{
    texts.unwrap_or_default().iter().map(|text| parse(text, option)).collect()
}

fn parse<T: std::str::FromStr<Err = Error>>(text: &str, option: &str) -> Result<T, Error> {
    text.parse().map_err(|error: Error| error.at(format!("options.{option}")))
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(Problem::InvalidValue, what)
}
