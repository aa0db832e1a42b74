//! The rules for server names: any names in a certificate against any name asked for, by both
//! sets of rules. What RFC 9525 lets pass, Node's rules do too, and a name covers itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::ServerName;
use sealwire::pki::{self, Certificate};
use sealwire::verify::{NameCheck, check_server_identity};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        // Not a text: a certificate, perhaps.
        let Ok(certificate) = Certificate::from_der(data) else { return };
        return check(&"localhost".parse().expect("a name"), &certificate);
    };
    let mut lines = text.split('\n');
    let Some(Ok(asked)) = lines.next().map(str::parse::<ServerName>) else { return };
    let names: Vec<&str> = lines.take(4).collect();
    let Ok((certificate, _)) = pki::self_signed(&names) else { return };
    check(&asked, &certificate);
    for name in names {
        if let Ok(own) = name.parse::<ServerName>() {
            let covered = check_server_identity(&own, &certificate, &NameCheck::Rfc9525);
            assert!(covered.is_ok(), "{name:?}: {covered:?}");
        }
    }
});

fn check(asked: &ServerName, certificate: &Certificate) {
    let strict = check_server_identity(asked, certificate, &NameCheck::Rfc9525);
    let nodes = check_server_identity(asked, certificate, &NameCheck::Node);
    assert!(strict.is_err() || nodes.is_ok(), "{asked}: {nodes:?}");
    assert!(check_server_identity(asked, certificate, &NameCheck::DangerousNone).is_ok());
}
