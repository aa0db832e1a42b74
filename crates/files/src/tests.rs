use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use sealwire_x509::Problem;

use super::*;

#[test]
fn refuses_or_replaces_and_leaves_nothing_beside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    write_file(&path, b"one", Access::Private, Existing::Keep).unwrap();
    let refused = write_file(&path, b"two", Access::Private, Existing::Keep).unwrap_err();
    assert_eq!(refused.problem(), Problem::Exists);
    assert_eq!(fs::read(&path).unwrap(), b"one");
    write_file(&path, b"three", Access::Private, Existing::Replace).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"three");
    drop(Staged::new(&path, b"five", Access::Private, Existing::Replace).unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_key_gives_way_to_a_key_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    let key = b"-----BEGIN PRIVATE KEY-----\n";
    write_file(&path, key, Access::Private, Existing::Keep).unwrap();
    let refused = write_file(&path, b"x", Access::Public, Existing::Replace).unwrap_err();
    assert!(refused.to_string().contains("it holds a private key"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), key);
    write_file(&path, b"PFX", Access::Private, Existing::Replace).unwrap();
    write_file(&path, b"x", Access::Public, Existing::Replace).unwrap();
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_when_somebody_reads_and_else_refused_without_waiting() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let dir = tempfile::tempdir().unwrap();
    let (pipe, socket) = (dir.path().join("pipe"), dir.path().join("socket"));
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [&pipe, &socket] {
        for access in [Access::Private, Access::Public] {
            for existing in [Existing::Keep, Existing::Replace] {
                let refused = write_file(path, b"bytes", access, existing).unwrap_err();
                let told = refused.to_string();
                let start = format!("{}: a pipe or socket without a reader", path.display());
                assert!(told.starts_with(&start), "{told}");
            }
        }
    }
    // More than a pipe holds, so the writer has to wait for the reader, and does.
    let bytes = vec![7; 1 << 20];
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe)
    });
    loop {
        match write_file(&pipe, &bytes, Access::Private, Existing::Keep) {
            Ok(()) => break,
            // The reader's thread has not come so far.
            Err(error) => assert!(error.to_string().contains("without a reader"), "{error}"),
        }
    }
    assert!(reader.join().unwrap().unwrap() == bytes);
}

#[cfg(unix)]
#[test]
fn secrets_are_appended_for_us_and_wait_for_nobody() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (log, pipe) = (dir.path().join("log"), dir.path().join("pipe"));
    for line in ["one\n", "two\n"] {
        append_secrets(&log).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(&log).unwrap(), "one\ntwo\n");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = append_secrets(dir.path()).unwrap_err().to_string();
    assert!(refused.starts_with(&dir.path().display().to_string()), "{refused}");

    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let refused = append_secrets(&pipe).unwrap_err().to_string();
    assert!(refused.contains("without a reader"), "{refused}");
    // A reader that takes nothing: the pipe fills up, and nobody waits.
    let _reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let mut file = append_secrets(&pipe).unwrap();
    let full = loop {
        if let Err(error) = file.write_all(&[b'x'; 100]) {
            break error;
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
}

/// Of other users: who runs the tests may have to be root to make such files.
#[cfg(unix)]
#[test]
fn no_secrets_are_appended_to_what_another_user_has_put_there() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::{PermissionsExt, chown};
    let dir = tempfile::tempdir().unwrap();
    let [shared, own] = ["shared", "own"].map(|name| dir.path().join(name));
    for (folder, mode) in [(&shared, 0o1777), (&own, 0o755)] {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }
    let theirs = |path: &Path| chown(path, Some(4711), None).is_ok();
    let pipe = shared.join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    fs::write(shared.join("file"), "").unwrap();
    fs::write(own.join("file"), "").unwrap();
    std::os::unix::fs::symlink(shared.join("file"), own.join("link")).unwrap();
    if !theirs(&pipe) {
        return;
    }
    assert!(theirs(&shared.join("file")) && theirs(&own.join("file")));
    // Its reader, so that nothing else stands in the way.
    let _reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let refused = append_secrets(&pipe).unwrap_err().to_string();
    assert!(refused.contains("not a regular file, or owned by another user"), "{refused}");
    for path in [shared.join("file"), own.join("link")] {
        let refused = append_secrets(&path).unwrap_err().to_string();
        assert!(refused.contains("another user created this file"), "{refused}");
    }
    // In a folder of ours nobody else has put it.
    append_secrets(&own.join("file")).unwrap();
    fs::write(shared.join("ours"), "").unwrap();
    append_secrets(&shared.join("ours")).unwrap();
}

#[test]
fn one_file_has_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("./a"));
    assert_eq!(place_of(&a), place_of(&b));
    fs::write(&a, "x").unwrap();
    assert_eq!(place_of(&a), place_of(&b));
    #[cfg(unix)]
    {
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&a, &link).unwrap();
        assert_eq!(place_of(&link), place_of(&a));
    }
    assert_ne!(place_of(&dir.path().join("c")), place_of(&a));
}

#[test]
fn a_missing_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent/key.pem");
    let named = format!("{}: no such folder to write in", path.display());
    let error = write_file(&path, b"", Access::Public, Existing::Keep).unwrap_err();
    assert_eq!(error.to_string(), named);
    assert_eq!(check_place(&path).unwrap_err().to_string(), named);
}

#[cfg(unix)]
#[test]
fn a_private_file_is_private_and_a_link_is_followed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("real");
    let link = dir.path().join("link");
    write_file(&real, b"one", Access::Private, Existing::Keep).unwrap();
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write_file(&link, b"two", Access::Private, Existing::Replace).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"two");
}

#[test]
fn a_file_that_cannot_be_moved_takes_all_back() {
    let dir = tempfile::tempdir().unwrap();
    let [old, fresh, late] = ["old", "fresh", "late"].map(|name| dir.path().join(name));
    fs::write(&old, "old").unwrap();
    let stage = |path, existing| Staged::new(path, b"new", Access::Public, existing).unwrap();
    let staged = vec![
        stage(&old, Existing::Replace),
        stage(&fresh, Existing::Keep),
        stage(&late, Existing::Keep),
    ];
    // It came meanwhile, and is kept.
    fs::write(&late, "late").unwrap();
    let NotPut { error, lost } = put_all(staged).unwrap_err();
    assert_eq!((error.problem(), lost.len()), (Problem::Exists, 0));
    assert!(error.to_string().starts_with(&late.display().to_string()), "{error}");
    assert_eq!(
        (fs::read(&old).unwrap(), fs::read(&late).unwrap()),
        (b"old".into(), b"late".into())
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn files_that_belong_together_are_put_in_several_folders() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "in/a", "in/b"].map(|name| dir.path().join(name));
    fs::create_dir(dir.path().join("in")).unwrap();
    let staged = paths
        .iter()
        .map(|path| Staged::new(path, b"new", Access::Private, Existing::Keep).unwrap());
    put_all(staged.collect()).unwrap();
    for path in &paths {
        assert_eq!(fs::read(path).unwrap(), b"new");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}
