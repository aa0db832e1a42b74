//! `seal ca issue`.

mod ask;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::TrustStore;
use sealwire::pki::{
    CaStore, Certificate, CertificateBuilder, ChainCheck, Csr, GeneralName, Issuer, KeyAlgorithm,
    Pfx, PrivateKey, Purpose, Subject, SubjectAltName,
};
use sealwire_files::Access;
use serde::Serialize;

use super::database;
use crate::cmd::cert::shape::Period;
use crate::files::ca_folder::{CaFolder, CaPassphrase, check_outside};
use crate::files::delivery::Delivery;
use crate::files::material::Anchor;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::made::Made;

/// Issue a certificate for names, with a new key
///
/// Writes NAME.pem, with the chain except the root, and NAME-key.pem. The certificate is for TLS
/// servers, or with --client for clients. The kind of each name is detected: localhost, 127.0.0.1,
/// ::1, app.test, *.app.test, user@example.com. With --client, a name without a dot ('ops1', 'Alice
/// Smith') is a user name and becomes the common name.
///
/// With --server, a running `seal ca serve` signs the certificate, authorized by a token of `seal
/// ca token new`. The key is generated here and does not leave this machine.
///
/// With mkcert: mkcert localhost 127.0.0.1 ::1
#[derive(Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    #[command(flatten)]
    passphrase: CaPassphrase,
    /// The names
    #[arg(value_name = "NAME", required_unless_present_any = ["copy_names", "subject", "csr"])]
    names: Vec<String>,
    /// Full subject, instead of a common name: /O=Example/OU=ops/CN=ops1
    #[arg(long, value_name = "NAME")]
    subject: Option<Subject>,
    /// For TLS clients instead of servers
    #[arg(long, conflicts_with = "both")]
    client: bool,
    /// For servers and clients
    #[arg(long)]
    both: bool,
    #[command(flatten)]
    period: Period,
    /// Kind of the key: p256, p384, rsa:2048, ...
    #[arg(long, value_name = "KIND", default_value = "p256", conflicts_with = "csr")]
    key_kind: KeyAlgorithm,
    /// Sign this request instead of making a key
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// Also copy the names of the request
    #[arg(long, requires = "csr")]
    copy_names: bool,
    /// Output file for the certificate and its chain [default: NAME.pem]
    #[arg(long, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// Output file for the key [default: NAME-key.pem]
    #[arg(long, value_name = "FILE", conflicts_with = "csr")]
    key_file: Option<PathBuf>,
    /// Also write a PFX to this file
    #[arg(long, value_name = "FILE", conflicts_with = "csr", requires = "pfx_passphrase_file")]
    pfx: Option<PathBuf>,
    /// Read the passphrase of the PFX from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    pfx_passphrase_file: Option<Source>,
    /// URL of the CA's CRL; may be repeated
    #[arg(long, value_name = "URL")]
    crl_url: Vec<String>,
    /// URL of a `seal ca serve` that signs, instead of this CA: https://ca.internal:14000
    #[arg(long, value_name = "URL", requires = "token_file",
        conflicts_with_all = ["subject", "both", "crl_url", "days", "hours", "not_before", "not_after"])]
    server: Option<String>,
    /// Read the token for --server from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<Source>,
    /// Verify that server against these CAs: a PEM file, `system` or `bundled` [default: both]; may
    /// be repeated
    #[arg(long, value_name = "FILE", requires = "server")]
    server_ca: Vec<Anchor>,
    /// Certificate profile of that server [default: client with --client, otherwise the server's
    /// default]
    #[arg(long, value_name = "PROFILE", requires = "server")]
    profile: Option<String>,
    /// Overwrite files that exist
    #[arg(long)]
    force: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    certificate: Made,
    key_file: Option<String>,
    pfx_file: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.certificate.fmt(f)?;
        for (file, what) in [(&self.key_file, "its private key"), (&self.pfx_file, "both in one")] {
            if let Some(file) = file {
                write!(f, "\n{file}: {what}")?;
            }
        }
        Ok(())
    }
}

impl Issue {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        if self.server.is_some() {
            return self.ask();
        }
        if self.names.is_empty() && self.subject.is_none() && !self.copy_names {
            return Err(Failure::usage("the certificate needs a NAME")
                .advise("--copy-names takes those of the request"));
        }
        let store = self.folder.open()?;
        let csr = self.csr.as_deref().map(read_request).transpose()?;
        let holder = Holder::new(&self, csr.as_ref())?;
        let places = self.places(&holder)?;
        check_outside(&store, &places.all())?;
        let issuer = self.passphrase.unlock(&store)?;
        let key = match csr {
            Some(_) => None,
            None => Some(PrivateKey::generate(self.key_kind)?),
        };
        let spki = key.as_ref().map_or_else(
            || csr.as_ref().map(Csr::spki_der).unwrap_or_default(),
            PrivateKey::spki_der,
        );
        let certificate = self.builder(csr.as_ref(), &holder)?.signed_by(&issuer, spki)?;
        check_allowed(&store, &issuer, &certificate)?;

