//! Key exchange groups by OpenSSL's names and list syntax.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;

use super::ConfigError;

/// The groups offered unless said otherwise: the hybrid post-quantum one first, as OpenSSL 3.5
/// has it.
pub(crate) fn default_groups() -> Vec<&'static dyn SupportedKxGroup> {
    use kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1]
}

/// Reads a list as OpenSSL's `-groups` and Node's `ecdhCurve` have it: names with colons between,
/// best first; `auto` stands for the default list. A name after `?` may be unknown.
pub(crate) fn parse(list: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, ConfigError> {
    if list == "auto" {
        return Ok(default_groups());
    }
    let mut groups: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    for name in list.split(':') {
        let (name, optional) = match name.strip_prefix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        match by_name(name) {
            Some(group) if groups.iter().all(|known| known.name() != group.name()) => {
                groups.push(group);
            }
            Some(_) => {}
            None if optional => {}
            None => return Err(unknown(name)),
        }
    }
    if groups.is_empty() {
        return Err(ConfigError::new("groups", "the list names no group"));
    }
    Ok(groups)
}

fn by_name(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    Some(match name.to_ascii_lowercase().as_str() {
        "x25519" => kx_group::X25519,
        "p-256" | "prime256v1" | "secp256r1" => kx_group::SECP256R1,
        "p-384" | "secp384r1" => kx_group::SECP384R1,
        "x25519mlkem768" => kx_group::X25519MLKEM768,
        "secp256r1mlkem768" => kx_group::SECP256R1MLKEM768,
        "mlkem768" => kx_group::MLKEM768,
        "mlkem1024" => kx_group::MLKEM1024,
        _ => return None,
    })
}

/// A group of OpenSSL's that the engine lacks is named as that, so that nobody looks for a typo.
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
    ConfigError::new(
        "groups",
        match OPENSSL_ONLY.contains(&lower.as_str()) {
            true => format!("{name}: OpenSSL has this group, this engine has not"),
            false => format!("{name:?} is not the name of a group"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn names(list: &str) -> Vec<String> {
        parse(list).unwrap().iter().map(|group| format!("{:?}", group.name())).collect()
    }

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        assert_eq!(names("P-256:X25519"), ["secp256r1", "X25519"]);
        assert_eq!(names("prime256v1:P-256"), ["secp256r1"]);
        assert_eq!(names("?x448:X25519"), ["X25519"]);
        assert_eq!(names("auto")[0], "X25519MLKEM768");
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (list, text) in [
            ("P-521", "groups: P-521: OpenSSL has this group, this engine has not"),
            ("X25519:nope", "groups: \"nope\" is not the name of a group"),
            ("", "groups: \"\" is not the name of a group"),
            ("?x448", "groups: the list names no group"),
        ] {
            assert_eq!(parse(list).expect_err(list).to_string(), text);
        }
    }
}
