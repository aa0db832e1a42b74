//! Files that go in and come out: keys, certificates, passphrases, the folder of a CA.

pub(crate) mod agent;
pub(crate) mod ca_folder;
pub(crate) mod delivery;
pub(crate) mod key_file;
pub(crate) mod key_form;
pub(crate) mod ledger;
pub(crate) mod material;
pub(crate) mod output;
pub(crate) mod own_lists;
pub(crate) mod passphrase;
pub(crate) mod policies;
pub(crate) mod sudo;
pub(crate) mod upki;

use std::path::Path;

use sealwire::pki::Error;
use zeroize::Zeroizing;

/// Reads a file that may hold a secret; the bytes are wiped when dropped.
///
/// # Errors
/// With the file's name.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    std::fs::read(path).map(Zeroizing::new).map_err(|e| Error::io(path, &e))
}
