//! Where OpenSSL is found.

use std::ffi::CStr;
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::OnceLock;

use libloading::Library as Loaded;

use crate::table::{Table, number};

/// Where the functions of OpenSSL are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// In the running program, which has an OpenSSL of its own and exports it. Node does; Bun and
    /// Deno do not.
    Host,
    /// In the system's shared library: `libssl.so.3` or what it is called here.
    System,
}

/// An OpenSSL that can be called. Cheap to clone; found once for the process, and never given back.
#[derive(Clone, Copy)]
pub struct Library(pub(crate) &'static Found);

pub(crate) struct Found {
    pub(crate) table: Table,
    version: String,
}

/// Why there is no OpenSSL to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(String);

/// What the functions are looked up in, one after the other.
pub(crate) struct Origin {
    libraries: Vec<ManuallyDrop<Loaded>>,
}

impl Source {
    /// The OpenSSL that is there.
    ///
    /// # Errors
    /// When there is none, or none of major version 3 or 4.
    pub fn library(self) -> Result<Library, Unavailable> {
        static HOST: OnceLock<Result<Found, Unavailable>> = OnceLock::new();
        static SYSTEM: OnceLock<Result<Found, Unavailable>> = OnceLock::new();

        let found = match self {
            Self::Host => HOST.get_or_init(|| Found::within(&Origin::host()?)),
            Self::System => SYSTEM.get_or_init(Found::of_system),
        };
        found.as_ref().map(Library).map_err(Unavailable::clone)
    }

    /// Whether it was looked for in this process: contexts that do not ask never do.
    pub fn was_loaded() -> bool {
        LOADED.load(std::sync::atomic::Ordering::Relaxed)
    }
}

static LOADED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

impl Library {
    /// What it calls itself: `OpenSSL 3.5.5 27 Jan 2026`.
    pub fn version(&self) -> &'static str {
        &self.0.version
    }

    /// Whether it can tell what goes over a connection in words (`SSL_trace`).
    pub fn can_trace(&self) -> bool {
        self.0.table.SSL_trace.is_some() && self.0.table.SSL_set_msg_callback.is_some()
    }
}

impl Found {
    fn of_system() -> Result<Self, Unavailable> {
        let mut first = None;
        for names in system_names() {
            match Origin::system(names).and_then(|origin| Self::within(&origin)) {
                Ok(found) => return Ok(found),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first
            .unwrap_or_else(|| Unavailable("no name of OpenSSL's library is known here".into())))
    }

    fn within(origin: &Origin) -> Result<Self, Unavailable> {
        LOADED.store(true, std::sync::atomic::Ordering::Relaxed);
        // The version first: other libraries have functions of the same names and other types.
        // SAFETY: since OpenSSL 3 it has this type; nothing else is known to have this name.
        let major: unsafe extern "C" fn() -> u32 =
            unsafe { origin.find("OPENSSL_version_major\0")? };
        // SAFETY: it takes nothing and reads a constant.
        let major = unsafe { major() };
        if !matches!(major, 3 | 4) {
            return Err(Unavailable(format!("OpenSSL {major} is neither 3 nor 4")));
        }
        let table = Table::fill(origin)?;
        // SAFETY: no settings are given. Without the handler at exit: other threads may still have
        // connections then, and it would take everything from under them.
        if unsafe { (table.OPENSSL_init_ssl)(number::OPENSSL_INIT_NO_ATEXIT, std::ptr::null()) }
            != 1
        {
            return Err(Unavailable("OpenSSL does not start".into()));
        }
        // SAFETY: a constant text that ends with a zero.
        let version = unsafe { CStr::from_ptr((table.OpenSSL_version)(0)) };
        let version = version.to_string_lossy().into_owned();
        Ok(Self { table, version })
    }
}

/// What OpenSSL's two libraries are called, of each version that will do.
fn system_names() -> &'static [[&'static str; 2]] {
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

impl Origin {
    fn host() -> Result<Self, Unavailable> {
        #[cfg(unix)]
        let this = libloading::os::unix::Library::this();
        #[cfg(windows)]
        let this =
            libloading::os::windows::Library::this().map_err(|e| Unavailable(e.to_string()))?;
        Ok(Self { libraries: vec![ManuallyDrop::new(this.into())] })
    }

    fn system(names: &[&str; 2]) -> Result<Self, Unavailable> {
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
        Err(Unavailable(format!("no function {name} is found: there is no OpenSSL 3 or 4")))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Library").field(&self.version()).finish()
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}
