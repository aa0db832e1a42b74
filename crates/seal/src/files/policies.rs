//! Certificate policies, as options of every verb that judges a chain (RFC 5280, section 6.1.1).

use clap::Args;
use sealwire::TrustStore;
use sealwire::pki::{CertificatePolicies, Error};

/// What a chain has to be valid for, besides what it demands itself. In OpenSSL's words.
#[derive(Args, Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyOptions {
    /// Acceptable certificate policy, as a dotted OID; may be repeated [default: any]
    #[arg(long, value_name = "OID")]
    pub(crate) policy: Vec<String>,

    /// Require that the chain is valid for an acceptable policy (requireExplicitPolicy)
    #[arg(long)]
    pub(crate) explicit_policy: bool,

    /// Ignore anyPolicy in certificates (inhibitAnyPolicy)
    #[arg(long)]
    pub(crate) inhibit_any: bool,

    /// Ignore policy mappings (inhibitPolicyMapping)
    #[arg(long)]
    pub(crate) inhibit_map: bool,
}

impl PolicyOptions {
    /// `trust` with these demands.
    ///
    /// # Errors
    /// When a policy is not an object identifier.
    pub(crate) fn apply_to(&self, trust: TrustStore) -> Result<TrustStore, Error> {
        let mut policies = CertificatePolicies::default();
        for policy in &self.policy {
            policies = policies.accept(policy).map_err(|e| e.at("--policy"))?;
        }
        let policies = policies.explicit(self.explicit_policy).inhibit_any(self.inhibit_any);
        Ok(trust.require_policies(policies.inhibit_mapping(self.inhibit_map)))
    }

    /// Whether anything is asked for.
    pub(crate) fn are_given(&self) -> bool {
        *self != Self::default()
    }
}
