//! Any bytes as a message of HTTP/1; `sealwire_lens::fuzzing` has what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sealwire_lens::fuzzing::http_message(data));
