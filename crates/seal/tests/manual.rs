//! Completions and man pages, as shells and man read them.

mod peers;

use std::process::Command;

use peers::Folder;

#[test]
fn completions_are_scripts_that_shells_take() {
    let dir = Folder::new();
    for (shell, part) in [
        ("bash", "complete -F _seal"),
        ("zsh", "#compdef seal"),
        ("fish", "complete -c seal"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = dir.seal(&format!("completions {shell}")).ok();
        assert!(script.text().contains(part), "{shell}");
        assert!(script.text().contains("inspect"), "{shell}");
    }
    dir.write("seal.bash", dir.seal("completions bash").ok().stdout);
    dir.run(Command::new("bash"), &["-n", "seal.bash"], b"").ok();
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let dir = Folder::new();
    dir.seal("man pages").ok();
    for page in ["seal.1", "seal-connect.1", "seal-ca-issue.1", "seal-inspect.1"] {
        let text = String::from_utf8(dir.read(&format!("pages/{page}"))).unwrap();
        assert!(text.contains(".TH ") && text.contains(".SH OPTIONS"), "{page}");
    }
    // Again, into what is there.
    dir.seal("man pages").ok();
    dir.write("file", "");
    assert_eq!(dir.seal("man file").code, 2);
}
