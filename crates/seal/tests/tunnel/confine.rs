//! What a tunnel gives up once its ports are open.

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

#[test]
fn root_becomes_somebody_else() {
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !is_root {
        eprintln!("SKIPPED: only root can become somebody else, so this test did not run");
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
