//! The tunnel for other programs than `seal`.

use std::path::Path;

use super::{Plan, config, run};
use crate::say::failure::Failure;

/// A tunnel that was read and is not running yet: the services of a file of `seal tunnel run`.
///
/// ```no_run
/// let tunnel = seal::Tunnel::from_toml(
///     r#"
///     [[service]]
///     name = "web"
///     listen = "127.0.0.1:8443"
///     target = "127.0.0.1:8080"
///     cert = "cert.pem"
///     key = "key.pem"
///     "#,
/// )?;
/// tunnel.run()?;
/// # Ok::<(), seal::Failure>(())
/// ```
#[derive(Debug)]
pub struct Tunnel(Plan);

impl Tunnel {
    /// Reads a file. Relative paths in it start from its folder.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or asks for something that cannot be: with the file,
    /// the service and the option at fault.
    pub fn from_file(path: &Path) -> Result<Self, Failure> {
        config::from_file(path).map(Self)
    }

    /// Reads the text of such a file. Relative paths in it start from the current folder.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), but for the file.
    pub fn from_toml(text: &str) -> Result<Self, Failure> {
        config::from_text(text, None).map(Self).map_err(Failure::usage)
    }

    /// Runs it until the process gets SIGTERM or SIGINT, and then until what is open is done or
    /// the time for that is over. It takes the process for its own: SIGHUP, the `tracing`
    /// subscriber, privileges and Landlock are as the file says. So call it once, from the first
    /// thread, before others are made.
    ///
    /// # Errors
    /// What keeps it from starting: a certificate, a place that cannot be listened on, a user that
    /// does not exist.
    pub fn run(self) -> Result<(), Failure> {
        run(self.0).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::Tunnel;

    #[test]
    fn what_cannot_be_is_said_with_the_option() {
        let text = "[[service]]\nname = \"a\"\nlisten = \"127.0.0.1:0\"\ntarget = \"nowhere\"\n";
        let error = Tunnel::from_toml(text).unwrap_err().to_string();
        assert!(error.contains("target"), "{error}");
        assert!(Tunnel::from_toml("[[service").is_err());
    }
}
