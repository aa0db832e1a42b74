//! One change to a trust store.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use sealwire::pki::Error;
use sealwire_files::{Access, Existing, write_file};

use crate::say::failure::Failure;

/// A file to write or to remove, or a program to run.
pub(crate) enum Step {
    Write { path: PathBuf, content: String },
    Remove { path: PathBuf },
    MakeFolder { path: PathBuf },
    Run(Run),
}

/// A program with its arguments. Secrets go through the environment, not the arguments, which
/// every user can see.
pub(crate) struct Run {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) input: Option<String>,
}

impl Step {
    pub(super) fn run(program: &str, arguments: &[&str]) -> Self {
        Self::Run(Run::new(program, arguments))
    }

    pub(crate) fn perform(&self) -> Result<(), Failure> {
        match self {
            Self::Write { path, content } => {
                Ok(write_file(path, content.as_bytes(), Access::Public, Existing::Replace)?)
            }
            Self::Remove { path } => match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path, &e).into()),
                _ => Ok(()),
            },
            Self::MakeFolder { path } => {
                fs::create_dir_all(path).map_err(|e| Error::io(path, &e).into())
            }
            Self::Run(run) => match run.output() {
                Ok((true, _)) => Ok(()),
                Ok((false, said)) => Err(Failure::usage(format!("{run} failed: {said}"))),
                Err(e) => Err(e),
            },
        }
    }
}

impl Run {
    pub(super) fn new(program: &str, arguments: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            environment: Vec::new(),
            input: None,
        }
    }

    pub(super) fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the program this on its standard input.
    pub(super) fn with_input(mut self, input: String) -> Self {
        self.input = Some(input);
        self
    }

    /// Runs the program. Whether it succeeded, and the last line that it said.
    pub(super) fn output(&self) -> Result<(bool, String), Failure> {
        let output = self.finished()?;
        Ok((output.status.success(), last_line(&output)))
    }

    /// Runs the program, which has to succeed. Everything on its standard output.
    pub(super) fn stdout(&self) -> Result<String, Failure> {
        let output = self.finished()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Failure::usage(format!("{self} failed: {}", last_line(&output))))
    }

    fn finished(&self) -> Result<Output, Failure> {
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Failure::usage(format!("{} is not installed", self.program)),
            _ => Failure::usage(format!("{}: {e}", self.program)),
        };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), &self.input) {
            // A program that stops reading says why itself.
            let _ = io::Write::write_all(&mut stdin, input.as_bytes());
        }
        child.wait_with_output().map_err(failed)
    }
}

/// The last line that a program said: of its output, where keytool tells its errors, or else of
/// its standard error.
fn last_line(output: &Output) -> String {
    let said = [output.stderr.as_slice(), &output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, .. } => write!(f, "write {}", path.display()),
            Self::Remove { path } => write!(f, "remove {}", path.display()),
            Self::MakeFolder { path } => write!(f, "make the folder {}", path.display()),
            Self::Run(run) => write!(f, "run {run}"),
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for argument in &self.arguments {
            if argument.contains(' ') {
                write!(f, " '{argument}'")?;
            } else {
                write!(f, " {argument}")?;
            }
        }
        Ok(())
    }
}

/// Whether a program of this name can be run.
pub(super) fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = [program.to_owned(), format!("{program}.exe")];
    std::env::split_paths(&folders)
        .any(|folder| names.iter().any(|name| folder.join(name).is_file()))
}
