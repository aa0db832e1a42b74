//! With the feature `vendored`: builds OpenSSL, and has it linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "vendored")]
    openssl_src::Build::new().build().print_cargo_metadata();
}
