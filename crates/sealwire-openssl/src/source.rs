//! Where OpenSSL is found.

use std::ffi::CStr;
use std::fmt;
use std::sync::OnceLock;

use crate::origin::{Origin, Unavailable, system_names};
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
    /// In this program, which was built with one (cargo feature `vendored`). It reads no
    /// `openssl.cnf`.
    Vendored,
}

/// An OpenSSL that can be called. Cheap to clone; found once for the process, and never given back.
#[derive(Clone, Copy)]
pub struct Library(pub(crate) &'static Found);

pub(crate) struct Found {
    pub(crate) table: Table,
    version: String,
}

impl Source {
    /// The OpenSSL that is there.
    ///
    /// # Errors
    /// When it is not found, or not of major version 3 or 4.
    pub fn library(self) -> Result<Library, Unavailable> {
        static HOST: OnceLock<Result<Found, Unavailable>> = OnceLock::new();
        static SYSTEM: OnceLock<Result<Found, Unavailable>> = OnceLock::new();
        static VENDORED: OnceLock<Result<Found, Unavailable>> = OnceLock::new();

        let found = match self {
            Self::Host => HOST.get_or_init(|| Found::within(&Origin::host()?)),
            Self::System => SYSTEM.get_or_init(Found::of_system),
            Self::Vendored => VENDORED.get_or_init(Found::vendored),
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
        Err(first.unwrap_or_else(|| {
            Unavailable("the name of OpenSSL's library on this platform is unknown".into())
        }))
    }

    #[cfg(feature = "vendored")]
    fn vendored() -> Result<Self, Unavailable> {
        LOADED.store(true, std::sync::atomic::Ordering::Relaxed);
        // Where its configuration would be is the folder of another's.
        Self::started(Table::linked(), number::OPENSSL_INIT_NO_LOAD_CONFIG)
    }

    #[cfg(not(feature = "vendored"))]
    fn vendored() -> Result<Self, Unavailable> {
        Err(Unavailable("this program was built without one (cargo feature `vendored`)".into()))
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
            return Err(Unavailable(format!(
                "OpenSSL {major} is not supported: 3 or 4 is required"
            )));
        }
        Self::started(Table::fill(origin)?, 0)
    }

    fn started(table: Table, settings: u64) -> Result<Self, Unavailable> {
        let settings = settings | number::OPENSSL_INIT_NO_ATEXIT;
        // SAFETY: no settings are given. Without the handler at exit: other threads may still have
        // connections then, and it would take everything from under them.
        if unsafe { (table.OPENSSL_init_ssl)(settings, std::ptr::null()) } != 1 {
            return Err(Unavailable("OpenSSL does not start".into()));
        }
        // SAFETY: a constant text that ends with a zero.
        let version = unsafe { CStr::from_ptr((table.OpenSSL_version)(0)) };
        let version = version.to_string_lossy().into_owned();
        Ok(Self { table, version })
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Library").field(&self.version()).finish()
    }
}
