//! Name constraints ([RFC 5280 section 4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)):
//! what names a CA's certificate lets be issued for.
//!
//! `X509_verify_cert` holds the names in a certificate to them. What is here puts a name to them
//! that is in no certificate, and says which constraint was broken.

use std::fmt;
use std::net::IpAddr;

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::error::Error;
use crate::extensions::{GeneralName, general_name};
use crate::name::{Attribute, Name};
use crate::owned::elements;

/// The nameConstraints extension.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameConstraints {
    /// `permittedSubtrees`: a name of a kind that is listed here has to be in one of them.
    pub permitted: Vec<Subtree>,
    /// `excludedSubtrees`: no name may be in one of them.
    pub excluded: Vec<Subtree>,
}

/// A part of the name space: a name and everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subtree {
    /// A domain and its subdomains; the empty one is every name. One with a dot before it is its
    /// subdomains only, as OpenSSL reads it.
    Dns(String),
    /// The addresses that are equal to this one where the mask has ones.
    Ip {
        /// An address of the network.
        address: IpAddr,
        /// The mask.
        mask: IpAddr,
    },
    /// A mailbox, all mailboxes at a host, or (with a dot before it) those of a domain.
    Email(String),
    /// The URIs at a host, or (with a dot before it) at the hosts of a domain.
    Uri(String),
    /// The names that begin with this one.
    DirName(Name),
    /// A kind of name that no implementation compares, a value that is not what its kind says, or
    /// a `minimum` or `maximum`. By the number of the choice in
    /// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s GeneralName.
    Unsupported(u8),
}

/// Which constraint a name breaks, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameViolation {
    /// The name.
    pub name: String,
    /// The CA's certificate with the constraint.
    pub issuer: Certificate,
    /// The subtree that the name is in and may not be. `None`: it is in none of those permitted.
    pub excluded: Option<Subtree>,
    /// The permitted subtrees of the name's kind, when it is in none of them.
    pub permitted: Vec<Subtree>,
}

/// Whether the constraints of all CAs of `chain` (leaf first) let the leaf be used for `host` as a
/// dNSName. For a host that a common name stands for: names of that kind are in no list of those
/// that `X509_verify_cert` compares.
///
/// # Errors
/// The first violation, from the top of the chain down.
pub fn check_host_constraints(chain: &[Certificate], host: &str) -> Result<(), NameViolation> {
    let host = GeneralName::Dns(host.to_owned());
    chain.iter().skip(1).rev().try_for_each(|issuer| check(issuer, &host))
}

/// The first name of the certificate at `depth` of `chain` (leaf first) that breaks a constraint
/// of a CA above it, as far as this crate can compare names; for telling, not for judging.
#[must_use]
pub fn name_violation(chain: &[Certificate], depth: usize) -> Option<NameViolation> {
    let (certificate, above) = chain.get(depth..)?.split_first()?;
    let subject = certificate.subject();
    let of_subject = |short_name: &'static str, kind: fn(String) -> GeneralName| {
        let attributes = subject.attributes().iter();
        let named = attributes.filter(move |it| it.short_name == Some(short_name));
        named.map(move |attribute| kind(attribute.value.clone())).collect::<Vec<_>>()
    };
    let mut names = certificate.subject_alt_names().unwrap_or_default();
    if !names.iter().any(|name| matches!(name, GeneralName::Dns(_))) {
        names.extend(of_subject("CN", GeneralName::Dns));
    }
    names.extend(of_subject("emailAddress", GeneralName::Email));
    if !subject.attributes().is_empty() {
        names.push(GeneralName::DirName(subject.clone()));
    }
    let pairs = above.iter().rev().flat_map(|issuer| names.iter().map(move |name| (issuer, name)));
    pairs.into_iter().find_map(|(issuer, name)| check(issuer, name).err())
}

/// Whether `issuer` lets the name be.
pub(crate) fn check(issuer: &Certificate, name: &GeneralName) -> Result<(), NameViolation> {
    let violation = |excluded, permitted| NameViolation {
        name: told(name),
        issuer: issuer.clone(),
        excluded,
        permitted,
    };
    let constraints = match issuer.name_constraints() {
        Ok(Some(constraints)) => constraints,
        Ok(None) => return Ok(()),
        // X509_verify_cert refuses such a certificate; so does this, should it ever be asked.
        Err(_) => return Err(violation(None, Vec::new())),
    };
    let of_kind = |subtree: &&Subtree| subtree.tag() == tag_of(name);
    let mut permitted = constraints.permitted.iter().filter(of_kind).peekable();
    if permitted.peek().is_some() && !permitted.clone().any(|subtree| subtree.contains(name)) {
        return Err(violation(None, permitted.cloned().collect()));
    }
    let excludes =
        |subtree: &&Subtree| matches!(subtree, Subtree::Unsupported(_)) || subtree.contains(name);
    match constraints.excluded.iter().filter(of_kind).find(excludes) {
        Some(excluded) => Err(violation(Some(excluded.clone()), Vec::new())),
        None => Ok(()),
    }
}

