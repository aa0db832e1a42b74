//! A folder as Kubernetes mounts it: what is in it changes by one rename.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealwire::Watched;
use sealwire::live::WatchedBuilder;
use sealwire::pki::Purpose;

use super::support::{Ca, Pair};

pub(crate) struct Mount {
    dir: PathBuf,
    version: usize,
}

impl Mount {
    pub(crate) fn new(dir: PathBuf, pair: &Pair, trusted: &[&Ca]) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let mut mount = Self { dir, version: 0 };
        mount.swap(pair, trusted);
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(format!("..data/{file}"), mount.dir.join(file)).unwrap();
        }
        mount
    }

    pub(crate) fn swap(&mut self, pair: &Pair, trusted: &[&Ca]) {
        let folder = format!("..v{}", self.version);
        fs::create_dir(self.dir.join(&folder)).unwrap();
        let write = |name: &str, content: &[u8]| {
            fs::write(self.dir.join(&folder).join(name), content).unwrap();
        };
        write("tls.crt", pair.certificate.to_pem().as_bytes());
        write("tls.key", pair.key.to_pem().as_bytes());
        let bundle: String = trusted.iter().map(|ca| ca.certificate().to_pem()).collect();
        write("ca.crt", bundle.as_bytes());
        symlink(&folder, self.dir.join("..data_tmp")).unwrap();
        fs::rename(self.dir.join("..data_tmp"), self.dir.join("..data")).unwrap();
        if let Some(before) = self.version.checked_sub(1) {
            fs::remove_dir_all(self.dir.join(format!("..v{before}"))).unwrap();
        }
        self.version += 1;
    }

    pub(crate) fn watched(&self, purpose: Purpose) -> WatchedBuilder {
        let at = |name: &str| Path::new(&self.dir).join(name);
        Watched::builder()
            .pem_files(at("tls.crt"), at("tls.key"))
            .trust_file(at("ca.crt"))
            .purpose(purpose)
            .look_every(Duration::from_secs(1))
    }
}
