//! What `--help` says, word for word: it is read more often than any other documentation. After a
//! change that is meant, `UPDATE_HELP=1 cargo test -p seal --test help` writes the files anew.

mod peers;

use std::path::Path;
use std::process::Command;

use peers::Folder;

#[test]
fn help_is_as_it_was_last_read() {
    let dir = Folder::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    for verb in [
        "serve",
        "connect",
        "inspect",
        "tunnel",
        "tunnel server",
        "tunnel client",
        "tunnel run",
        "tunnel check",
    ] {
        let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
        seal.args(verb.split(' ')).env_remove("COLUMNS");
        let said = dir.run(seal, &["--help"], b"").ok();
        let file = folder.join(verb.replace(' ', "-") + ".txt");
        if std::env::var_os("UPDATE_HELP").is_some() {
            std::fs::write(&file, said.text()).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(said.text(), expected, "{verb}: see {}", file.display());
    }
}
