//! The two judges: Sealwire in this process, and the program `openssl`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sealwire::pki::{self, ChainCheck};
use sealwire::pki::{Certificate, CertificatePolicies, Crl, Purpose};
use sealwire::verify::{NameCheck, Verdict};
use sealwire::{ServerName, TrustStore};

use super::{Error, Vector};

/// A chain and everything that a verdict on it depends on.
#[derive(Clone)]
pub(crate) struct Chain {
    /// As a peer sends them: the leaf first.
    pub(crate) presented: Vec<Certificate>,
    pub(crate) trusted: Vec<Certificate>,
    /// What OpenSSL is given instead of these two, where they are PEM with more in it than a
    /// [`Certificate`] writes: trust settings, or what Sealwire does not read.
    pub(crate) texts: Option<Texts>,
    /// Whether a trusted certificate that is no root is an anchor.
    pub(crate) partial: bool,
    pub(crate) lists: Vec<Crl>,
    pub(crate) policies: Option<PolicyInput>,
    pub(crate) purpose: Purpose,
    pub(crate) host: Option<String>,
    pub(crate) time: i64,
    pub(crate) security_level: u8,
}

/// The certificates of a chain as their suite has them, PEM.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    pub(crate) leaf: String,
    pub(crate) sent: String,
    pub(crate) trusted: String,
    /// Why Sealwire cannot read one of them, which is a no.
    pub(crate) refused: Option<String>,
}

/// RFC 5280, 6.1.1 (c) to (g).
#[derive(Clone, Default)]
pub(crate) struct PolicyInput {
    pub(crate) accepted: Vec<String>,
    pub(crate) explicit: bool,
    pub(crate) inhibit_any: bool,
    pub(crate) inhibit_mapping: bool,
}

impl Chain {
    /// A chain of certificates in PEM, judged now for any use at OpenSSL's security level 1.
    pub(crate) fn of_pem(texts: Texts) -> Self {
        let mut chain = Self {
            presented: Vec::new(),
            trusted: Vec::new(),
            texts: None,
            partial: false,
            lists: Vec::new(),
            policies: None,
            purpose: Purpose::Any,
            host: None,
            time: now(),
            security_level: 1,
        };
        let mut refused = None;
        let mut read = |text: &str| match Certificate::all_from_pem(text.as_bytes()) {
            Ok(all) => all,
            Err(_) if !text.contains("-----BEGIN ") => Vec::new(),
            Err(error) => {
                refused = Some(error.to_string());
                Vec::new()
            }
        };
        chain.presented = read(&texts.leaf);
        chain.presented.truncate(1);
        chain.presented.extend(read(&texts.sent));
        chain.trusted = read(&texts.trusted);
        chain.texts = Some(Texts { refused, ..texts });
        chain
    }

    /// A time at which all of its certificates are valid.
    pub(crate) fn common_time(&self) -> Option<i64> {
        let all = || self.presented.iter().chain(&self.trusted);
        let start = all().map(Certificate::not_before).max()?;
        let end = all().map(Certificate::not_after).min()?;
        (start <= end).then_some(start + (end - start) / 2)
    }

    /// The same, of which nothing is given but the path that Sealwire trusts.
    pub(crate) fn path_alone(&self) -> Self {
        let verdict = self.verdict();
        let pem = |all: &[Certificate]| all.iter().map(Certificate::to_pem).collect::<String>();
        let path = verdict.chain();
        // With a partial chain, AWS-LC goes on above the first that is trusted.
        let end = path.iter().position(|it| self.partial && self.trusted.contains(it));
        let path = &path[..end.map_or(path.len(), |end| end + 1)];
        let (leaf, above) = path.split_first().expect("what is trusted has a chain");
        let mut alone = self.clone();
        let anchor = above.last().unwrap_or(leaf);
        let sent = &above[..above.len().saturating_sub(1)];
        // With its trust settings.
        let settings =
            self.texts.iter().flat_map(|texts| pki::pem::blocks(texts.trusted.as_bytes()));
        let anchor = settings
            .filter_map(|block| {
                let text = pki::pem::encode(block.label(), &block.decode().ok()?);
                let read = Certificate::all_from_pem(text.as_bytes()).ok()?;
                (read.first() == Some(anchor)).then_some(text)
            })
            .next();
        alone.texts = Some(Texts {
            leaf: leaf.to_pem(),
            sent: pem(sent),
            trusted: anchor.unwrap_or_default(),
            refused: None,
        });
        alone
    }

