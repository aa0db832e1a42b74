//! What a tunnel gives up once its ports are open.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::Value;

use super::support::{Origin, Tunnel, files};

/// A certificate that, after a reload, is where nothing was read before.
fn moved_away(sandbox: &str) -> (Tunnel, super::support::Files, super::support::Files) {
    let (dir, elsewhere) = (files(), files());
    let origin = Origin::named("x");
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --sandbox {sandbox}",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    tunnel.port();
    for file in ["server.pem", "server.key"] {
        std::os::unix::fs::symlink(elsewhere.path(file), dir.path("link")).unwrap();
        std::fs::rename(dir.path("link"), dir.path(file)).unwrap();
    }
    (tunnel, dir, elsewhere)
}

#[test]
fn landlock_keeps_it_to_its_folders() {
    let (mut free, _dir, _elsewhere) = moved_away("off");
    free.wait_message("reloaded");
    let (mut confined, _dir, _elsewhere) = moved_away("auto");
    let said = confined.wait(|e| e["message"].as_str().is_some_and(|m| m.contains("Landlock")));
    let has = !said["message"].as_str().unwrap().contains("no Landlock");
    if !sealwire_testing::required(has, "the kernel has no Landlock") {
        return;
    }
    let failed =
        confined.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("reload failed")));
    assert!(failed["reason"].as_str().unwrap().contains("denied"), "{failed}");
}

/// Whether we can become somebody else, which only root can.
fn is_root() -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    sealwire_testing::required(is_root, "only root can switch users")
}

/// Told at the start, and not first at a renewal at night that nobody watches.
#[test]
fn files_that_cannot_be_read_again_are_told_at_the_start() {
    if !is_root() {
        return;
    }
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode));
    let dir = files();
    mode(dir.root(), 0o755).unwrap();
    for file in ["server.pem", "ca.pem"] {
        mode(&dir.path(file), 0o644).unwrap();
    }
    let line = "server --listen 127.0.0.1:0 --target 127.0.0.1:9 --cert server.pem \
                --key server.key --ca ca.pem --user nobody";
    mode(&dir.path("server.key"), 0o600).unwrap();
    let mut tunnel = Tunnel::start(&dir, line);
    tunnel.port();
    let told = |e: &Value| e["message"].as_str().is_some_and(|m| m.starts_with("not readable for"));
    let event = tunnel.wait(told);
    assert!(event["file"].as_str().unwrap().ends_with("server.key"), "{event}");
    assert_eq!((&event["level"], &event["service"]), (&"WARN".into(), &"server".into()), "{event}");
    tunnel.signal("-TERM");
    let rest = tunnel.everything();
    assert!(!rest.contains("not readable for"), "the others can: {rest}");
    // And whose files can be read is told nothing.
    mode(&dir.path("server.key"), 0o644).unwrap();
    let mut tunnel = Tunnel::start(&dir, line);
    tunnel.port();
    tunnel.signal("-TERM");
    let all = tunnel.everything();
    assert!(!all.contains("not readable for"), "{all}");
}

#[test]
fn root_becomes_somebody_else() {
    if !is_root() {
        return;
    }
    let dir = files();
    let origin = Origin::named("still here");
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --user nobody --workers 2",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    assert_eq!(tunnel.wait_message("privileges dropped")["user"], "nobody");
    for task in std::fs::read_dir(format!("/proc/{}/task", tunnel.id())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line =
            |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(!line("Uid:").split_whitespace().skip(1).any(|id| id == "0"), "{}", line("Uid:"));
        assert!(!line("Gid:").split_whitespace().skip(1).any(|id| id == "0"), "{}", line("Gid:"));
        assert_eq!(line("CapEff:").split_whitespace().nth(1), Some("0000000000000000"));
    }
    assert_eq!(dir.ask(port, "").ok().text(), "still here");
}
