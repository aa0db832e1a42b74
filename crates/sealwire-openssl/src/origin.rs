//! What OpenSSL's functions are looked up in.

use std::fmt;
use std::mem::ManuallyDrop;

use libloading::Library as Loaded;

/// What the functions are looked up in, one after the other.
pub(crate) struct Origin {
    libraries: Vec<ManuallyDrop<Loaded>>,
}

/// Why there is no OpenSSL to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub(crate) String);

impl Origin {
    pub(crate) fn host() -> Result<Self, Unavailable> {
        #[cfg(unix)]
        let this = libloading::os::unix::Library::this();
        #[cfg(windows)]
        let this =
            libloading::os::windows::Library::this().map_err(|e| Unavailable(e.to_string()))?;
        Ok(Self { libraries: vec![ManuallyDrop::new(this.into())] })
    }

    pub(crate) fn system(names: &[&str; 2]) -> Result<Self, Unavailable> {
        let load = |name: &&str| -> Result<ManuallyDrop<Loaded>, Unavailable> {
            // SAFETY: OpenSSL's initializers may be run on any thread; the library is never
            // unloaded, so that nothing of it can be called too late.
            let loaded = unsafe { Loaded::new(*name) };
            Ok(ManuallyDrop::new(loaded.map_err(|e| Unavailable(format!("{name}: {e}")))?))
        };
        Ok(Self { libraries: names.iter().map(load).collect::<Result<_, _>>()? })
    }

    /// The function of this name, which ends with a zero.
    ///
    /// # Safety
    /// It has the type `F`, a pointer to a function.
    pub(crate) unsafe fn find<F: Copy>(&self, name: &'static str) -> Result<F, Unavailable> {
        for library in &self.libraries {
            // SAFETY: the caller vouches for the type.
            if let Ok(symbol) = unsafe { library.get::<F>(name.as_bytes()) } {
                return Ok(*symbol);
            }
        }
        let name = name.trim_end_matches('\0');
        Err(Unavailable(format!("function {name} not found: OpenSSL 3 or 4 is required")))
    }
}

/// What OpenSSL's two libraries are called, of each version that will do.
pub(crate) fn system_names() -> &'static [[&'static str; 2]] {
    if cfg!(all(windows, target_arch = "x86_64")) {
        &[["libssl-3-x64.dll", "libcrypto-3-x64.dll"], ["libssl-4-x64.dll", "libcrypto-4-x64.dll"]]
    } else if cfg!(all(windows, target_arch = "aarch64")) {
        &[
            ["libssl-3-arm64.dll", "libcrypto-3-arm64.dll"],
            ["libssl-4-arm64.dll", "libcrypto-4-arm64.dll"],
        ]
    } else if cfg!(windows) {
        &[["libssl-3.dll", "libcrypto-3.dll"], ["libssl-4.dll", "libcrypto-4.dll"]]
    } else if cfg!(target_vendor = "apple") {
        &[
            ["libssl.3.dylib", "libcrypto.3.dylib"],
            [
                "/opt/homebrew/opt/openssl@3/lib/libssl.3.dylib",
                "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
            ],
            [
                "/usr/local/opt/openssl@3/lib/libssl.3.dylib",
                "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
            ],
            ["libssl.4.dylib", "libcrypto.4.dylib"],
        ]
    } else {
        &[["libssl.so.3", "libcrypto.so.3"], ["libssl.so.4", "libcrypto.so.4"]]
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}
