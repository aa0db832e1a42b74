//! A key store of Java's with certificates to trust, in its oldest format, which every Java reads.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sealwire::pki::Certificate;

/// Its password is not secret: it is a checksum.
pub(crate) const PASSWORD: &str = "changeit";

pub(crate) fn of<'a>(certificates: impl Iterator<Item = &'a Certificate>) -> Vec<u8> {
    const MAGIC: u32 = 0xfeed_feed;
    const VERSION: u32 = 2;
    const TRUSTED: u32 = 2;
    let certificates: Vec<_> = certificates.collect();
    let mut store = Vec::new();
    let number = |store: &mut Vec<u8>, number: usize| {
        store.extend(u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    };
    store.extend(MAGIC.to_be_bytes());
    store.extend(VERSION.to_be_bytes());
    number(&mut store, certificates.len());
    for (index, certificate) in certificates.iter().enumerate() {
        store.extend(TRUSTED.to_be_bytes());
        text(&mut store, &format!("root{index}"));
        store.extend(0_u64.to_be_bytes()); // when it was put in
        text(&mut store, "X.509");
        number(&mut store, certificate.der().len());
        store.extend(certificate.der());
    }
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let keyed = [&password[..], b"Mighty Aphrodite", &store].concat();
    store.extend(digest(&SHA1_FOR_LEGACY_USE_ONLY, &keyed).as_ref());
    store
}

fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    store.extend(text.as_bytes());
}
