//! The two judges: Sealwire in this process, and the program `openssl`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealwire::pki::ChainCheck;
use sealwire::pki::{Certificate, CertificatePolicies, Crl, Purpose};
use sealwire::verify::{NameCheck, Verdict};
use sealwire::{ServerName, TrustStore};

use super::{Error, Vector};

/// A chain and everything that a verdict on it depends on.
#[derive(Clone)]
pub(super) struct Chain {
    /// As a peer sends them: the leaf first.
    pub(super) presented: Vec<Certificate>,
    pub(super) trusted: Vec<Certificate>,
    pub(super) lists: Vec<Crl>,
    pub(super) policies: Option<PolicyInput>,
    pub(super) purpose: Purpose,
    pub(super) host: Option<String>,
    pub(super) time: i64,
    pub(super) security_level: u8,
}

/// RFC 5280, 6.1.1 (c) to (g).
#[derive(Clone, Default)]
pub(super) struct PolicyInput {
    pub(super) accepted: Vec<String>,
    pub(super) explicit: bool,
    pub(super) inhibit_any: bool,
    pub(super) inhibit_mapping: bool,
}

impl Chain {
    /// Sealwire's answer.
    pub(super) fn is_trusted(&self) -> bool {
        self.verdict().is_trusted()
    }

    /// What Sealwire has against it.
    pub(super) fn findings(&self) -> Vec<String> {
        self.verdict().findings().iter().map(ToString::to_string).collect()
    }

    fn verdict(&self) -> Verdict {
        let mut trust = TrustStore::from_certificates(self.trusted.iter().cloned())
            .expect("a set of certificates");
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
        std::fs::write(folder.join("leaf.pem"), pem(&self.presented[..1]))?;
        std::fs::write(folder.join("sent.pem"), pem(&self.presented[1..]))?;
        std::fs::write(folder.join("trusted.pem"), pem(&self.trusted))?;
        let mut openssl = Command::new("openssl");
        // Not -trusted: OpenSSL does not look there for the issuer of a list's signer.
        openssl.current_dir(folder).args(["verify", "-no-CApath", "-no-CAstore"]);
        openssl.args(["-attime", &self.time.to_string(), "-CAfile", "trusted.pem"]);
        openssl.args(["-auth_level", &self.security_level.to_string()]);
        if self.presented.len() > 1 {
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
        openssl.arg("leaf.pem").stdout(Stdio::null()).stderr(Stdio::null());
        Ok(openssl.status()?.success())
    }
}

/// `OpenSSL 3.0.19`.
pub(super) fn openssl_version() -> Result<String, Error> {
    let output = Command::new("openssl").arg("version").output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// What `openssl verify` says of each, by as many of them at once as there are cores.
pub(super) fn openssl(vectors: &[Vector]) -> Result<Vec<bool>, Error> {
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
