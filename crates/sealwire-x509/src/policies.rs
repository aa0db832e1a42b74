//! Certificate policies ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)
//! sections 4.2.1.4 and 6.1): which of them a chain has to be valid
//! for.

use std::ffi::{CString, c_int};

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::error::{Error, ErrorQueue, Problem};
use crate::owned::{Owned, no_memory};

/// The initial state of policy processing
/// ([RFC 5280 section 6.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.1), c to g), in the terms of
/// OpenSSL's `-policy`, `-explicit_policy`, `-inhibit_any` and `-inhibit_map`.
///
/// The default asks for nothing: the constraints that the certificates of a chain themselves make
/// in a critical extension are kept whatever is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CertificatePolicies {
    accepted: Vec<String>,
    explicit: bool,
    inhibit_any: bool,
    inhibit_mapping: bool,
}

/// `anyPolicy`.
const ANY_POLICY: &str = "2.5.29.32.0";

impl CertificatePolicies {
    /// Nothing is asked for: the default.
    pub const NONE: &'static Self =
        &Self { accepted: Vec::new(), explicit: false, inhibit_any: false, inhibit_mapping: false };

    /// Adds to the policies that are acceptable (the user-initial-policy-set); without any, all are.
    /// Dotted, or `anyPolicy`. By itself this refuses no chain that does not demand a policy: that
    /// is [`explicit`](Self::explicit)'s business.
    ///
    /// # Errors
    /// [`Problem::InvalidValue`] when it is not an object identifier.
    pub fn accept(mut self, policy: &str) -> Result<Self, Error> {
        let policy = if policy == "anyPolicy" { ANY_POLICY } else { policy };
        object(policy)?;
        if !self.accepted.iter().any(|known| known == policy) {
            self.accepted.push(policy.to_owned());
        }
        Ok(self)
    }

    /// Whether the chain has to be valid for one of the acceptable policies
    /// (initial-explicit-policy).
    #[must_use]
    pub fn explicit(mut self, explicit: bool) -> Self {
        self.explicit = explicit;
        self
    }

    /// Whether `anyPolicy` in a certificate stands for no policy (initial-any-policy-inhibit).
    #[must_use]
    pub fn inhibit_any(mut self, inhibit: bool) -> Self {
        self.inhibit_any = inhibit;
        self
    }

    /// Whether a CA may not say that its policies are those of another (initial-policy-mapping-inhibit).
    #[must_use]
    pub fn inhibit_mapping(mut self, inhibit: bool) -> Self {
        self.inhibit_mapping = inhibit;
        self
    }

    /// The acceptable policies, dotted; empty: all.
    #[must_use]
    pub fn accepted(&self) -> &[String] {
        &self.accepted
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What both ask for: the acceptable policies of either, and every demand.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut accepted = self.accepted.clone();
        accepted.extend(other.accepted.iter().filter(|it| !self.accepted.contains(it)).cloned());
        Self {
            accepted,
            explicit: self.explicit || other.explicit,
            inhibit_any: self.inhibit_any || other.inhibit_any,
            inhibit_mapping: self.inhibit_mapping || other.inhibit_mapping,
        }
    }

    /// The flags of a verification; 0: policies are not looked at.
    pub(crate) fn flags(&self, demanded: bool) -> c_int {
        if self.is_default() && !demanded {
            return 0;
        }
        let flag = |set, flag| if set { flag } else { 0 };
        c::X509_V_FLAG_POLICY_CHECK
            | flag(self.explicit, c::X509_V_FLAG_EXPLICIT_POLICY)
            | flag(self.inhibit_any, c::X509_V_FLAG_INHIBIT_ANY)
            | flag(self.inhibit_mapping, c::X509_V_FLAG_INHIBIT_MAP)
    }

    /// Hands the acceptable policies to a verification.
    ///
    /// # Safety
    /// `parameters` is live.
    pub(crate) unsafe fn give_to(
        &self,
        parameters: *mut c::X509_VERIFY_PARAM,
    ) -> Result<(), Error> {
        // AWS-LC takes "no policies were named" for a failed allocation.
        let any = [ANY_POLICY.to_owned()];
        let accepted = if self.accepted.is_empty() { &any[..] } else { &self.accepted };
        for policy in accepted {
            let policy = std::mem::ManuallyDrop::new(object(policy)?);
            // SAFETY: live parameters and a new object, which they take over on success.
            if unsafe { c::X509_VERIFY_PARAM_add0_policy(parameters, policy.as_ptr()) } != 1 {
                drop(std::mem::ManuallyDrop::into_inner(policy));
                return Err(no_memory());
            }
        }
        Ok(())
    }
}

/// A dotted object identifier.
fn object(dotted: &str) -> Result<Owned<c::ASN1_OBJECT>, Error> {
    let _queue = ErrorQueue::new();
    let malformed = || {
        let what = format!("{dotted:?} is not an object identifier: digits and dots, or anyPolicy");
        Error::new(Problem::InvalidValue, what)
    };
    if dotted.is_empty() || !dotted.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(malformed());
    }
    let text = CString::new(dotted).map_err(|_| malformed())?;
    // SAFETY: a NUL-terminated text; null or a new object.
    unsafe { Owned::new(c::OBJ_txt2obj(text.as_ptr(), 1)) }.ok_or_else(malformed)
}

impl Certificate {
    /// Whether it makes a demand on policies in a critical extension.
    pub(crate) fn demands_policies(&self) -> bool {
        let about_policies = [
            c::NID_policy_constraints,
            c::NID_inhibit_any_policy,
            c::NID_policy_mappings,
            c::NID_certificate_policies,
        ];
        about_policies.iter().any(|&nid| self.is_critical(nid))
    }
}