impl Certificate {
    /// The nameConstraints extension; `None` when it is missing.
    ///
    /// # Errors
    /// [`Problem::Malformed`](crate::Problem::Malformed) when it cannot be read or is there
    /// twice.
    pub fn name_constraints(&self) -> Result<Option<NameConstraints>, Error> {
        let Some(value) = self.extension::<c::NAME_CONSTRAINTS>(c::NID_name_constraints)? else {
            return Ok(None);
        };
        // SAFETY: a live value; its stacks are null or its own, and of GENERAL_SUBTREE, unchanged
        // while they are walked.
        let (permitted, excluded) = unsafe {
            let value = value.as_ptr();
            (subtrees((*value).permittedSubtrees), subtrees((*value).excludedSubtrees))
        };
        Ok(Some(NameConstraints { permitted, excluded }))
    }
}

/// # Safety
/// `stack` is null or a live stack of GENERAL_SUBTREE that is not mutated.
unsafe fn subtrees<S>(stack: *const S) -> Vec<Subtree> {
    // SAFETY: as promised.
    let all = unsafe { elements::<_, c::GENERAL_SUBTREE>(stack) };
    // SAFETY: live subtrees, whose base the parser filled in.
    all.map(|subtree| unsafe { Subtree::of(subtree) }).collect()
}

impl Subtree {
    /// # Safety
    /// `subtree` is live and comes from the parser.
    unsafe fn of(subtree: *const c::GENERAL_SUBTREE) -> Self {
        // SAFETY: a live subtree and its base.
        let (base, limited) = unsafe {
            let limited = !(*subtree).minimum.is_null() || !(*subtree).maximum.is_null();
            (general_name((*subtree).base), limited)
        };
        let Ok(base) = base else { return Self::Unsupported(u8::MAX) };
        let tag = tag_of(&base);
        match base {
            _ if limited => Self::Unsupported(tag),
            GeneralName::Dns(name) => Self::Dns(name),
            GeneralName::Email(name) => Self::Email(name),
            GeneralName::Uri(name) => Self::Uri(name),
            GeneralName::DirName(name) => Self::DirName(name),
            GeneralName::Other { tag: 7, value } => network(&value).unwrap_or(Self::Unsupported(7)),
            _ => Self::Unsupported(tag),
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::DirName(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip { .. } => 7,
            Self::Unsupported(tag) => *tag,
        }
    }

    /// Whether it is about names of this kind.
    #[must_use]
    pub fn is_of_kind(&self, name: &GeneralName) -> bool {
        self.tag() == tag_of(name)
    }

    /// Whether `name` is in it.
    #[must_use]
    pub fn contains(&self, name: &GeneralName) -> bool {
        match (self, name) {
            (Self::Dns(base), GeneralName::Dns(name)) => domain_contains(base, name),
            (Self::Ip { address, mask }, GeneralName::Ip(name)) => {
                same_network(*address, *mask, *name)
            }
            (Self::Email(base), GeneralName::Email(name)) => {
                let host = name.rsplit_once('@').map_or("", |(_, host)| host);
                if base.contains('@') { base == name } else { host_is(base, host) }
            }
            (Self::Uri(base), GeneralName::Uri(name)) => host_is(base, host_of(name)),
            (Self::DirName(base), GeneralName::DirName(name)) => begins_with(name, base),
            _ => false,
        }
    }
}

/// OpenSSL's reading: absolute names are the same as others, and a dot before the base asks for a
/// label at least.
fn domain_contains(base: &str, name: &str) -> bool {
    let base = base.strip_suffix('.').unwrap_or(base).to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let Some(before) = name.strip_suffix(&base) else { return false };
    base.is_empty() || base.starts_with('.') || before.is_empty() || before.ends_with('.')
}

/// A base with a dot before it is a domain, one without is a host.
fn host_is(base: &str, host: &str) -> bool {
    if base.starts_with('.') {
        domain_contains(base, host)
    } else {
        base.eq_ignore_ascii_case(host)
    }
}

fn host_of(uri: &str) -> &str {
    let after = uri.split_once("//").map_or("", |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or("")
}

fn network(bytes: &[u8]) -> Option<Subtree> {
    let (address, mask) = bytes.split_at_checked(bytes.len() / 2)?;
    let ip = |bytes: &[u8]| match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    };
    Some(Subtree::Ip { address: ip(address)?, mask: ip(mask)? })
}

fn same_network(address: IpAddr, mask: IpAddr, name: IpAddr) -> bool {
    let bytes = |address| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let (address, mask, name) = (bytes(address), bytes(mask), bytes(name));
    let same = |index: usize| address[index] & mask[index] == name[index] & mask[index];
    address.len() == name.len() && (0..name.len()).all(same)
}

/// Whether the first attributes of a name are those of another, letters of either case being equal.
fn begins_with(name: &Name, base: &Name) -> bool {
    let (name, base) = (name.attributes(), base.attributes());
    let equal = |(a, b): (&Attribute, &Attribute)| {
        (a.rdn, &a.oid) == (b.rdn, &b.oid) && a.value.eq_ignore_ascii_case(&b.value)
    };
    base.len() <= name.len() && base.iter().zip(name).all(equal)
}

/// The number of the choice in [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s GeneralName.
fn tag_of(name: &GeneralName) -> u8 {
    match name {
        GeneralName::OtherName { .. } => 0,
        GeneralName::Email(_) => 1,
        GeneralName::Dns(_) => 2,
        GeneralName::DirName(_) => 4,
        GeneralName::Uri(_) => 6,
        GeneralName::Ip(_) => 7,
        GeneralName::RegisteredId(_) => 8,
        GeneralName::Other { tag, .. } => *tag,
    }
}

impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Uri(name) => write!(f, "URI:{name}"),
            Self::DirName(name) => write!(f, "DirName:{name}"),
            Self::Ip { address, mask } => match prefix(*mask) {
                Some(prefix) => write!(f, "IP:{address}/{prefix}"),
                None => write!(f, "IP:{address}/{mask}"),
            },
            Self::Unsupported(tag) => write!(f, "a subtree of unsupported kind {tag}"),
        }
    }
}

