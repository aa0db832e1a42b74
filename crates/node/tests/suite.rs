//! The JavaScript tests of the package, with the addon built from this tree.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the addon and runs `node --test`. Without Node there is nothing to test with: said
/// loudly, and a failure in CI.
#[test]
fn node_tests_pass() {
    let node = env::var_os("NODE").unwrap_or_else(|| "node".into());
    if !sealwire_testing::installed(&node) {
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new(&node)
        // Counts for a whole file, too; the applications are the longest. Nothing but a fault ever
        // waits so long: it is generous for machines that do more at the same time.
        .args(["--test", "--test-timeout=1200000"])
        .current_dir(package)
        .env("SEALWIRE_ADDON", addon())
        .env_remove("NODE_OPTIONS")
        .status()
        .expect("node was there a moment ago");
    assert!(status.success(), "tests of the npm package failed");
}

/// The addon, built in the profile of this test: the path that cargo gives for it.
fn addon() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--package", "sealwire-node", "--lib", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let output = build.output().expect("cargo runs this test");
    assert!(
        output.status.success(),
        "the addon does not build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8(output.stdout).expect("cargo writes JSON");
    let artifact = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .find(|message| message["target"]["name"] == "sealwire_node")
        .expect("cargo names the addon");
    artifact["filenames"][0].as_str().expect("a path").into()
}
