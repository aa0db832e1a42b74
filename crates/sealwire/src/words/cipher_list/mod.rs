//! Cipher suites from a list in OpenSSL's language.

mod language;
mod pattern;
mod table;

use crate::words::{CipherSuite, ConfigError, ProtocolVersion};

/// What a list chooses of what the engine speaks.
#[derive(Debug)]
pub(crate) struct CipherList {
    /// Best first, those of TLS 1.3 before the others.
    pub(crate) suites: Vec<CipherSuite>,
    /// The same with those for old peers, in the list's order.
    #[cfg_attr(not(feature = "legacy"), expect(dead_code, reason = "there is no engine for them"))]
    pub(crate) all: Vec<CipherSuite>,
    /// The security level, if the list sets one (`@SECLEVEL=n`).
    pub(crate) level: Option<u8>,
}

const OPTION: &str = "cipher_list";

/// Reads a list as Node's option `ciphers` (`processCiphers`): of its parts between colons, those
/// that begin with `TLS_` are suites of TLS 1.3 by name, and the others are a list for
/// `SSL_CTX_set_cipher_list`. Without any of the first kind all suites of TLS 1.3 are enabled;
/// without any of the second, none of TLS 1.2. The empty text is the default.
///
/// A suite of TLS 1.2 may be given by its IANA name too, and goes before the rest.
#[cfg(any(test, not(feature = "legacy")))]
pub(crate) fn parse(text: &str) -> Result<CipherList, ConfigError> {
    parse_for(text, false)
}

/// As [`parse`], for a context that speaks with `old` peers if that says so: a list with suites for
/// those only will do.
pub(crate) fn parse_for(text: &str, old: bool) -> Result<CipherList, ConfigError> {
    if text.is_empty() {
        return Ok(CipherList { suites: default_suites(), all: all_by_default(), level: None });
    }
    let parts = text.split(':').filter(|part| !part.is_empty());
    let (named, list): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.starts_with("TLS_"));
    if named.is_empty() && list.is_empty() {
        return Err(
            ConfigError::new(OPTION, "the list is empty").with_code("ERR_INVALID_ARG_VALUE")
        );
    }
    let mut lacking = Vec::new();
    let mut suites = if named.is_empty() {
        CipherSuite::supported().filter(is_tls13).collect()
    } else {
        by_iana_name(&named, &mut lacking)?
    };
    let level = if list.is_empty() {
        None
    } else {
        add_from_list(&list.join(":"), &mut suites, &mut lacking)?
    };
    let mut all: Vec<_> = if named.is_empty() {
        suites.iter().copied().filter(is_tls13).collect()
    } else {
        named.iter().filter_map(|name| CipherSuite::old_or_new(name)).filter(is_tls13).collect()
    };
    if !list.is_empty() {
        all.extend(of_list(&list.join(":")));
    }
    let speaks_old = || all.iter().any(|suite| !(is_tls13(suite) && suites.contains(suite)));
    if old && speaks_old() {
        suites.sort_by_key(|suite| !is_tls13(suite));
        return Ok(CipherList { suites, all, level });
    }
    if suites.is_empty() {
        return Err(none_of(&lacking));
    }
    // What OpenSSL would do with suites of TLS 1.2 we must not turn into TLS 1.3 in silence.
    let speaks_12 = suites.iter().any(|suite| !is_tls13(suite));
    if !list.is_empty() && !speaks_12 {
        return Err(none_of(&lacking));
    }
    suites.sort_by_key(|suite| !is_tls13(suite));
    Ok(CipherList { suites, all, level })
}

/// The suites of the engine, in its order but for one thing: up to TLS 1.2 AES-128 goes before AES-256, as in Node
/// and in Mozilla's recommendations. With it goes SHA-256, which derives the keys: most of what a resumed
/// handshake takes, and processors have instructions for it.
pub(crate) fn default_suites() -> Vec<CipherSuite> {
    let mut suites: Vec<_> = CipherSuite::supported().collect();
    suites.sort_by_key(|suite| !is_tls13(suite) && !suite.openssl_name().contains("AES128"));
    suites
}

/// What OpenSSL's default list has, of the suites that can be spoken with old peers or new ones.
pub(crate) fn all_by_default() -> Vec<CipherSuite> {
    let mut all: Vec<_> = CipherSuite::supported().filter(is_tls13).collect();
    all.extend(of_list("DEFAULT"));
    all
}

/// The suites up to TLS 1.2 that a list chooses, if it can be read.
fn of_list(list: &str) -> impl Iterator<Item = CipherSuite> {
    let chosen = language::evaluate(list).unwrap_or_default().suites;
    chosen.into_iter().filter_map(|suite| CipherSuite::old_or_new(suite.name))
}

/// As `SSL_CTX_set_ciphersuites`: unknown names are ignored, unless all are unknown.
fn by_iana_name(
    names: &[&str],
    lacking: &mut Vec<&'static str>,
) -> Result<Vec<CipherSuite>, ConfigError> {
    let mut suites = Vec::new();
    for name in names {
        match CipherSuite::by_name(name) {
            Some(suite) => push(&mut suites, suite),
            None => lacking.extend(known_to_openssl(name)),
        }
    }
    if suites.is_empty() && lacking.is_empty() {
        return Err(no_match(format!("no cipher suite is called {}", names.join(" or "))));
    }
    Ok(suites)
}

