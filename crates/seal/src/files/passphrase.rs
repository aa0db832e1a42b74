//! Passphrases: from a file, standard input, the environment, or a person. Never from an argument,
//! where every user of the machine can read it.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::str::FromStr;

use sealwire::pki::{Error, Problem};
use zeroize::Zeroizing;

use crate::say::failure::Failure;

/// Where a passphrase comes from: a file, `-` for standard input, `env:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    File(String),
    Stdin,
    Environment(String),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match (text, text.strip_prefix("env:")) {
            ("-", _) => Self::Stdin,
            (_, Some(name)) => Self::Environment(name.to_owned()),
            _ => Self::File(text.to_owned()),
        })
    }
}

impl Source {
    /// The passphrase: everything but one line end at the end. It may be empty.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        let bytes = match self {
            Self::File(path) => fs::read(path).map_err(|e| Error::io(path.as_ref(), &e).into()),
            Self::Stdin => {
                let mut bytes = Vec::new();
                let read = io::stdin().lock().read_to_end(&mut bytes);
                read.map(|_| bytes).map_err(|e| Failure::usage(format!("standard input: {e}")))
            }
            Self::Environment(name) => std::env::var(name)
                .map(String::into_bytes)
                .map_err(|_| Failure::usage(format!("the environment variable {name} is not set"))),
        }?;
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Failure::usage(format!("{self}: the passphrase is not UTF-8")))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Stdin => f.write_str("standard input"),
            Self::Environment(name) => write!(f, "env:{name}"),
        }
    }
}

/// Opens something that may be encrypted. Without a source, a person at the terminal is asked,
/// but only once it is known that a passphrase is needed.
pub(crate) fn open<T>(
    source: Option<&Source>,
    what: &str,
    open: impl Fn(Option<&str>) -> Result<T, Error>,
) -> Result<T, Failure> {
    if let Some(source) = source {
        return Ok(open(Some(&source.read()?))?);
    }
    match open(None) {
        Err(e) if e.problem() == Problem::PassphraseNeeded && io::stdin().is_terminal() => {
            Ok(open(Some(&ask(&format!("Passphrase of {what}: "))?))?)
        }
        opened => Ok(opened?),
    }
}

/// A passphrase to encrypt with: from the source, or asked for twice.
pub(crate) fn choose(source: Option<&Source>, what: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(source) = source {
        return source.read();
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!("a passphrase is needed for {what}"))
            .advise("give it with --passphrase-file; an empty file is an empty passphrase"));
    }
    let first = ask(&format!("Passphrase for {what}: "))?;
    if *first != *ask("Again: ")? {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|e| Failure::usage(format!("the passphrase could not be read: {e}")))
}
