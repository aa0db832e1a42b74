//! Linker arguments of a Node addon, per platform.

fn main() {
    napi_build::setup();
}
