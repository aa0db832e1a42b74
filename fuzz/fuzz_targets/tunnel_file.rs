//! Any text as the file of a tunnel: a tunnel, or one line that says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::Tunnel;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(failure) = Tunnel::from_toml(text) {
        let reason = failure.to_string();
        assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
    }
});
