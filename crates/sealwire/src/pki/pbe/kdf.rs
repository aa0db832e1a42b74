//! PKCS#12's own key derivation
//! ([RFC 7292, appendix B](https://www.rfc-editor.org/rfc/rfc7292#appendix-B)), which the MAC still needs.

use aws_lc_rs::digest::{Algorithm, Context};
use zeroize::Zeroizing;

/// What the derived bytes are for (appendix B.3).
#[derive(Clone, Copy)]
pub(in crate::pki) enum Purpose {
    EncryptionKey = 1,
    Iv = 2,
    MacKey = 3,
}

/// `length` bytes from a passphrase in PKCS#12's form; see [`bmp`].
pub(in crate::pki) fn derive(
    digest: &'static Algorithm,
    purpose: Purpose,
    passphrase: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = digest.block_len();
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new(fill_blocks(salt, block));
    input.extend(Zeroizing::new(fill_blocks(passphrase, block)).iter());
    let mut output = Zeroizing::new(Vec::with_capacity(length + digest.output_len()));
    loop {
        let mut context = Context::new(digest);
        context.update(&diversifier);
        context.update(&input);
        let mut hash = context.finish();
        for _ in 1..iterations {
            hash = aws_lc_rs::digest::digest(digest, hash.as_ref());
        }
        output.extend_from_slice(hash.as_ref());
        if output.len() >= length {
            output.truncate(length);
            return output;
        }
        let adder: Vec<u8> = hash.as_ref().iter().copied().cycle().take(block).collect();
        for chunk in input.chunks_mut(block) {
            add_plus_one(chunk, &adder);
        }
    }
}

/// A passphrase as PKCS#12 feeds it to its derivation: UTF-16, big-endian, with a final NUL.
pub(in crate::pki) fn bmp(passphrase: &str) -> Zeroizing<Vec<u8>> {
    let units = passphrase.encode_utf16().chain([0]);
    Zeroizing::new(units.flat_map(u16::to_be_bytes).collect())
}

/// `bytes`, repeated up to a whole number of blocks.
fn fill_blocks(bytes: &[u8], block: usize) -> Vec<u8> {
    let length = bytes.len().div_ceil(block) * block;
    bytes.iter().copied().cycle().take(length).collect()
}

/// `number = number + adder + 1`, big-endian, modulo its length.
fn add_plus_one(number: &mut [u8], adder: &[u8]) {
    let mut carry = 1;
    for (n, a) in number.iter_mut().zip(adder).rev() {
        let sum = u16::from(*n) + u16::from(*a) + carry;
        *n = sum as u8;
        carry = sum >> 8;
    }
}
