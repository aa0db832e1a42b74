//! Any bytes as a PROXY header: what is read does not depend on how the bytes come, never goes
//! beyond them, and is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/seal/src/tunnel/proxy/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the program uses all of it")]
mod proxy;

use proxy::{Accepts, Header, Read, read, v1, v2};

fuzz_target!(|data: &[u8]| {
    for accepts in [Accepts::Any, Accepts::V1, Accepts::V2] {
        let whole = read(data, accepts);
        // As soon as there is an answer, more bytes do not change it.
        for end in 0..data.len() {
            match read(&data[..end], accepts) {
                Ok(Read::Incomplete) => {}
                answer => {
                    assert_eq!(answer, whole, "{end} of {} bytes", data.len());
                    break;
                }
            }
        }
        let Ok(Read::Header { header, length }) = whole else { continue };
        assert!(length <= data.len());
        let Header::Proxied { source, destination } = header else { continue };
        for written in [v1(Some((source, destination))), v2(Some((source, destination)), None)] {
            let length = written.len();
            assert_eq!(read(&written, Accepts::Any), Ok(Read::Header { header, length }));
        }
    }
});
