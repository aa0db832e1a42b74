//! A certificate for a development server, in one call.
//!
//! `cargo run --example self_signed`

use sealwire::pki;

fn main() -> Result<(), pki::Error> {
    let (certificate, key) = pki::self_signed(["localhost", "127.0.0.1", "::1"])?;
    print!("{}{}", certificate.to_pem(), *key.to_pem());
    eprintln!("pin: sha256//{}", pki::spki_pin(key.spki_der()));
    Ok(())
}