/// How many ones a mask begins with, if there are no others.
fn prefix(mask: IpAddr) -> Option<u32> {
    let bits = match mask {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    (bits.count_ones() == bits.leading_ones()).then_some(bits.leading_ones())
}

/// A name with its kind in OpenSSL's words.
fn told(name: &GeneralName) -> String {
    match name {
        GeneralName::Dns(name) => format!("DNS:{name}"),
        GeneralName::Ip(address) => format!("IP:{address}"),
        GeneralName::Email(name) => format!("email:{name}"),
        GeneralName::Uri(name) => format!("URI:{name}"),
        GeneralName::DirName(name) => format!("DirName:{name}"),
        other => format!("a name of kind {}", tag_of(other)),
    }
}

impl fmt::Display for NameViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, issuer, excluded, permitted } = self;
        write!(f, "\"{}\" ", issuer.subject())?;
        match (excluded, &permitted[..]) {
            (Some(Subtree::Unsupported(tag)), _) => {
                write!(f, "excludes names of kind {tag} in an unsupported form, such as {name}")
            }
            (Some(excluded), _) => write!(f, "excludes {excluded}, which {name} is in"),
            (None, []) => write!(f, "has name constraints that cannot be read"),
            (None, permitted) => {
                let list: Vec<_> = permitted.iter().map(Subtree::to_string).collect();
                write!(f, "permits {} only, and {name} is not in it", list.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_contains_what_openssl_says_it_does() {
        let dns = |base: &str, name: &str| {
            Subtree::Dns(base.to_owned()).contains(&GeneralName::Dns(name.to_owned()))
        };
        for (base, name, inside) in [
            ("a.test", "a.test", true),
            ("a.test", "b.a.test", true),
            ("A.test", "b.a.TEST", true),
            ("a.test.", "b.a.test", true),
            ("a.test", "b.a.test.", true),
            ("a.test", "ba.test", false),
            ("a.test", "test", false),
            (".a.test", "b.a.test", true),
            (".a.test", "a.test", false),
            ("", "anything.test", true),
        ] {
            assert_eq!(dns(base, name), inside, "{base} {name}");
        }
        let email = |base: &str, name: &str| {
            Subtree::Email(base.to_owned()).contains(&GeneralName::Email(name.to_owned()))
        };
        assert!(email("a.test", "x@a.test") && !email("a.test", "x@b.a.test"));
        assert!(email(".a.test", "x@b.a.test") && email("x@a.test", "x@a.test"));
        let uri = |base: &str, name: &str| {
            Subtree::Uri(base.to_owned()).contains(&GeneralName::Uri(name.to_owned()))
        };
        assert!(uri("a.test", "https://u@a.test:1/p") && !uri("a.test", "https://b.a.test/"));
        let ten = network(&[10, 0, 0, 0, 255, 0, 0, 0]).unwrap();
        assert_eq!(ten.to_string(), "IP:10.0.0.0/8");
        assert!(ten.contains(&GeneralName::Ip([10, 1, 2, 3].into())));
        assert!(!ten.contains(&GeneralName::Ip([11, 1, 2, 3].into())));
    }
}
