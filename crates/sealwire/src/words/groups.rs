//! Key exchange groups by OpenSSL's names and list syntax.

use super::{ConfigError, NamedGroup};

/// The groups offered unless said otherwise: the hybrid post-quantum one first, as OpenSSL 3.5
/// has it.
pub(crate) fn default_groups() -> Vec<NamedGroup> {
    let names = ["X25519MLKEM768", "x25519", "secp256r1", "secp384r1"];
    names.into_iter().filter_map(NamedGroup::by_iana_name).collect()
}

/// Reads a list as OpenSSL's `-groups` and Node's `ecdhCurve` have it: names with colons between,
/// best first; `auto` stands for the default list. A name after `?` may be unknown.
pub(crate) fn parse(list: &str) -> Result<Vec<NamedGroup>, ConfigError> {
    if list == "auto" {
        return Ok(default_groups());
    }
    let mut groups: Vec<NamedGroup> = Vec::new();
    for name in list.split(':') {
        let (name, optional) = match name.strip_prefix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        match by_name(name) {
            Some(group) if !groups.contains(&group) => groups.push(group),
            Some(_) => {}
            None if optional => {}
            None => return Err(unknown(name)),
        }
    }
    if groups.is_empty() {
        return Err(ConfigError::new("groups", "no group in the list"));
    }
    Ok(groups)
}

/// The groups of a list that are known here; none may be.
#[cfg(feature = "legacy")]
pub(crate) fn parse_known(list: &str) -> Vec<NamedGroup> {
    if list == "auto" {
        return default_groups();
    }
    list.split(':').filter_map(|name| by_name(name.trim_start_matches('?'))).collect()
}

fn by_name(name: &str) -> Option<NamedGroup> {
    NamedGroup::by_iana_name(match name.to_ascii_lowercase().as_str() {
        "p-256" | "prime256v1" => "secp256r1",
        "p-384" => "secp384r1",
        _ => name,
    })
}

/// A group of OpenSSL's that the engine lacks is reported as such, and not as a typo.
fn unknown(name: &str) -> ConfigError {
    const OPENSSL_ONLY: [&str; 13] = [
        "p-521",
        "secp521r1",
        "x448",
        "ffdhe2048",
        "ffdhe3072",
        "ffdhe4096",
        "ffdhe6144",
        "ffdhe8192",
        "brainpoolp256r1",
        "brainpoolp384r1",
        "brainpoolp512r1",
        "secp256k1",
        "mlkem512",
    ];
    let lower = name.to_ascii_lowercase();
    let reason = if OPENSSL_ONLY.contains(&lower.as_str()) {
        format!("{name}: group supported by OpenSSL, not here")
    } else {
        format!("{name:?} is not the name of a group")
    };
    ConfigError::new("groups", reason)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn names(list: &str) -> Vec<&'static str> {
        parse(list).unwrap().iter().map(|group| group.iana_name()).collect()
    }

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        assert_eq!(names("P-256:X25519"), ["secp256r1", "x25519"]);
        assert_eq!(names("prime256v1:P-256"), ["secp256r1"]);
        assert_eq!(names("?x448:X25519"), ["x25519"]);
        assert_eq!(names("auto"), ["X25519MLKEM768", "x25519", "secp256r1", "secp384r1"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (list, text) in [
            ("P-521", "groups: P-521: group supported by OpenSSL, not here"),
            ("X25519:nope", "groups: \"nope\" is not the name of a group"),
            ("", "groups: \"\" is not the name of a group"),
            ("?x448", "groups: no group in the list"),
        ] {
            assert_eq!(parse(list).expect_err(list).to_string(), text);
        }
    }
}
