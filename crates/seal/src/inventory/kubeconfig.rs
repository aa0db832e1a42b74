//! Files that a kubeconfig names instead of holding them.

use memchr::memmem;

/// How many are followed of one file.
const MOST: usize = 1000;

/// The paths in it, as they are written: they are relative to its folder. None of what is not a kubeconfig.
pub(super) fn named_files(text: &[u8]) -> Vec<String> {
    let is_config = |kind: &str| memmem::find(text, kind.as_bytes()).is_some();
    if !["kind: Config", "\"kind\":\"Config\"", "\"kind\": \"Config\""].into_iter().any(is_config) {
        return Vec::new();
    }
    let mut named: Vec<String> = Vec::new();
    for key in ["certificate-authority", "client-certificate"] {
        for at in memmem::find_iter(text, key) {
            let value = value(&text[at + key.len()..]);
            if let Some(value) = value.filter(|value| !named.contains(value) && named.len() < MOST)
            {
                named.push(value);
            }
        }
    }
    named
}

/// What stands behind a key, in YAML or JSON; `None` of a key that only begins so (`-data`).
fn value(rest: &[u8]) -> Option<String> {
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii_start().strip_prefix(b":")?;
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let quote = line.first().filter(|first| matches!(first, b'"' | b'\''));
    let text = match quote {
        Some(quote) => line[1..].split(|byte| byte == quote).next()?,
        // A comment of YAML has a blank before it.
        None => &line[..memmem::find(line, b" #").unwrap_or(line.len())],
    };
    let text = std::str::from_utf8(text).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::named_files;

    #[test]
    fn paths_are_found_in_yaml_and_json() {
        for (text, paths) in [
            (
                "kind: Config\nclusters:\n- cluster:\n    certificate-authority: pki/ca.crt # ours\n    x: 1\n\
                 users:\n- user:\n    client-certificate: \"my cert.crt\"\n    client-key: k\n",
                &["pki/ca.crt", "my cert.crt"][..],
            ),
            (
                r#"{"kind":"Config","users":[{"user":{"client-certificate":"/a/b.crt","client-key":"k"}}]}"#,
                &["/a/b.crt"],
            ),
            ("kind: Config\nusers:\n- user:\n    client-certificate-data: LS0t\n", &[]),
            ("kind: Secret\ncertificate-authority: ca.crt\n", &[]),
        ] {
            assert_eq!(named_files(text.as_bytes()), paths, "{text}");
        }
    }
}
