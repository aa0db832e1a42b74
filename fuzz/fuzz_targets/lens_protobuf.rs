//! Any bytes as a description of messages, and as messages; `sealwire_lens::fuzzing` has what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sealwire_lens::fuzzing::protobuf(data));
