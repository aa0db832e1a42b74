//! Whose connections are left alone: those on a list, and for a time those of clients that refused
//! our certificate.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which connections are passed through unread.
#[derive(Debug, Clone, Default)]
pub struct Passthrough {
    /// To these hosts, always.
    pub hosts: Vec<HostPattern>,
    /// To none but these, the other way round: everything else is passed through. Empty: all.
    pub only: Vec<HostPattern>,
    /// For so long, to a host whose client has refused our certificate, so that the program's next
    /// attempt succeeds. Never after a mere reset, close or timeout.
    pub after_refusal: Option<Duration>,
}

/// A host, or with `*.` before it all that is below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: String,
    below: bool,
}

/// Hosts whose clients have refused our certificate.
#[derive(Default)]
pub(crate) struct Refused(Mutex<HashMap<String, (Instant, String)>>);

impl Passthrough {
    /// Why connections to `host` are left alone; `None` when they are intercepted.
    pub(crate) fn why(&self, host: &str) -> Option<&'static str> {
        if self.hosts.iter().any(|pattern| pattern.fits(host)) {
            return Some("its host is on the passthrough list");
        }
        let out = !self.only.is_empty() && !self.only.iter().any(|pattern| pattern.fits(host));
        out.then_some("only other hosts are intercepted")
    }
}

impl Refused {
    /// How many hosts are remembered.
    const MOST: usize = 1024;

    /// A client refused our certificate, by this alert.
    pub(crate) fn remember(&self, host: &str, alert: String) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= Self::MOST {
            hosts.clear();
        }
        hosts.insert(host.to_ascii_lowercase(), (Instant::now(), alert));
    }

    /// Why connections to `host` are left alone now.
    pub(crate) fn why(&self, host: &str, lasting: Duration) -> Option<String> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = host.to_ascii_lowercase();
        let (since, alert) = hosts.get(&host)?;
        let age = since.elapsed();
        if age >= lasting {
            hosts.remove(&host);
            return None;
        }
        Some(format!(
            "a client refused the proxy's certificate by {alert} {} s ago; {} s more",
            age.as_secs(),
            (lasting - age).as_secs()
        ))
    }
}

impl HostPattern {
    /// Whether this host is meant.
    #[must_use]
    pub fn fits(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self.below {
            true => host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.')),
            false => host == self.host,
        }
    }

    /// The host, without its `*.`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, below) = match text.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (text, false),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let bad = |character: char| "*/@ ".contains(character) || character.is_control();
        if host.is_empty() || host.contains(bad) {
            return Err(format!("{text:?} is not HOST or *.HOST"));
        }
        Ok(Self { host, below })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_fit_their_patterns() {
        let pattern: HostPattern = "*.A.test".parse().unwrap();
        assert!(pattern.fits("b.a.test") && pattern.fits("c.b.A.TEST.") && !pattern.fits("a.test"));
        assert!(!pattern.fits("xa.test"));
        let pattern: HostPattern = "a.test".parse().unwrap();
        assert!(pattern.fits("a.test") && !pattern.fits("b.a.test"));
        assert!(
            "*".parse::<HostPattern>().is_err() && "https://a/".parse::<HostPattern>().is_err()
        );
    }

    #[test]
    fn a_refusal_is_remembered_for_its_time() {
        let refused = Refused::default();
        refused.remember("A.test", "unknown_ca".to_owned());
        let why = refused.why("a.test", Duration::from_secs(600)).unwrap();
        assert!(why.contains("unknown_ca"), "{why}");
        assert_eq!(refused.why("a.test", Duration::ZERO), None);
        assert_eq!(refused.why("a.test", Duration::from_secs(600)), None, "forgotten");
    }
}
