//! Keys in the forms of other programs, which are not read here: named for what they are.

use std::fmt;

use super::pem;

/// Names the private format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherForm {
    /// `OPENSSH PRIVATE KEY`.
    OpenSsh,
    /// The line of an OpenSSH public key, or the block of [RFC 4716](https://www.rfc-editor.org/rfc/rfc4716).
    SshPublic,
    /// PuTTY's `.ppk`.
    Putty,
    /// Java's key store of old.
    Jks,
    /// Java's other key store of old.
    Jceks,
    /// `TSS2 PRIVATE KEY`.
    Tpm,
}

impl OtherForm {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::OpenSsh, Self::SshPublic, Self::Putty, Self::Jks, Self::Jceks, Self::Tpm];

    /// Which of them these bytes are.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let labels = || pem::blocks(bytes).into_iter().map(|block| block.label());
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let starts = |words: &[&str]| words.iter().any(|word| line.starts_with(word.as_bytes()));
        if bytes.starts_with(&[0xFE, 0xED, 0xFE, 0xED]) {
            Some(Self::Jks)
        } else if bytes.starts_with(&[0xCE, 0xCE, 0xCE, 0xCE]) {
            Some(Self::Jceks)
        } else if starts(&["PuTTY-User-Key-File-"]) {
            Some(Self::Putty)
        } else if starts(&["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2 "]) {
            Some(Self::SshPublic)
        } else if labels().any(|label| label == "OPENSSH PRIVATE KEY") {
            Some(Self::OpenSsh)
        } else if labels().any(|label| label == "TSS2 PRIVATE KEY") {
            Some(Self::Tpm)
        } else {
            None
        }
    }
}

impl fmt::Display for OtherForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSsh => "a private key in OpenSSH's own form",
            Self::SshPublic => "a public key of SSH",
            Self::Putty => "a key in PuTTY's form (.ppk)",
            Self::Jks => "a Java key store (JKS)",
            Self::Jceks => "a Java key store (JCEKS)",
            Self::Tpm => "a key that only a TPM can use (TSS2 PRIVATE KEY)",
        })
    }
}
