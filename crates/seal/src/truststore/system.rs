//! The system's roots on Linux: a folder for local ones, and a program that merges them into what
//! OpenSSL, GnuTLS, NSS and Java read. There are four layouts.

use std::fs;
use std::path::{Path, PathBuf};

use sealwire::pki;

use super::{Root, Step, TrustStore};
use crate::say::failure::Failure;

struct Layout {
    system: &'static str,
    /// Where local roots go.
    anchors: &'static str,
    extension: &'static str,
    update: &'static [&'static str],
    /// Where the merged roots are found afterwards; the first that exists counts.
    bundles: &'static [&'static str],
}

const LAYOUTS: &[Layout] = &[
    Layout {
        system: "Fedora, RHEL",
        anchors: "etc/pki/ca-trust/source/anchors",
        extension: "pem",
        update: &["update-ca-trust", "extract"],
        bundles: &["etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"],
    },
    Layout {
        system: "Debian, Ubuntu, Alpine",
        anchors: "usr/local/share/ca-certificates",
        extension: "crt",
        update: &["update-ca-certificates"],
        bundles: &["etc/ssl/certs/ca-certificates.crt"],
    },
    Layout {
        system: "Arch",
        anchors: "etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        update: &["trust", "extract-compat"],
        bundles: &[
            "etc/ca-certificates/extracted/tls-ca-bundle.pem",
            "etc/ssl/certs/ca-certificates.crt",
        ],
    },
    Layout {
        system: "SUSE",
        anchors: "usr/share/pki/trust/anchors",
        extension: "pem",
        update: &["update-ca-certificates"],
        bundles: &["var/lib/ca-certificates/ca-bundle.pem"],
    },
];

/// The store of this system, or of another whose root folder was given.
pub(super) struct Linux {
    root: PathBuf,
    layout: &'static Layout,
}

impl Linux {
    /// The first layout whose folder is there, as mkcert looks for it.
    pub(super) fn find(root: Option<&Path>) -> Option<Self> {
        let root = root.unwrap_or_else(|| Path::new("/")).to_owned();
        let layout = LAYOUTS.iter().find(|layout| root.join(layout.anchors).is_dir())?;
        Some(Self { root, layout })
    }

    fn anchor(&self, root: &Root) -> PathBuf {
        let Layout { anchors, extension, .. } = self.layout;
        self.root.join(anchors).join(format!("{}.{extension}", root.label))
    }

    fn is_this_system(&self) -> bool {
        self.root == Path::new("/")
    }

    fn update(&self) -> Option<Step> {
        let (program, arguments) = self.layout.update.split_first().expect("a program is named");
        // Another system's programs work on their own files only from the inside.
        self.is_this_system().then(|| Step::run(program, arguments))
    }
}

impl TrustStore for Linux {
    fn name(&self) -> String {
        if self.is_this_system() {
            format!("system ({})", self.layout.system)
        } else {
            format!(
                "system in {} ({}; run {} inside it)",
                self.root.display(),
                self.layout.system,
                self.layout.update.join(" ")
            )
        }
    }

    fn check_ready(&self) -> Result<(), Failure> {
        let folder = self.root.join(self.layout.anchors);
        let probe = folder.join(format!(".sealwire-{}", std::process::id()));
        let written = fs::write(&probe, b"");
        let _ = fs::remove_file(&probe);
        written.map_err(|e| {
            Failure::usage(format!("{}: cannot be written: {e}", folder.display())).advise(
                "the system's store needs root: run this with sudo and --cert FILE --store system; \
                 or leave it out with --store nss --store java",
            )
        })
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        if !self.is_this_system() {
            return self.holds(root);
        }
        let bundles = self.layout.bundles.iter().map(|name| self.root.join(name));
        let Some(bundle) = bundles.into_iter().find(|path| path.exists()) else {
            return Ok(false);
        };
        let all = pki::certificates_from_file(&bundle)?;
        Ok(all.iter().any(|certificate| certificate.der() == root.certificate.der()))
    }

    fn holds(&self, root: &Root) -> Result<bool, Failure> {
        Ok(self.anchor(root).exists())
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let write = Step::Write { path: self.anchor(root), content: root.certificate.to_pem() };
        std::iter::once(write).chain(self.update()).collect()
    }

    fn uninstall(&self, root: &Root) -> Vec<Step> {
        let remove = Step::Remove { path: self.anchor(root) };
        std::iter::once(remove).chain(self.update()).collect()
    }
}
