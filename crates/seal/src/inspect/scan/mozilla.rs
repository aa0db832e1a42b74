//! Mozilla's recommendations for servers, version 6.0 of 2026-04-06 (its SSL configuration
//! generator), as rules that a scan passes or fails.

use clap::ValueEnum;
use sealwire::pki::{Certificate, KeyAlgorithm};
use serde::Serialize;

use super::Scan;

/// Which of the recommendations.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// For modern clients: TLS 1.3 only, ECDSA
    Modern,
    /// For nearly all clients: TLS 1.3, and TLS 1.2 with forward secrecy and AEAD
    Intermediate,
}

/// Whether a server follows a profile, and if not, what it should change.
#[derive(Debug, Serialize)]
pub(crate) struct Compliance {
    pub(crate) profile: Profile,
    pub(crate) version: &'static str,
    pub(crate) passes: bool,
    pub(crate) reasons: Vec<String>,
    pub(crate) not_checked: &'static str,
}

const INTERMEDIATE_SUITES: [u16; 9] =
    [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8];
const MODERN_SUITES: [u16; 3] = [0x1301, 0x1302, 0x1303];
const GROUPS: [&str; 4] = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];

impl Profile {
    /// Compares a scan and the certificate that was shown with the profile.
    pub(crate) fn check(self, scan: &Scan, leaf: Option<&Certificate>) -> Compliance {
        let mut reasons = Vec::new();
        let (versions, suites): (&[u16], &[u16]) = match self {
            Self::Modern => (&[0x0304], &MODERN_SUITES),
            Self::Intermediate => (&[0x0304, 0x0303], &INTERMEDIATE_SUITES),
        };
        for version in &scan.versions {
            match (versions.contains(&version.number), version.accepted) {
                (true, false) => reasons.push(format!("{} should be accepted", version.name)),
                (false, true) => reasons.push(format!("{} should be off", version.name)),
                _ => {}
            }
            if !versions.contains(&version.number) {
                continue;
            }
            let odd = version.suites.iter().filter(|suite| !suites.contains(&suite.number));
            let odd: Vec<&str> = odd.map(|suite| suite.name.as_str()).collect();
            if !odd.is_empty() {
                let (count, names) = (odd.len(), odd.join(", "));
                reasons.push(format!("{count} suites of {} should be off: {names}", version.name));
            }
            if version.server_order == Some(true) && version.number == 0x0303 {
                reasons.push("the client's order of suites should count (TLSv1.2)".to_owned());
            }
        }
        for wanted in GROUPS {
            if !scan.groups.iter().any(|group| group.name == wanted) {
                reasons.push(format!("the group {wanted} should be accepted"));
            }
        }
        if let Some(leaf) = leaf {
            self.check_certificate(leaf, &mut reasons);
        }
        Compliance {
            profile: self,
            version: "6.0",
            passes: reasons.is_empty(),
            reasons,
            not_checked: "HSTS and the redirect of plain HTTP, which are of HTTP",
        }
    }

    fn check_certificate(self, leaf: &Certificate, reasons: &mut Vec<String>) {
        let kind = KeyAlgorithm::of_spki(&leaf.spki_der());
        let fits = match (self, &kind) {
            (_, Ok(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384)) => true,
            (Self::Intermediate, Ok(KeyAlgorithm::Rsa { bits })) => *bits >= 2048,
            _ => false,
        };
        if !fits {
            let has = kind.map_or_else(|_| "of another kind".to_owned(), |kind| kind.to_string());
            reasons.push(match self {
                Self::Modern => format!("the certificate's key should be ECDSA, it is {has}"),
                Self::Intermediate => {
                    format!("the certificate's key should be ECDSA or RSA 2048, it is {has}")
                }
            });
        }
        let most = match self {
            Self::Modern => 90,
            Self::Intermediate => 366,
        };
        let days = (leaf.not_after() - leaf.not_before()) / 86_400;
        if days > most {
            reasons.push(format!("the certificate lives {days} days, {most} at most are meant"));
        }
    }
}

impl Compliance {
    pub(crate) fn passes(&self) -> bool {
        self.passes
    }
}

impl std::fmt::Display for Compliance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let profile = match self.profile {
            Profile::Modern => "modern",
            Profile::Intermediate => "intermediate",
        };
        if self.passes {
            writeln!(f, "  Mozilla {} {profile}: passes", self.version)?;
        } else {
            writeln!(f, "  Mozilla {} {profile}: fails", self.version)?;
        }
        for reason in &self.reasons {
            writeln!(f, "    - {reason}")?;
        }
        writeln!(f, "    not checked: {}", self.not_checked)
    }
}
