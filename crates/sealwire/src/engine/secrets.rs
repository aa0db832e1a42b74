//! What a handshake leaves that the engine keeps to itself: the Finished values, and the secret
//! behind exported keying material.
//!
//! The engine's handshake interface has no exporter, and its record layer may be gone when an export
//! is requested. So the one secret that is needed is kept in the connection's state while the engine derives
//! it: about 150 bytes for each connection, wiped when it ends.

use aws_lc_rs::{digest, hkdf};
use rustls::crypto::tls12::Prf;
use zeroize::Zeroizing;

use super::short::Short;
use crate::error::Error;

/// The secrets kept in the connection's state.
#[derive(Default)]
pub(crate) struct Secrets {
    pub(crate) finished: Finished,
    exporter: Option<Exporter>,
}

/// The `verify_data` of both Finished messages.
#[derive(Default)]
pub(crate) struct Finished {
    pub(crate) client: VerifyData,
    pub(crate) server: VerifyData,
}

/// 12 bytes in TLS 1.2; as long as the suite's hash in TLS 1.3. On the wire it is encrypted, and what is
/// bound to it may rely on that.
pub(crate) type VerifyData = Short<48>;

/// The secret from which keying material is exported.
enum Exporter {
    /// RFC 5705. The randoms are the client's and the server's.
    Tls12 { prf: &'static dyn Prf, master_secret: Zeroizing<[u8; 48]>, randoms: [u8; 64] },
    /// RFC 8446, section 7.5.
    Tls13 { exporter_secret: Zeroizing<Box<[u8]>> },
}

impl Secrets {
    /// TLS 1.2's master secret, seen where the record keys are made of it (RFC 5246, 6.3).
    pub(crate) fn note_master_secret(&mut self, prf: &'static dyn Prf, secret: &[u8], seed: &[u8]) {
        let (Ok(secret), Some((server, client))) = (secret.try_into(), seed.split_at_checked(32))
        else {
            return;
        };
        let mut randoms = [0; 64];
        if client.len() == 32 {
            randoms[..32].copy_from_slice(client);
            randoms[32..].copy_from_slice(server);
            let master_secret = Zeroizing::new(secret);
            self.exporter = Some(Exporter::Tls12 { prf, master_secret, randoms });
        }
    }

    /// TLS 1.3's `exporter_master_secret`.
    pub(super) fn note_exporter_secret(&mut self, secret: &[u8]) {
        self.exporter =
            Some(Exporter::Tls13 { exporter_secret: Zeroizing::new(Box::from(secret)) });
    }

    /// Fills `output` with keying material (RFC 5705; RFC 8446, section 7.5).
    pub(crate) fn export(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), Error> {
        match &self.exporter {
            Some(Exporter::Tls12 { prf, master_secret, randoms }) => {
                export_tls12(*prf, &**master_secret, randoms, output, label, context)
            }
            Some(Exporter::Tls13 { exporter_secret }) => {
                export_tls13(exporter_secret, output, label, context.unwrap_or_default())
            }
            None => Err(Error::Misused("no keying material before the handshake is complete")),
        }
    }
}

fn export_tls12(
    prf: &dyn Prf,
    master_secret: &[u8],
    randoms: &[u8; 64],
    output: &mut [u8],
    label: &[u8],
    context: Option<&[u8]>,
) -> Result<(), Error> {
    // With one of these labels the PRF would give out what the connection itself is protected by.
    const RESERVED: [&[u8]; 5] = [
        b"client finished",
        b"server finished",
        b"master secret",
        b"extended master secret",
        b"key expansion",
    ];
    if RESERVED.iter().any(|reserved| label.starts_with(reserved)) {
        return Err(Error::Misused("the label of the exported keying material is reserved by TLS"));
    }
    if label.is_empty() || output.is_empty() {
        return Err(Error::Misused("exported keying material needs a label and a length"));
    }
    let mut seed = randoms.to_vec();
    if let Some(context) = context {
        let len = u16::try_from(context.len()).map_err(|_| {
            Error::Misused("a context of exported keying material over 65535 bytes")
        })?;
        seed.extend_from_slice(&len.to_be_bytes());
        seed.extend_from_slice(context);
    }
    prf.for_secret(output, master_secret, label, &seed);
    Ok(())
}

fn export_tls13(
    exporter_secret: &[u8],
    output: &mut [u8],
    label: &[u8],
    context: &[u8],
) -> Result<(), Error> {
    let (hash, kdf) = match exporter_secret.len() {
        48 => (&digest::SHA384, hkdf::HKDF_SHA384),
        _ => (&digest::SHA256, hkdf::HKDF_SHA256),
    };
    let none = digest::digest(hash, b"");
    let mut derived = Zeroizing::new(vec![0; exporter_secret.len()]);
    expand_label(kdf, exporter_secret, label, none.as_ref(), &mut derived)?;
    let context = digest::digest(hash, context);
    expand_label(kdf, &derived, b"exporter", context.as_ref(), output)
}

/// HKDF-Expand-Label (RFC 8446, section 7.1).
fn expand_label(
    kdf: hkdf::Algorithm,
    secret: &[u8],
    label: &[u8],
    context: &[u8],
    output: &mut [u8],
) -> Result<(), Error> {
    struct Len(usize);

    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }

    const PREFIX: &[u8] = b"tls13 ";
    let too_long = |_| Error::Misused("exported keying material or its label is too long");
    let len = u16::try_from(output.len()).map_err(too_long)?.to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len() + label.len()).map_err(too_long)?];
    let context_len = [u8::try_from(context.len()).map_err(too_long)?];
    let info = [&len[..], &label_len, PREFIX, label, &context_len, context];
    hkdf::Prk::new_less_safe(kdf, secret)
        .expand(&info, Len(output.len()))
        .and_then(|key| key.fill(output))
        .map_err(|_| Error::Misused("exported keying material is too long"))
}

impl Finished {
    /// Notes the next of the values of TLS 1.3, of which the last two are kept: the server's
    /// Finished comes before the client's.
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.server = std::mem::replace(&mut self.client, Short::of(value).unwrap_or_default());
    }
}