        let chain: Vec<_> = store.chain()?.into_iter().filter(|c| !c.is_self_signed()).collect();
        let delivery = self.delivery(&places, &certificate, chain, key.as_ref())?;
        let ready = delivery.stage()?;
        self.database.ledger(&self.folder, &store)?.record(&certificate, || ready.put())?;
        self.report(&places, &certificate)
    }

    /// Where everything goes, all of it checked.
    fn places(&self, holder: &Holder) -> Result<Places, Failure> {
        let (certificate, key) = self.file_names(holder);
        let places = Places { certificate, key, pfx: self.pfx.clone() };
        Delivery::new(self.force).check(&places.all())?;
        Ok(places)
    }

    /// The files: a certificate, those above it, and its key where that was made here.
    fn delivery(
        &self,
        places: &Places,
        certificate: &Certificate,
        chain: Vec<Certificate>,
        key: Option<&PrivateKey>,
    ) -> Result<Delivery, Failure> {
        let mut delivery = Delivery::new(self.force);
        delivery.check(&places.all())?;
        if let (Some(key), Some(key_file)) = (key, &places.key) {
            delivery.add(key_file, key.to_pem().as_bytes(), Access::Private);
        }
        let pem: String =
            std::iter::once(certificate).chain(&chain).map(Certificate::to_pem).collect();
        delivery.add(&places.certificate, pem.as_bytes(), Access::Public);
        if let (Some(path), Some(source), Some(key)) = (&places.pfx, &self.pfx_passphrase_file, key)
        {
            let passphrase = passphrase::choose(Some(source), "the PFX")?;
            let name = certificate_name(certificate);
            let pfx = Pfx::new(key.clone(), certificate.clone(), chain)?.friendly_name(name);
            delivery.add(path, &pfx.to_der(&passphrase)?, Access::Private);
        }
        Ok(delivery)
    }

    fn report(&self, places: &Places, certificate: &Certificate) -> Result<Answer, Failure> {
        let shown = |path: &PathBuf| path.display().to_string();
        let report = Report {
            certificate: Made::new(shown(&places.certificate), certificate),
            key_file: places.key.as_ref().map(shown),
            pfx_file: places.pfx.as_ref().map(shown),
        };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }

    fn builder(&self, csr: Option<&Csr>, holder: &Holder) -> Result<CertificateBuilder, Failure> {
        use sealwire::pki::ExtendedKeyUsage as Use;
        let purposes = match (self.client, self.both) {
            (true, _) => vec![Use::CLIENT_AUTH],
            (_, true) => vec![Use::SERVER_AUTH, Use::CLIENT_AUTH],
            _ => vec![Use::SERVER_AUTH],
        };
        let mut builder = csr.map_or_else(
            || CertificateBuilder::new(Subject::default()),
            CertificateBuilder::for_csr,
        );
        builder = builder.names(holder.names.iter().cloned());
        if let Some(subject) = &holder.subject {
            builder = builder.subject(subject.clone());
        }
        if let (Some(csr), true) = (csr, self.copy_names) {
            builder = builder.copy_names(csr);
        }
        builder = builder.extended_key_usage(purposes);
        for url in &self.crl_url {
            builder = builder.crl_url(url);
        }
        if let Some(validity) = self.period.validity()? {
            builder = builder.validity(validity);
        }
        Ok(builder)
    }

    /// mkcert's names, so that scripts written for it find their files.
    fn file_names(&self, holder: &Holder) -> (PathBuf, Option<PathBuf>) {
        let common_name = || holder.subject.as_ref().and_then(Subject::common_name);
        let first = holder.all_names.first().cloned().or_else(common_name);
        let first = first.unwrap_or_else(|| "certificate".to_owned());
        let mut base: String = first
            .replace('*', "_wildcard")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.@+".contains(c) { c } else { '_' })
            .collect();
        if holder.all_names.len() > 1 {
            base += &format!("+{}", holder.all_names.len() - 1);
        }
        if self.client {
            base += "-client";
        }
        let certificate = self.cert_file.clone();
        let key = self.key_file.clone().unwrap_or_else(|| format!("{base}-key.pem").into());
        (
            certificate.unwrap_or_else(|| format!("{base}.pem").into()),
            Some(key).filter(|_| self.csr.is_none()),
        )
    }
}

/// Where the files go.
struct Places {
    certificate: PathBuf,
    /// None: the request's key stays with its owner.
    key: Option<PathBuf>,
    pfx: Option<PathBuf>,
}

