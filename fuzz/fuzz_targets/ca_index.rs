//! Any text as the index of a CA's folder (the format of `openssl ca`): reading it neither fails
//! but by an error nor takes a line for what it is not.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealwire::pki::CaStore;

/// A folder that looks like a CA's but for the index.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("sealwire-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let ca = sealwire::pki::self_signed(["ca.test"]).expect("a certificate");
    std::fs::write(folder.join("ca.pem"), ca.0.to_pem()).expect("a file");
    std::fs::write(folder.join("ca-key.pem"), ca.1.to_pem().as_bytes()).expect("a file");
    folder
});

fuzz_target!(|data: &[u8]| {
    std::fs::write(FOLDER.join("index.txt"), data).expect("a file");
    let Ok(store) = CaStore::open(&FOLDER) else { return };
    for entry in store.entries().unwrap_or_default() {
        assert!(entry.serial().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(!entry.subject().contains(['\n', '\t']));
    }
});
