//! Why a command could not answer: one line, the party at fault, and what to do.

use std::fmt;
use std::process::ExitCode;

use sealwire::{Foreign, ServerName};

/// A command that ends without its answer.
#[derive(Debug)]
pub struct Failure {
    fact: String,
    advice: Option<String>,
    blame: Blame,
}

/// Whose fault it is, which is what the exit code tells a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The peer or the file says no: exit code 1.
    Subject,
    /// The way we were called, or the machine (a missing file, a port in use): exit code 2.
    Caller,
}

impl Failure {
    /// The peer or the file says no.
    pub(crate) fn refused(fact: impl Into<String>) -> Self {
        Self { fact: fact.into(), advice: None, blame: Blame::Subject }
    }

    /// Usage or I/O.
    pub(crate) fn usage(fact: impl Into<String>) -> Self {
        Self { fact: fact.into(), advice: None, blame: Blame::Caller }
    }

    /// What the person can do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Says where it happened.
    pub(crate) fn prefix(mut self, place: &str) -> Self {
        self.fact = format!("{place}: {}", self.fact);
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.blame {
            Blame::Subject => ExitCode::from(1),
            Blame::Caller => ExitCode::from(2),
        }
    }
}

impl Failure {
    /// A failed connection with the peer `peer`.
    pub(crate) fn of_connection(peer: &str, error: &sealwire::Error) -> Self {
        Self::of_connection_to(peer, None, error)
    }

    /// As [`of_connection`](Self::of_connection), with a server that should have proved `name`.
    pub(crate) fn of_connection_to(
        peer: &str,
        name: Option<&ServerName>,
        error: &sealwire::Error,
    ) -> Self {
        let fact = format!("{peer}: {}", crate::say::advice::sentence(error));
        let failure = match error {
            sealwire::Error::Io(_) | sealwire::Error::Misused(_) | sealwire::Error::Internal(_) => {
                Self::usage(fact)
            }
            _ => Self::refused(fact),
        };
        match crate::say::advice::for_failure(error, name) {
            Some(advice) => failure.advise(advice),
            None => failure,
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    /// One line: what files and peers say in it is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Foreign::new(&self.fact))?;
        match &self.advice {
            Some(advice) => write!(f, " ({})", Foreign::new(advice)),
            None => Ok(()),
        }
    }
}

impl From<sealwire::pki::Error> for Failure {
    fn from(error: sealwire::pki::Error) -> Self {
        use sealwire::pki::Problem;
        let failure = match error.problem() {
            Problem::Io(_)
            | Problem::Exists
            | Problem::InvalidValue
            | Problem::PassphraseNeeded => Self::usage(error.to_string()),
            _ => Self::refused(error.to_string()),
        };
        match crate::say::advice::for_problem(&error) {
            Some(advice) => failure.advise(advice),
            None => failure,
        }
    }
}