    /// Writes what OpenSSL is given into a folder, with its command line.
    pub(crate) fn keep(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder)?;
        self.openssl(folder)?;
        let findings = self.findings().join("\n");
        std::fs::write(folder.join("findings.txt"), findings)?;
        Ok(())
    }

    /// Sealwire's answer.
    pub(crate) fn is_trusted(&self) -> bool {
        self.refused().is_none() && self.verdict().is_trusted()
    }

    fn refused(&self) -> Option<&str> {
        self.texts.as_ref()?.refused.as_deref()
    }

    /// What Sealwire has against it.
    pub(crate) fn findings(&self) -> Vec<String> {
        if let Some(refused) = self.refused() {
            return vec![refused.to_owned()];
        }
        self.verdict().findings().iter().map(ToString::to_string).collect()
    }

    fn verdict(&self) -> Verdict {
        let mut trust = TrustStore::from_certificates(self.trusted.iter().cloned())
            .expect("a set of certificates")
            .allow_partial_chain(self.partial);
        if let Some(input) = &self.policies {
            let accepted = input
                .accepted
                .iter()
                .try_fold(CertificatePolicies::default(), |policies, policy| {
                    policies.accept(policy)
                });
            let policies = accepted.expect("policies are object identifiers");
            let policies = policies.explicit(input.explicit).inhibit_any(input.inhibit_any);
            trust = trust.require_policies(policies.inhibit_mapping(input.inhibit_mapping));
        }
        let name = self.host.as_ref().map(|host| {
            (host.parse::<ServerName>().expect("a host or an address"), NameCheck::Node)
        });
        ChainCheck {
            presented: &self.presented,
            trust: &trust,
            crls: &self.lists,
            purpose: self.purpose,
            name,
            time: self.time,
            security_level: self.security_level,
        }
        .verdict()
    }

    fn openssl(&self, folder: &Path) -> Result<bool, Error> {
        let pem = |certificates: &[Certificate]| -> String {
            certificates.iter().map(Certificate::to_pem).collect()
        };
        let texts = self.texts.clone().unwrap_or_else(|| Texts {
            leaf: pem(&self.presented[..1]),
            sent: pem(&self.presented[1..]),
            trusted: pem(&self.trusted),
            refused: None,
        });
        std::fs::write(folder.join("leaf.pem"), &texts.leaf)?;
        std::fs::write(folder.join("sent.pem"), &texts.sent)?;
        std::fs::write(folder.join("trusted.pem"), &texts.trusted)?;
        let mut openssl = Command::new("openssl");
        // Not -trusted: OpenSSL does not look there for the issuer of a list's signer.
        openssl.current_dir(folder).args(["verify", "-no-CApath", "-no-CAstore"]);
        openssl.args(["-attime", &self.time.to_string(), "-CAfile", "trusted.pem"]);
        if texts.trusted.is_empty() {
            return Ok(false);
        }
        if self.partial {
            openssl.arg("-partial_chain");
        }
        openssl.args(["-auth_level", &self.security_level.to_string()]);
        if !texts.sent.is_empty() {
            openssl.args(["-untrusted", "sent.pem"]);
        }
        match self.purpose {
            Purpose::Server => _ = openssl.args(["-purpose", "sslserver"]),
            Purpose::Client => _ = openssl.args(["-purpose", "sslclient"]),
            _ => {}
        }
        if !self.lists.is_empty() {
            let lists: String = self.lists.iter().map(Crl::to_pem).collect();
            std::fs::write(folder.join("lists.pem"), lists)?;
            openssl.args([
                "-CRLfile",
                "lists.pem",
                "-crl_check_all",
                "-extended_crl",
                "-use_deltas",
            ]);
        }
        if let Some(host) = &self.host {
            let is_address = host.parse::<std::net::IpAddr>().is_ok();
            openssl.args([if is_address { "-verify_ip" } else { "-verify_hostname" }, host]);
        }
        if let Some(input) = &self.policies {
            openssl.arg("-policy_check");
            input.accepted.iter().for_each(|policy| _ = openssl.args(["-policy", policy]));
            let flags = [
                (input.explicit, "-explicit_policy"),
                (input.inhibit_any, "-inhibit_any"),
                (input.inhibit_mapping, "-inhibit_map"),
            ];
            openssl.args(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag));
        }
        openssl.arg("leaf.pem");
        std::fs::write(folder.join("command.txt"), format!("{openssl:?}\n"))?;
        openssl.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(openssl.status()?.success())
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(now.as_secs()).expect("the clock is before the year 292277026596")
}

/// `OpenSSL 3.0.19`.
pub(crate) fn openssl_version() -> Result<String, Error> {
    let output = Command::new("openssl").arg("version").output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// What `openssl verify` says of each, by as many of them at once as there are cores.
pub(crate) fn openssl(vectors: &[Vector]) -> Result<Vec<bool>, Error> {
    let next = AtomicUsize::new(0);
    let said = Mutex::new(vec![false; vectors.len()]);
    let work = || -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(vector) = vectors.get(index) else { return Ok(()) };
            let valid = vector.chain.openssl(folder.path()).map_err(|error| error.to_string())?;
            said.lock().expect("nobody panics with it")[index] = valid;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("workers do not panic"))
    })?;
    Ok(said.into_inner().expect("nobody panics with it"))
}
