//! A PostgreSQL server of a test's own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that runs until this is dropped. As root, it runs as the user `postgres`, since
/// PostgreSQL refuses root.
#[derive(Debug)]
pub struct PostgreSql {
    programs: PathBuf,
    data: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
}

impl PostgreSql {
    /// Starts a server whose files are below `folder`, with these further lines of configuration.
    /// Any user may connect; the superuser is `postgres`. `None`: it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn start(folder: &Path, configuration: &str) -> Option<Self> {
        let server = Self::new(folder, configuration)?;
        server.start_again();
        Some(server)
    }

    /// One that speaks TLS with this certificate and key, in PEM.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn with_tls(folder: &Path, certificate: &str, key: &str) -> Option<Self> {
        let server = Self::new(folder, "ssl = on")?;
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let path = server.data.join(name);
            std::fs::write(&path, pem).expect("writable");
            give_to_postgres(&path, 0o600);
        }
        server.start_again();
        Some(server)
    }

    /// Takes clients by these lines of `pg_hba.conf` from now on, and starts again.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn authenticate_by(&self, lines: &str) {
        self.kill();
        std::fs::write(self.data.join("pg_hba.conf"), lines).expect("writable");
        self.start_again();
    }

    #[track_caller]
    fn new(folder: &Path, configuration: &str) -> Option<Self> {
        let programs = programs();
        if !crate::required(programs.is_some(), "PostgreSQL's initdb is not installed") {
            return None;
        }
        let port = crate::free_port();
        let server = Self { programs: programs?, data: folder.join("data"), port };
        give_to_postgres(folder, 0o755);
        let data = server.data.display().to_string();
        server.run("initdb", &["-D", &data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]);
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nport = {port}\n{configuration}\n"
        );
        std::fs::write(server.data.join("postgresql.auto.conf"), settings).expect("writable");
        Some(server)
    }

    /// Starts it after [`kill`](Self::kill).
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn start_again(&self) {
        let (data, log) = (self.data.display().to_string(), self.data.join("log"));
        let start = ["-D", &data, "-l", &log.display().to_string(), "-w", "start"];
        let ran = self.command("pg_ctl", &start).output().expect("it starts");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ran.status.success(), "PostgreSQL does not start: {}", said());
    }

    /// The URL of the database `postgres` for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it as a crash would.
    pub fn kill(&self) {
        let data = self.data.display().to_string();
        let _ = self.command("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]).output();
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        let ran = self.command(program, arguments).output().expect("it starts");
        assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // `initdb` asks for the current folder.
        command.args(arguments).current_dir(self.data.parent().unwrap_or(&self.data));
        command
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian's, which are not on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}

fn give_to_postgres(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("our own file");
    if is_root() {
        let ran = Command::new("chown").arg("postgres").arg(path).status().expect("chown runs");
        assert!(ran.success(), "there is a user `postgres` where PostgreSQL is installed");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}
