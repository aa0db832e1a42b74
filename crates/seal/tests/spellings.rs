//! Each option has one spelling in help; those that it had before are taken all the same.

mod peers;

use peers::Folder;

#[test]
fn old_spellings_are_taken_and_not_shown() {
    let dir = Folder::new();
    dir.seal("ca init --dir ca").ok();
    dir.seal("ca intermediate --dir ca --new-dir below --name Below").ok();
    dir.seal("ca issue --dir below a.test").ok();
    dir.seal("ca list --ca-dir below").ok();
    for line in [
        "connect --server-name a.test --keylog keys no.invalid:1",
        "inspect --server-name a.test no.invalid:1",
        "tunnel client -l 127.0.0.1:0 -t unix:x --server-name a.test --ca none.pem",
    ] {
        let ran = dir.seal(line);
        assert!(!ran.stderr.contains("unexpected argument"), "{line}: {ran:?}");
    }
    dir.write(
        "tunnel.toml",
        "[[service]]\nname = \"x\"\nmode = \"client\"\nlisten = \"unix:x\"\ntarget = \"unix:y\"\nserver-name = \"a.test\"",
    );
    let ran = dir.seal("tunnel check tunnel.toml");
    assert!(ran.text().contains("forwards over TLS to unix:y"), "{ran:?}");
    for (verb, old) in [
        ("ca init", "--dir"),
        ("ca intermediate", "--new-dir"),
        ("connect", "--server-name"),
        ("connect", "--keylog"),
        ("tunnel client", "--server-name"),
    ] {
        let help = dir.seal(&format!("{verb} --help")).ok();
        assert!(!help.text().contains(&format!("{old} ")), "{verb} shows {old}");
        assert!(!help.text().contains(&format!("{old},")), "{verb} shows {old}");
    }
}
