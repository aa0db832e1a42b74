//! Certificate compression ([RFC 8879](https://www.rfc-editor.org/rfc/rfc8879)): which algorithms there are.

use std::fmt;

/// An algorithm by which certificates are compressed in TLS 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertCompression {
    /// zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)).
    Zlib,
    /// Brotli ([RFC 7932](https://www.rfc-editor.org/rfc/rfc7932)), which browsers have.
    Brotli,
    /// Zstandard ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878)).
    Zstd,
}

impl CertCompression {
    /// All of them, in Node's order.
    pub const fn supported() -> [Self; 3] {
        [Self::Zlib, Self::Brotli, Self::Zstd]
    }

    /// The name in IANA's registry, which is Node's too: `zlib`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Brotli => "brotli",
            Self::Zstd => "zstd",
        }
    }

    /// The algorithm of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::supported().into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for CertCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