impl Places {
    fn all(&self) -> Vec<&PathBuf> {
        [Some(&self.certificate), self.key.as_ref(), self.pfx.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The names of a certificate.
struct Holder {
    /// `None`: the request's own.
    subject: Option<Subject>,
    /// What it is valid for, as the command line says.
    names: Vec<SubjectAltName>,
    /// These, and those that the request asks for.
    all_names: Vec<String>,
}

impl Holder {
    fn new(issue: &Issue, csr: Option<&Csr>) -> Result<Self, Failure> {
        // A server is shown the request as it is.
        let copies = issue.copy_names || (issue.server.is_some() && csr.is_some());
        let (users, names): (Vec<_>, Vec<_>) =
            issue.names.iter().partition(|name| issue.client && is_user_name(name));
        let names = names
            .into_iter()
            .map(|name| name.parse::<SubjectAltName>())
            .collect::<Result<Vec<_>, _>>()?;
        let subject = match (&issue.subject, users.as_slice(), csr) {
            (Some(subject), [], _) => Some(subject.clone()),
            (None, [], Some(_)) => None,
            (None, [], None) => Some(match names.first() {
                // A person goes by the mailbox; a server's common name holds a DNS name only.
                Some(name @ SubjectAltName::Email(_)) if issue.client => {
                    Subject::from_common_name(&name.value())?
                }
                _ => Subject::of_holder(&names)?,
            }),
            (None, [user], _) => Some(Subject::from_common_name(user)?),
            (Some(_), [user, ..], _) => {
                return Err(Failure::usage(format!(
                    "{user:?} is a user's name, and --subject names the user already"
                )));
            }
            (None, [first, second, ..], _) => {
                return Err(Failure::usage(format!(
                    "{first:?} and {second:?}: a certificate has one common name"
                ))
                .advise("--subject gives a whole subject"));
            }
        };
        if !issue.client && names.is_empty() && !copies {
            return Err(Failure::usage("a server's certificate needs a host name or an address"));
        }
        let requested = csr.filter(|_| copies).map(Csr::names).unwrap_or_default();
        let shown = names.iter().chain(&requested).map(|name| name.value().into_owned());
        let all_names = users.into_iter().cloned().chain(shown).collect();
        Ok(Self { subject, names, all_names })
    }
}

/// Whether a client goes by this name as people do, not hosts: no dot, no mailbox, no address.
fn is_user_name(name: &str) -> bool {
    !name.contains(['.', '@', ':']) && name != "localhost"
}

fn read_request(path: &Path) -> Result<Csr, Failure> {
    let csr = Csr::from_file(path)?;
    csr.verify()
        .and_then(|()| csr.key_algorithm())
        .map_err(|e| e.at(path.display().to_string()))?;
    Ok(csr)
}

/// Refuses to hand out what clients would refuse (a name outside the CA's constraints, a CA that
/// has expired), and addresses that the CA's folder does not allow.
pub(crate) fn check_allowed(
    store: &CaStore,
    issuer: &Issuer,
    leaf: &Certificate,
) -> Result<(), Failure> {
    check_addresses(store, leaf)?;
    let mut presented = vec![leaf.clone()];
    let chain = store.chain()?;
    presented.extend(chain.iter().cloned());
    // The last certificate known is believed here, be it a root or not.
    let top = chain.last().unwrap_or_else(|| issuer.certificate()).clone();
    let trust = TrustStore::from_certificates([top])
        .map_err(|e| Failure::refused(e.to_string()))?
        .allow_partial_chain(true);
    let verdict = ChainCheck {
        presented: &presented,
        trust: &trust,
        crls: &[],
        purpose: Purpose::Any,
        name: None,
        time: leaf.not_before(),
        security_level: 0,
    }
    .verdict();
    match verdict.findings().last() {
        None => Ok(()),
        Some(finding) if finding.code().name() == "PERMITTED_VIOLATION" => {
            let names = crate::view::card::names(leaf).join(", ");
            Err(Failure::refused(format!("the CA's name constraints do not permit {names}"))
                .advise(
                    "make one with `seal ca init --ca-dir DIR --permit NAME`, or --unconstrained",
                ))
        }
        Some(finding) => {
            Err(Failure::refused(format!("clients would refuse the certificate: {finding}")))
        }
    }
}

fn check_addresses(store: &CaStore, leaf: &Certificate) -> Result<(), Failure> {
    let Some(allowed) = store.addresses()? else { return Ok(()) };
    for name in leaf.subject_alt_names().unwrap_or_default() {
        if let GeneralName::Ip(address) = name
            && !allowed.iter().any(|network| network.contains(address))
        {
            let folder = store.folder().display();
            let what = format!("{address} is not permitted by {folder}/addresses.txt");
            return Err(Failure::refused(what).advise(
                "add its network there, or make a CA with `seal ca init --ca-dir DIR --permit NETWORK`",
            ));
        }
    }
    Ok(())
}

fn certificate_name(certificate: &Certificate) -> String {
    Subject::from_der(certificate.subject().der())
        .ok()
        .and_then(|subject| subject.common_name())
        .unwrap_or_else(|| "certificate".to_owned())
}
