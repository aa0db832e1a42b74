//! What no library can be faster than: the primitives by themselves, in memory.

use std::time::{Duration, Instant};

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, UnparsedPublicKey as VerifyingKey,
};

use crate::contestant::Failure;
use crate::measure::processor_time;

/// A table: what each primitive takes, and what a handshake's primitives come to.
pub(crate) fn measure() -> Result<String, Failure> {
    let mut text = String::from("| primitive | |\n|---|---:|\n");
    for (name, algorithm) in [
        ("AES-128-GCM", &AES_128_GCM),
        ("AES-256-GCM", &AES_256_GCM),
        ("ChaCha20-Poly1305", &CHACHA20_POLY1305),
    ] {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &vec![7; algorithm.key_len()])?);
        for size in [64, 1024, 16 * 1024] {
            let mut record = vec![7; size];
            let each = each(|| {
                let nonce = Nonce::assume_unique_for_key([7; 12]);
                Ok(key
                    .seal_in_place_separate_tag(nonce, Aad::from([7; 5]), &mut record)
                    .map(drop)?)
            })?;
            let rate = size as f64 / each.as_secs_f64() / 1e6;
            text += &format!("| {name}, records of {size} bytes | {rate:.0} MB/s |\n");
        }
    }
    let (agreement, ecdsa, rsa) = (agreement()?, ecdsa()?, rsa()?);
    let mut row = |name: &str, time: Duration| {
        text += &format!("| {name} | {:.1} µs |\n", time.as_secs_f64() * 1e6);
    };
    row("X25519: a key pair and an agreement", agreement);
    row("ECDSA P-256: to sign", ecdsa.sign);
    row("ECDSA P-256: to verify", ecdsa.verify);
    row("RSA-2048 PSS: to sign", rsa.sign);
    row("RSA-2048 PSS: to verify", rsa.verify);
    row("a server's full handshake at least, P-256", agreement + ecdsa.sign);
    row("a server's full handshake at least, RSA-2048", agreement + rsa.sign);
    // The certificate's own signature, and that of the handshake.
    row("a client's full handshake at least, P-256", agreement + 2 * ecdsa.verify);
    Ok(text)
}

fn agreement() -> Result<Duration, Failure> {
    let random = SystemRandom::new();
    let theirs = EphemeralPrivateKey::generate(&X25519, &random)?.compute_public_key()?;
    each(|| {
        let ours = EphemeralPrivateKey::generate(&X25519, &random)?;
        ours.compute_public_key()?;
        let theirs = UnparsedPublicKey::new(&X25519, theirs.as_ref());
        agree_ephemeral(ours, theirs, aws_lc_rs::error::Unspecified, |_| Ok(()))?;
        Ok(())
    })
}

struct Signature {
    sign: Duration,
    verify: Duration,
}

fn ecdsa() -> Result<Signature, Failure> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let public = VerifyingKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key());
    let signature = key.sign(&random, b"message")?;
    Ok(Signature {
        sign: each(|| Ok(key.sign(&random, b"message").map(drop)?))?,
        verify: each(|| Ok(public.verify(b"message", signature.as_ref())?))?,
    })
}

fn rsa() -> Result<Signature, Failure> {
    let random = SystemRandom::new();
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let public = VerifyingKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key());
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA256, &random, b"message", &mut signature)?;
    let verify = each(|| Ok(public.verify(b"message", &signature)?))?;
    let sign = each(|| Ok(key.sign(&RSA_PSS_SHA256, &random, b"message", &mut signature)?))?;
    Ok(Signature { sign, verify })
}

/// Processor time of one call: the best of a few runs, as nothing can make it faster than it is.
fn each(mut call: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    const RUN: Duration = Duration::from_millis(60);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let (begin, before, mut count) = (Instant::now(), processor_time()?, 0);
        while begin.elapsed() < RUN {
            for _ in 0..16 {
                call()?;
            }
            count += 16;
        }
        best = best.min((processor_time()? - before) / count);
    }
    Ok(best)
}
