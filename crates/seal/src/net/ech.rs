//! What is said of Encrypted Client Hello: from a file to an offer.

use std::path::Path;

use sealwire::EchOffer;
use sealwire::pki::Error;
use sealwire::reading::EchConfigList;

use crate::say::failure::Failure;

/// Reads the configurations of a file; the word `grease` is not a file.
///
/// # Errors
/// With the file at fault.
pub(crate) fn offer(file: &Path) -> Result<EchOffer, Failure> {
    if file.as_os_str() == "grease" {
        return Ok(EchOffer::grease());
    }
    let at = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|e| Error::io(file, &e))?;
    let configs = EchConfigList::from_file_bytes(&bytes).map_err(|e| e.at(at.clone()))?;
    EchOffer::hide(configs).map_err(|e| Failure::usage(format!("{at}: {e}")))
}