/// Adds what a list for TLS 1.2 chooses. Gives the security level that it sets.
fn add_from_list(
    list: &str,
    suites: &mut Vec<CipherSuite>,
    lacking: &mut Vec<&'static str>,
) -> Result<Option<u8>, ConfigError> {
    // Suite B also restricts curves and certificates, of which a list of suites would be a part.
    if list.starts_with("SUITEB") {
        let reason = format!("{list}: Suite B is not supported; name its suites instead");
        return Err(no_match(reason));
    }
    let evaluated = language::evaluate(list).map_err(|language::InvalidCommand(rule)| {
        let reason = format!("{rule:?} is not a rule of OpenSSL's cipher list language");
        ConfigError::new(OPTION, reason).with_code("ERR_SSL_INVALID_COMMAND")
    })?;
    if evaluated.suites.is_empty() && suites.iter().all(is_tls13) {
        return Err(no_match(format!("no cipher suite matches {list:?}")));
    }
    for chosen in evaluated.suites {
        match CipherSuite::by_name(chosen.name) {
            Some(suite) => push(suites, suite),
            None => lacking.push(chosen.name),
        }
    }
    Ok(evaluated.level)
}

fn is_tls13(suite: &CipherSuite) -> bool {
    suite.protocol() == ProtocolVersion::Tls13
}

fn push(suites: &mut Vec<CipherSuite>, suite: CipherSuite) {
    if !suites.contains(&suite) {
        suites.push(suite);
    }
}

/// The name, if it is a suite of OpenSSL's.
fn known_to_openssl(iana: &str) -> Option<&'static str> {
    let mut all = table::SUITES.iter().map(|suite| suite.iana).chain(table::TLS13);
    all.find(|name| *name == iana)
}

/// A list that OpenSSL supports and this engine does not is reported as such, so that a user does
/// not look for a typo.
fn none_of(lacking: &[&str]) -> ConfigError {
    const SHOWN: usize = 3;
    let more = match lacking.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = lacking.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    no_match(format!("{shown}{more}: supported by OpenSSL, not here")).beyond_engine()
}

fn no_match(reason: String) -> ConfigError {
    ConfigError::new(OPTION, reason).with_code("ERR_SSL_NO_CIPHER_MATCH")
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn names(list: &str) -> Vec<&'static str> {
        let suites = parse(list).unwrap_or_else(|e| panic!("{list}: {e}")).suites;
        suites.iter().map(|suite| suite.openssl_name()).collect()
    }

    const ALL_13: [&str; 3] =
        ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];

    #[test]
    fn names_of_tls_1_3_and_a_list_for_tls_1_2() {
        assert_eq!(names("").len(), 9);
        assert_eq!(names("TLS_AES_128_GCM_SHA256"), ["TLS_AES_128_GCM_SHA256"]);
        let both = names("ECDHE-RSA-AES128-GCM-SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_NOPE");
        assert_eq!(both, ["TLS_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]);
        // Only a list: every suite of TLS 1.3, and of the list what the engine has.
        let list = names("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA");
        assert_eq!(list[..3], ALL_13);
        assert_eq!(list[3..], ["ECDHE-RSA-AES128-GCM-SHA256"]);
        // A suite of TLS 1.2 by its IANA name, alone and with others.
        let iana = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        assert_eq!(names(iana), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(names(&format!("ECDHE+CHACHA20+aRSA:{iana}")).len(), 2);
    }

    #[test]
    fn a_list_without_a_suite_is_an_error_that_says_whose_fault_it_is() {
        for (list, code, reason) in [
            (":", "ERR_INVALID_ARG_VALUE", "the list is empty"),
            ("nope", "ERR_SSL_NO_CIPHER_MATCH", "no cipher suite matches \"nope\""),
            ("!ALL", "ERR_SSL_NO_CIPHER_MATCH", "no cipher suite matches \"!ALL\""),
            ("TLS_NOPE", "ERR_SSL_NO_CIPHER_MATCH", "no cipher suite is called TLS_NOPE"),
            ("TLS_NOPE:ALL", "ERR_SSL_NO_CIPHER_MATCH", "no cipher suite is called TLS_NOPE"),
            ("AES128-SHA", "ERR_SSL_NO_CIPHER_MATCH", "AES128-SHA: supported by OpenSSL, not here"),
            (
                "kRSA+AES",
                "ERR_SSL_NO_CIPHER_MATCH",
                "AES256-GCM-SHA384, AES256-CCM8, AES256-CCM and 7 more: supported by OpenSSL, not here",
            ),
            (
                "TLS_AES_128_CCM_SHA256",
                "ERR_SSL_NO_CIPHER_MATCH",
                "TLS_AES_128_CCM_SHA256: supported by OpenSSL, not here",
            ),
            (
                "TLS_AES_128_GCM_SHA256:AES128-SHA",
                "ERR_SSL_NO_CIPHER_MATCH",
                "AES128-SHA: supported by OpenSSL, not here",
            ),
            (
                "ALL:@SECLEVEL=9",
                "ERR_SSL_INVALID_COMMAND",
                "\"@SECLEVEL=9\" is not a rule of OpenSSL's cipher list language",
            ),
            (
                "SUITEB128",
                "ERR_SSL_NO_CIPHER_MATCH",
                "SUITEB128: Suite B is not supported; name its suites instead",
            ),
        ] {
            let error = parse(list).expect_err(list);
            assert_eq!(error.code(), Some(code), "{list}");
            assert_eq!(error.to_string(), format!("cipher_list: {reason}"), "{list}");
        }
    }
}
