//! `seal ca init`.

use std::env;

use clap::Args;
use sealwire::pki::{
    CaStore, CertificateBuilder, KeyAlgorithm, KeyEncryption, NameConstraint, PrivateKey, Subject,
    Validity,
};

use crate::files::ca_folder::CaFolder;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::authority::Authority;

/// Create a CA for development and private machines
///
/// Name constraints limit the CA to localhost, the private domains (.test, .internal, .local,
/// .home.arpa) and the names of --permit, so that a stolen key cannot be used to impersonate public
/// sites. --unconstrained removes the limit. `seal` issues for private addresses and those of
/// --permit only; --limit-addresses puts this into the certificate too, but then clients with
/// BoringSSL (Bun, gRPC, some builds of curl) cannot connect to servers whose certificate contains
/// an address. Mailboxes are not limited.
///
/// With mkcert: mkcert -install (and then seal trust install)
#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    folder: CaFolder,
    /// Common name [default: Development CA of USER, and a part of its key]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Full subject, instead of --name: /O=Example/CN=Example CA
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    subject: Option<Subject>,
    /// Permit this domain, network or mail domain as well; may be repeated: example.com,
    /// 203.0.113.0/24, @example.com
    #[arg(long, value_name = "NAME", conflicts_with = "unconstrained")]
    permit: Vec<NameConstraint>,
    /// Create it without name constraints
    #[arg(long)]
    unconstrained: bool,
    /// Also constrain IP addresses in the CA's certificate
    #[arg(long, conflicts_with = "unconstrained")]
    limit_addresses: bool,
    /// Validity in days
    #[arg(long, value_name = "N", default_value_t = 3650)]
    days: u32,
    /// Kind of its key: p256, p384, rsa:3072, rsa:4096, ...
    #[arg(long, value_name = "KIND", default_value = "p256")]
    key_kind: KeyAlgorithm,
    /// Number of further CAs allowed below it
    #[arg(long, value_name = "N", default_value_t = 1)]
    path_length: u8,
    /// Encrypt its key; prompts for the passphrase, or reads it from --passphrase-file
    #[arg(long)]
    encrypt: bool,
    /// Read the passphrase for the new key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let path = self.folder.path()?;
        if CaStore::open(&path).is_ok() {
            let what = format!("{}: this folder already contains a CA", path.display());
            return Err(Failure::usage(what).advise("--ca-dir names another folder"));
        }
        let key = PrivateKey::generate(self.key_kind)?;
        let subject = match (self.subject, &self.name) {
            (Some(subject), _) if subject.is_empty() => {
                return Err(Failure::usage("--subject: a CA needs a name"));
            }
            (Some(subject), _) => subject,
            (None, Some(name)) => Subject::from_common_name(name).map_err(|e| e.at("--name"))?,
            (None, None) => Subject::from_common_name(&default_name(&key))?,
        };
        let mut builder = CertificateBuilder::new(subject)
            .authority(Some(self.path_length))
            .validity(Validity::days(self.days).map_err(|e| e.at("--days"))?);
        let (addresses, names): (Vec<_>, Vec<_>) =
            self.permit.into_iter().partition(|one| matches!(one, NameConstraint::Ip { .. }));
        let addresses: Vec<_> = NameConstraint::private_addresses().chain(addresses).collect();
        if !self.unconstrained {
            let limited = addresses.iter().filter(|_| self.limit_addresses).cloned();
            let permitted = NameConstraint::private_names().chain(names).chain(limited);
            builder = builder.name_constraints(permitted, []);
        }
        let certificate = builder.self_signed(&key)?;
        let key = key_text(&key, self.encrypt, self.passphrase_file.as_ref())?;
        let store = CaStore::create(&path, &certificate, &key, &[])?;
        if !self.unconstrained && !self.limit_addresses {
            store.limit_addresses(&addresses)?;
        }
        report::print(&Authority::new(&store)?, self.json)?;
        if !self.json {
            let other = self.folder.as_option();
            report::note(format_args!(
                "next: `seal trust install{other}` lets this machine trust it, `seal ca issue{other} localhost` \
                 issues a certificate"
            ));
        }
        Ok(Answer::Yes)
    }
}

/// The text of the key file of a CA.
pub(super) fn key_text(
    key: &PrivateKey,
    encrypt: bool,
    source: Option<&Source>,
) -> Result<zeroize::Zeroizing<String>, Failure> {
    if !encrypt && source.is_none() {
        return Ok(key.to_pem());
    }
    let passphrase = passphrase::choose(source, "the key of the CA")?;
    let pem = key.to_encrypted_pem(passphrase.as_bytes(), KeyEncryption::default())?;
    Ok(zeroize::Zeroizing::new(pem))
}

/// Two CAs of one name and different keys are mixed up by verifiers, which look for an issuer by its
/// name, so a part of the key is in it: some bytes that are random in each kind of public key.
fn default_name(key: &PrivateKey) -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| env::var(name).ok());
    let user = user.as_deref().unwrap_or("unknown");
    let user: String = user.chars().filter(|c| !c.is_control()).take(32).collect();
    let part = key.spki_der().iter().rev().skip(12).take(3);
    let part: String = part.map(|byte| format!("{byte:02x}")).collect();
    format!("Development CA of {user} ({part})")
}
