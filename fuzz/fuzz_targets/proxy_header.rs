//! Any bytes as a PROXY header: what is read is the same however much comes after it, and nothing
//! is read before it is whole.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "only the reader is fuzzed")]
#[path = "../../crates/seal/src/tunnel"]
mod tunnel {
    pub(crate) mod proxy;
}

use tunnel::proxy::{Accepts, Read, read};

fuzz_target!(|data: &[u8]| {
    for accepts in [Accepts::V1, Accepts::V2, Accepts::Any] {
        let whole = read(data, accepts);
        if let Ok(Read::Header { length, .. }) = whole {
            assert!(length <= data.len() && length <= 16 * 1024);
            assert_eq!(read(&data[..length], accepts), whole);
            assert_eq!(read(&data[..length - 1], accepts), Ok(Read::Incomplete));
            let followed = [&data[..length], b"\r\n\r\n\0\r\nQUIT\n"].concat();
            assert_eq!(read(&followed, accepts), whole);
        }
        // Who waits for more would wait for ever if the start could never be a header.
        for end in 0..data.len().min(64) {
            if read(&data[..end], accepts).is_err() {
                assert!(whole.is_err());
            }
        }
    }
});
