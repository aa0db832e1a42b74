//! Our words for versions, suites, groups and schemes, and rustls' words for the same.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{ALL_CIPHER_SUITES, kx_group};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::words::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// The groups that the provider has.
static GROUPS: [&dyn SupportedKxGroup; 7] = [
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
    kx_group::X25519MLKEM768,
    kx_group::SECP256R1MLKEM768,
    kx_group::MLKEM768,
    kx_group::MLKEM1024,
];

/// `None`: neither TLS 1.2 nor 1.3.
pub(super) fn version(of: rustls::ProtocolVersion) -> Option<ProtocolVersion> {
    match of {
        rustls::ProtocolVersion::TLSv1_2 => Some(ProtocolVersion::Tls12),
        rustls::ProtocolVersion::TLSv1_3 => Some(ProtocolVersion::Tls13),
        _ => None,
    }
}

/// `None`: rustls does not speak it.
pub(super) fn to_version(version: ProtocolVersion) -> Option<&'static SupportedProtocolVersion> {
    match version {
        ProtocolVersion::Tls10 | ProtocolVersion::Tls11 => None,
        ProtocolVersion::Tls12 => Some(&rustls::version::TLS12),
        ProtocolVersion::Tls13 => Some(&rustls::version::TLS13),
    }
}

pub(super) fn suite(of: rustls::CipherSuite) -> Option<CipherSuite> {
    CipherSuite::from_number(of.into())
}

pub(super) fn to_suite(suite: CipherSuite) -> SupportedCipherSuite {
    let is_it = |one: &&SupportedCipherSuite| u16::from(one.suite()) == suite.number();
    *ALL_CIPHER_SUITES.iter().find(is_it).expect("the words are those of the provider")
}

pub(super) fn group(of: rustls::NamedGroup) -> Option<NamedGroup> {
    NamedGroup::from_number(of.into())
}

pub(super) fn to_group(group: NamedGroup) -> &'static dyn SupportedKxGroup {
    let is_it = |one: &&&dyn SupportedKxGroup| u16::from(one.name()) == group.number();
    *GROUPS.iter().find(is_it).expect("the words are those of the provider")
}

pub(super) fn to_scheme(scheme: &SignatureScheme) -> rustls::SignatureScheme {
    scheme.number().into()
}

/// `None`: it has no name.
pub(super) fn scheme(of: &rustls::SignatureScheme) -> Option<SignatureScheme> {
    SignatureScheme::from_number(number(of))
}

pub(super) fn number(of: &rustls::SignatureScheme) -> u16 {
    (*of).into()
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;
    use rustls_pki_types::DnsName;

    use super::*;
    use crate::words::{ServerName, groups, scheme_list};
    use proptest::prelude::*;

    #[test]
    fn the_suites_are_those_of_the_provider_in_its_order() {
        let provider = ALL_CIPHER_SUITES.iter().map(|one| suite(one.suite()));
        assert!(provider.eq(CipherSuite::supported().map(Some)));
        for known in CipherSuite::supported() {
            let made = to_suite(known);
            assert_eq!(version(made.version().version), Some(known.protocol()));
            let rsa = made.usable_for_signature_algorithm(rustls::SignatureAlgorithm::RSA);
            assert!(known.wants_rsa().is_none_or(|wants| wants == rsa), "{known}");
        }
    }

    #[test]
    fn every_group_has_its_word() {
        for one in GROUPS {
            let known = group(one.name()).expect("a word");
            assert_eq!(to_group(known).name(), one.name());
        }
        assert_eq!(groups::default_groups().len(), 4);
    }

    #[test]
    fn the_default_schemes_are_all_that_the_provider_verifies_and_those_of_pss_keys() {
        let provider = aws_lc_rs::default_provider().signature_verification_algorithms;
        let schemes = provider.supported_schemes();
        let more = scheme_list::DEFAULT.iter().filter(|scheme| scheme.is_for_pss_keys());
        assert_eq!(scheme_list::DEFAULT.len(), schemes.len() + more.count());
        for scheme in schemes {
            let named = SignatureScheme::from_number(scheme.into()).expect("a word");
            assert!(scheme_list::DEFAULT.contains(&named));
            assert_eq!(to_scheme(&named), scheme);
        }
    }

    proptest! {
        /// Whatever we take for a name, rustls can send.
        #[test]
        fn names_are_names_for_rustls_too(
            name in "[a-cA-C0-2x_.-]{1,8}|[a-c]{60,70}|([a-c]{40}\\.){5,7}[a-c]{1,60}",
        ) {
            let bare = name.strip_suffix('.').unwrap_or(&name);
            if bare.parse::<std::net::IpAddr>().is_err() {
                let rustls = DnsName::try_from(bare).is_ok() && !bare.ends_with('.');
                prop_assert_eq!(name.parse::<ServerName>().is_ok(), rustls, "{}", name);
            }
        }
    }
}
