//! Takes a PFX apart: every key with its certificate and chain, as PEM on standard output.
//!
//! `cargo run --example pfx_to_pem -- id.pfx PASSPHRASE-FILE`

use sealwire::pki::Pfx;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: pfx_to_pem id.pfx [PASSPHRASE-FILE]")?;
    let passphrase = arguments.next().map(std::fs::read_to_string).transpose()?;
    let passphrase = passphrase.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
    for pfx in Pfx::all_from_der(&std::fs::read(&file)?, passphrase)? {
        println!("# {}", pfx.name().unwrap_or("no name"));
        print!("{}{}", *pfx.key().to_pem(), pfx.certificate().to_pem());
        for other in pfx.chain() {
            print!("{}", other.to_pem());
        }
    }
    Ok(())
}
