//! A common name that is taken for the server's name, and the limits of the CAs above it.
//!
//! `X509_verify_cert` holds a common name to name constraints where it looks like a DNS name to it,
//! and what looks like one differs from what the comparison with the host takes for one (case, dots,
//! wildcards). So when a common name has decided, the requested host is held to the
//! constraints, in the one form that it has. That can only refuse more.

use sealwire_x509::{self as x509, Certificate};

use super::Code;
use super::verdict::Finding;
use crate::words::ServerName;

/// Holds the requested host to the name constraints of a chain (leaf first), as if it were
/// a dNSName of the leaf: for certificates without one, whose common name is taken for the host.
/// A connection and a [`ChainCheck`](crate::pki::ChainCheck) do this themselves;
/// [`check_server_identity`](super::check_server_identity), which sees the leaf only, cannot.
///
/// # Errors
/// The constraint that the host breaks, in a sentence.
pub fn check_common_name_constraints(
    name: &ServerName,
    chain: &[Certificate],
) -> Result<(), String> {
    finding(chain, name).map_or(Ok(()), |finding| Err(finding.evidence().to_owned()))
}

/// The same as what a verdict finds.
pub(super) fn finding(chain: &[Certificate], host: &ServerName) -> Option<Finding> {
    let violation = x509::check_host_constraints(chain, host.as_str()).err()?;
    let code = match violation.excluded {
        Some(_) => Code::EXCLUDED_VIOLATION,
        None => Code::PERMITTED_VIOLATION,
    };
    let evidence = format!("the common name stands for {host}: {violation}");
    Some(Finding::new(code, 0, chain.first().cloned(), evidence))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::sync::Arc;

    use sealwire_x509::{Certificate, Purpose};

    use super::check_common_name_constraints;
    use crate::pki::{
        CertificateBuilder, ChainCheck, Issuer, KeyAlgorithm, PrivateKey, Subject, TrustStore,
    };
    use crate::verify::NameCheck;

    /// A CA with a permitted and an excluded part of the name space.
    fn limited(permitted: &[&str], excluded: &[&str]) -> Issuer {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let part = |names: &[&str]| {
            names.iter().map(|name| format!("DNS:{name}").parse().unwrap()).collect::<Vec<_>>()
        };
        let builder = CertificateBuilder::new(Subject::from_common_name("Limited").unwrap());
        let builder = builder.authority(None).name_constraints(part(permitted), part(excluded));
        Issuer::new(builder.self_signed(&key).unwrap(), key).unwrap()
    }

    /// A server's certificate with a common name and no alternative names.
    fn leaf(issuer: &Issuer, common_name: &str) -> Certificate {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let builder = CertificateBuilder::new(Subject::from_common_name(common_name).unwrap());
        builder.signed_by(issuer, key.spki_der()).unwrap()
    }

    fn codes(
        issuer: &Issuer,
        leaf: &Certificate,
        host: &str,
        rules: NameCheck,
    ) -> Vec<&'static str> {
        let trust = TrustStore::from_certificates([issuer.certificate().clone()]).unwrap();
        let check = ChainCheck {
            presented: from_ref(leaf),
            trust: &trust,
            crls: &[],
            purpose: Purpose::Server,
            name: Some((host.parse().unwrap(), rules)),
            time: leaf.not_before() + 1,
            security_level: 2,
        };
        check.verdict().findings().iter().map(|finding| finding.code().name()).collect()
    }

    #[test]
    fn the_host_is_held_to_the_limits_in_each_form_of_the_common_name() {
        let permits = limited(&["in.test"], &[]);
        let excludes = limited(&["in.test"], &["secret.in.test"]);
        let excluded = &["EXCLUDED_VIOLATION"][..];
        for (ca, common_name, host, found) in [
            (&permits, "www.in.test", "www.in.test", &[][..]),
            (&permits, "WWW.In.Test", "www.in.test", &[]),
            (&permits, "www.in.test.", "www.in.test", &[]),
            (&permits, "*.in.test", "www.in.test", &[]),
            (&permits, "w*w.in.test", "www.in.test", &[]),
            (&permits, "in.test", "in.test", &[]),
            (&excludes, "secret.in.test", "secret.in.test", excluded),
            (&excludes, "s*t.in.test", "secret.in.test", excluded),
            (&excludes, "s*t.in.test", "shut.in.test", &[]),
        ] {
            let leaf = leaf(ca, common_name);
            assert_eq!(codes(ca, &leaf, host, NameCheck::Node), found, "{common_name} {host}");
            // Sent by another name, the same.
            let other = NameCheck::ForName(host.parse().unwrap(), Arc::new(NameCheck::Node));
            assert_eq!(codes(ca, &leaf, "sni.test", other), found, "{common_name} {host}");
        }
    }

    #[test]
    fn what_is_outside_is_refused_whatever_the_common_name_looks_like() {
        let ca = limited(&["in.test"], &[]);
        for (common_name, host) in [
            ("www.out.test", "www.out.test"),
            ("WWW.OUT.TEST", "www.out.test"),
            ("www.out.test.", "www.out.test"),
            ("*.out.test", "www.out.test"),
            ("w*w.out.test", "www.out.test"),
            ("out", "out"),
            ("xin.test", "xin.test"),
        ] {
            let leaf = leaf(&ca, common_name);
            let found = codes(&ca, &leaf, host, NameCheck::Node);
            assert!(found.contains(&"PERMITTED_VIOLATION"), "{common_name} {host}: {found:?}");
            // The guard by itself, whatever X509_verify_cert has found.
            let chain = [leaf, ca.certificate().clone()];
            let broken = check_common_name_constraints(&host.parse().unwrap(), &chain).unwrap_err();
            assert_eq!(
                broken,
                format!(
                    "the common name stands for {host}: \"CN=Limited\" permits DNS:in.test only, \
                     and DNS:{host} is not in it"
                )
            );
        }
    }

    #[test]
    fn every_ca_of_the_chain_has_its_say() {
        let root = limited(&["a.test", "b.test"], &[]);
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let builder = CertificateBuilder::new(Subject::from_common_name("Sub").unwrap());
        let builder = builder
            .authority(None)
            .name_constraints(["DNS:a.test".parse().unwrap()], ["DNS:x.a.test".parse().unwrap()]);
        let sub = Issuer::new(builder.signed_by(&root, key.spki_der()).unwrap(), key).unwrap();
        let chain = [leaf(&sub, "leaf"), sub.certificate().clone(), root.certificate().clone()];
        let allowed =
            |host: &str| check_common_name_constraints(&host.parse().unwrap(), &chain).is_ok();
        assert!(allowed("www.a.test") && allowed("a.test"));
        assert!(!allowed("www.b.test") && !allowed("x.a.test") && !allowed("y.x.a.test"));
        // The limits of a certificate bind those below it, not itself.
        assert!(check_common_name_constraints(&"c.test".parse().unwrap(), &chain[2..]).is_ok());
    }
}
