//! Linker arguments of a Node addon, per platform.

fn main() {
    napi_build::setup();
    // Node unloads the addon when the last Worker that has loaded it ends; the threads that do the
    // work of handshakes continues.
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix")
        && std::env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor != "apple")
    {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
