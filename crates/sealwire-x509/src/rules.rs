//! Rules of [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280),
//! of its updates and of OpenSSL 3 that AWS-LC does not have. They only refuse.

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::constraints::check;
use crate::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE};
use crate::extensions::GeneralName;
use crate::issuers::Candidates;
use crate::key_kind::can_have_signed;
use crate::request::ChainError;

/// id-on-SmtpUTF8Mailbox ([RFC 9598](https://www.rfc-editor.org/rfc/rfc9598)).
const SMTP_UTF8_MAILBOX: &str = "1.3.6.1.5.5.7.8.9";
/// 2.5.29.32.0
const ANY_POLICY: &[u8] = &[0x55, 0x1D, 32, 0];
const UTF8_STRING: u8 = 0x0C;
/// Qualifiers of policies that
/// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280) knows: id-qt-cps, id-qt-unotice.
const QUALIFIERS: [&[u8]; 2] = [&[0x2B, 6, 1, 5, 5, 7, 2, 1], &[0x2B, 6, 1, 5, 5, 7, 2, 2]];

/// What a chain (leaf first) breaks of them.
pub(crate) fn broken(chain: &[Certificate], candidates: &Candidates<'_>) -> Vec<ChainError> {
    let mut errors = Vec::new();
    let mut say = |code, depth: usize| {
        errors.push(ChainError::new(code, depth, Some(chain[depth].clone())));
    };
    for (depth, certificate) in chain.iter().enumerate() {
        // An anchor's extensions are no part of the path.
        let is_anchor = depth > 0 && depth + 1 == chain.len();
        if !is_anchor && has_unknown_critical_qualifier(certificate) {
            say(c::X509_V_ERR_INVALID_POLICY_EXTENSION, depth);
        }
        // AWS-LC does not look at a leaf's, which no policy processing needs; OpenSSL 3 does.
        if depth == 0 && candidates.look_at_policies() && maps_any_policy(certificate) {
            say(c::X509_V_ERR_INVALID_POLICY_EXTENSION, depth);
        }
        if let Some(code) = wrong_mailbox(certificate, &chain[depth + 1..]) {
            say(code, depth);
        }
    }
    // Such a certificate bears its issuer's name, and is not a root.
    if let Some(top) = chain.last()
        && !candidates.partial_chain
        && top.is_self_issued()
        && !can_have_signed(top, top)
    {
        say(c::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, chain.len() - 1);
    }
    errors
}

/// [RFC 5280, 4.2.1.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4):
/// a verifier that cannot interpret a qualifier in a critical certificatePolicies extension
/// has to refuse the certificate.
fn has_unknown_critical_qualifier(certificate: &Certificate) -> bool {
    let nid = c::NID_certificate_policies;
    let policies = certificate.extension_value(nid).filter(|_| certificate.is_critical(nid));
    let Some(policies) = policies else { return false };
    let known = |qualifier: Elements<'_>| {
        let mut parts = qualifier;
        parts.element(OBJECT_IDENTIFIER).is_some_and(|it| QUALIFIERS.contains(&it.contents))
    };
    let all_known = || {
        for policy in Elements::of(&policies).enter(SEQUENCE)? {
            let mut parts = Elements::of(policy.contents);
            parts.element(OBJECT_IDENTIFIER)?;
            let Some(qualifiers) = parts.enter(SEQUENCE) else { continue };
            for qualifier in qualifiers {
                known(Elements::of(qualifier.contents)).then_some(())?;
            }
        }
        Some(())
    };
    all_known().is_none()
}

/// [RFC 5280, 4.2.1.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.5):
/// policies are not mapped to or from anyPolicy.
fn maps_any_policy(certificate: &Certificate) -> bool {
    let Some(mappings) = certificate.extension_value(c::NID_policy_mappings) else { return false };
    let mut pairs = Elements::of(&mappings).enter(SEQUENCE).into_iter().flatten();
    pairs.any(|pair| Elements::of(pair.contents).any(|policy| policy.contents == ANY_POLICY))
}

/// [RFC 9598, section 6](https://www.rfc-editor.org/rfc/rfc9598#section-6):
/// constraints on rfc822Names hold for international mailboxes too.
fn wrong_mailbox(certificate: &Certificate, above: &[Certificate]) -> Option<i32> {
    if !above.iter().any(Certificate::has_name_constraints)
        || !certificate.has_extension(c::NID_subject_alt_name)
    {
        return None;
    }
    let names = certificate.subject_alt_names().unwrap_or_default();
    for name in names {
        let GeneralName::OtherName { oid, value } = name else { continue };
        if oid != SMTP_UTF8_MAILBOX {
            continue;
        }
        let text = Elements::of(&value).element(UTF8_STRING).map(|it| it.contents);
        let mailbox = text.and_then(|text| std::str::from_utf8(text).ok());
        let Some(mailbox) = mailbox.filter(|it| it.contains('@') && !it.contains('\0')) else {
            return Some(c::X509_V_ERR_UNSUPPORTED_NAME_SYNTAX);
        };
        let name = GeneralName::Email(mailbox.to_owned());
        if let Some(violation) = above.iter().find_map(|issuer| check(issuer, &name).err()) {
            return Some(match violation.excluded {
                Some(_) => c::X509_V_ERR_EXCLUDED_VIOLATION,
                None => c::X509_V_ERR_PERMITTED_VIOLATION,
            });
        }
    }
    None
}
