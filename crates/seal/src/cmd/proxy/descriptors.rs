//! `--descriptors`: what messages of protocol buffers look like.

use std::path::PathBuf;

use clap::Args;
use sealwire::pki::Error;
use sealwire_lens::content::protobuf::Descriptors;

use crate::say::failure::Failure;

/// The files that are read.
#[derive(Args, Debug, Clone)]
pub(super) struct DescriptorFiles {
    /// Show protobuf messages with the names of this FileDescriptorSet, as `protoc --include_imports
    /// --descriptor_set_out=FILE` writes it; may be repeated
    #[arg(long = "descriptors", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl DescriptorFiles {
    pub(super) fn read(&self) -> Result<Descriptors, Failure> {
        let mut all = Descriptors::default();
        for path in &self.files {
            let set = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
            all.add(&set)
                .map_err(|e| Failure::usage(format!("--descriptors {}: {e}", path.display())))?;
        }
        Ok(all)
    }
}
