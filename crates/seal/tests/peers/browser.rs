//! Pages of ours in Chromium, by the scripts of `crates/lens/page`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Folder, Ran, installed};

/// The folder of the scripts, where playwright-core is installed: `npm install` there.
pub(crate) struct Scripts(PathBuf);

impl Scripts {
    /// `None`, by the rule about what is missing, without Chromium, Node and these programs.
    #[track_caller]
    pub(crate) fn found(programs: &[&str]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lens/page");
        let lack = "playwright-core is not installed (npm install in crates/lens/page)";
        let found = folder.join("node_modules/playwright-core").is_dir();
        let programs = [&["chromium", "node"], programs].concat();
        (installed(&programs) && sealwire_testing::required(found, lack)).then_some(Self(folder))
    }

    pub(crate) fn run(&self, dir: &Folder, file: &str, arguments: &[&str]) -> Ran {
        let mut node = Command::new("node");
        node.arg(self.0.join(file));
        // Chromium keeps what it trusts in its home.
        node.env("HOME", dir.root()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
        dir.run(node, arguments, b"")
    }
}

/// `seal proxy open`, as long as this lives.
pub(crate) struct Opened {
    child: Child,
    pub(crate) page: String,
}

impl Opened {
    pub(crate) fn start(dir: &Folder, session: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(["proxy", "open", session])
            .current_dir(dir.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("seal starts");
        let mut page = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut page).expect("it says where it is");
        Self { child, page: page.trim_end().to_owned() }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
