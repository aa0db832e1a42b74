//! The system's roots on Linux: a folder for local ones, and a program that merges them into what
//! OpenSSL, GnuTLS, NSS and Java read. There are four layouts.

use std::fs;
use std::path::{Path, PathBuf};

use sealwire::pki;

use super::step::Run;
use super::{Root, Step, TrustStore};
use crate::files::sudo;
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

    fn check_ready(&self, root: &Root) -> Result<(), Failure> {
        let folder = self.root.join(self.layout.anchors);
        let probe = folder.join(format!(".sealwire-{}", std::process::id()));
        let written = fs::write(&probe, b"");
        let _ = fs::remove_file(&probe);
        written.map_err(|e| {
            Failure::usage(format!("{}: cannot be written: {e}", folder.display()))
                .advise(sudo::advice("system", &root.option, "--store nss --store java"))
        })
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        if !self.is_this_system() {
            return self.holds(root);
        }
        let Some(bundle) = self.bundle() else { return Ok(false) };
        let all = pki::certificates_from_file(&bundle)?;
        Ok(all.iter().any(|certificate| certificate.der() == root.certificate.der()))
    }

    fn bundle(&self) -> Option<PathBuf> {
        self.layout.bundles.iter().map(|name| self.root.join(name)).find(|path| path.exists())
    }

    fn holds(&self, root: &Root) -> Result<bool, Failure> {
        Ok(self.anchor(root).exists() || !self.anchors_of(root)?.is_empty())
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let write = Step::Write { path: self.anchor(root), content: root.certificate.to_pem() };
        std::iter::once(write).chain(self.update()).collect()
    }

    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure> {
        let anchors = self.anchors_of(root)?;
        let links = self.links_to(&anchors);
        let told = self.hooks().into_iter().flat_map(|hook| {
            // The names that the hook was told when the certificates came in.
            let names = links.iter().filter(|link| link.extension().is_some_and(|e| e == "pem"));
            let removed: String = names.map(|link| format!("-{}\n", link.display())).collect();
            (!removed.is_empty()).then(|| Step::Run(Run::new(&hook, &[]).with_input(removed)))
        });
        let told: Vec<Step> = told.collect();
        let gone = anchors.iter().chain(&links).map(|path| Step::Remove { path: path.clone() });
        Ok(gone.chain(self.update()).chain(told).collect())
    }
}

impl Linux {
    /// The files of the anchors' folder that are this certificate, however they got there.
    fn anchors_of(&self, root: &Root) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.root.join(self.layout.anchors);
        let mut found = Vec::new();
        for file in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = file.path();
            let Ok(all) = pki::certificates_from_file(&path) else { continue };
            if !all.iter().any(|certificate| certificate.der() == root.certificate.der()) {
                continue;
            }
            if all.len() > 1 {
                let others = all.len() - 1;
                return Err(Failure::usage(format!(
                    "{}: the root is there with {others} more certificate{}",
                    path.display(),
                    if others == 1 { "" } else { "s" }
                ))
                .advise("take it out of that file by hand, and keep the others"));
            }
            found.push(path);
        }
        found.sort();
        Ok(found)
    }

    /// The links that Debian's update-ca-certificates made to these anchors and, by the hashes of
    /// their names, to those links. It takes none of them away when an anchor is gone, unless it
    /// is told `--fresh`.
    fn links_to(&self, anchors: &[PathBuf]) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join("etc/ssl/certs")).into_iter().flatten().flatten();
        let links: Vec<(PathBuf, PathBuf)> = entries
            .filter_map(|entry| Some((entry.path(), fs::read_link(entry.path()).ok()?)))
            .collect();
        let leads_to = |target: &Path, anchor: &PathBuf| {
            // As the system itself sees it, which may be a container image's.
            let inside = anchor.strip_prefix(&self.root).map(|path| Path::new("/").join(path));
            inside.is_ok_and(|inside| inside == target)
                || fs::canonicalize(target)
                    .is_ok_and(|real| fs::canonicalize(anchor).ok() == Some(real))
        };
        let direct = links
            .iter()
            .filter(|(_, target)| anchors.iter().any(|anchor| leads_to(target, anchor)));
        let direct: Vec<PathBuf> = direct.map(|(link, _)| link.clone()).collect();
        let by_hash = links.iter().filter(|(_, target)| {
            target.components().count() == 1
                && direct.iter().any(|link| link.file_name() == Some(target.as_os_str()))
        });
        let by_hash = by_hash.map(|(link, _)| link.clone()).collect::<Vec<_>>();
        [direct, by_hash].concat()
    }

    /// What Debian's update-ca-certificates tells of changes, Java's key store among them. It
    /// says nothing of an anchor that was taken away.
    fn hooks(&self) -> Vec<String> {
        if !self.is_this_system() {
            return Vec::new();
        }
        let entries = fs::read_dir("/etc/ca-certificates/update.d").into_iter().flatten().flatten();
        let mut hooks: Vec<_> = entries.map(|entry| entry.path().display().to_string()).collect();
        hooks.sort();
        hooks
    }
}
