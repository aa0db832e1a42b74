//! The report of the findings.

use std::fmt;

use sealwire::Foreign;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) root: String,
    pub(super) runtimes: Vec<Examined>,
    pub(super) not_installed: Vec<&'static str>,
}

/// One program.
#[derive(Serialize)]
pub(super) struct Examined {
    pub(super) name: &'static str,
    pub(super) version: String,
    /// Whether it trusts the root.
    pub(super) reached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Decided>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The variables of `seal trust env` with which it would.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) with: Vec<&'static str>,
    /// The variables that it reads and that are set.
    pub(super) variables: Vec<Variable>,
    /// The server of the other root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beside: Option<Other>,
}

/// What decides that a program trusts the root.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decided {
    Variables(Vec<&'static str>),
    Files(&'static str),
    Store(String),
}

#[derive(Serialize)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Number of certificates in the file that it names.
    pub(super) roots: Option<usize>,
    pub(super) has_the_root: Option<bool>,
    pub(super) has_public_roots: Option<bool>,
    /// It names a file that is not there.
    pub(super) missing: bool,
}

#[derive(Serialize)]
pub(super) struct Other {
    pub(super) reached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Examined {
    pub(super) fn new(name: &'static str, version: String) -> Self {
        Self {
            name,
            version,
            reached: false,
            by: None,
            reason: None,
            with: Vec::new(),
            variables: Vec::new(),
            beside: None,
        }
    }

    pub(super) fn is_well(&self) -> bool {
        self.reached && self.beside.as_ref().is_none_or(|other| other.reached)
    }
}

/// Variables whose file takes the place of all roots.
fn replaces(name: &str) -> bool {
    use crate::truststore::runtimes::{Effect, VARIABLES};
    VARIABLES.iter().any(|one| one.name == name && one.effect == Effect::Replaces)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for one in &self.runtimes {
            write!(f, "\n{one}")?;
        }
        if !self.not_installed.is_empty() {
            write!(f, "\n  not installed: {}", self.not_installed.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{} {}", self.name, self.version);
        write!(f, "  {name:<24}{}", if self.reached { "trusts it" } else { "refuses it" })?;
        match &self.by {
            Some(Decided::Variables(names)) => {
                let set = |name: &&str| {
                    let found = self.variables.iter().find(|variable| variable.name == *name);
                    format!("{name}={}", found.map_or("", |variable| &variable.value))
                };
                let set: Vec<_> = names.iter().map(set).collect();
                write!(f, ", by {}", Foreign::new(&set.join(" with ")))?;
            }
            Some(Decided::Files(files)) => write!(f, ", by {files}")?,
            Some(Decided::Store(store)) => {
                write!(f, ", by no variable: {}", Foreign::new(store))?;
            }
            None => {}
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {}", Foreign::new(reason))?;
            match self.with.as_slice() {
                [] => write!(f, "\n    no variable of `seal trust env` changes that")?,
                names => write!(
                    f,
                    "\n    with `seal trust env` it trusts it, by {}",
                    names.join(" with ")
                )?,
            }
        }
        for Variable { name, value, roots, has_the_root, has_public_roots, missing } in
            &self.variables
        {
            let value = Foreign::new(value);
            if *missing && replaces(name) {
                write!(f, "\n    {name}: {value} does not exist")?;
            } else if !self.reached && *has_the_root == Some(false) {
                write!(f, "\n    {name}: the root is not in {value}")?;
            }
            if replaces(name) && *has_public_roots == Some(false) {
                write!(
                    f,
                    "\n    {name} replaces all roots, and none of the {} in {value} is public: public servers are refused",
                    roots.unwrap_or(0)
                )?;
            }
        }
        match &self.beside {
            Some(Other { reached: true, .. }) => write!(f, "\n    the other root, too"),
            Some(Other { reason, .. }) => {
                let reason = reason.as_deref().unwrap_or_default();
                write!(f, "\n    not the other root: {}", Foreign::new(reason))
            }
            None => Ok(()),
        }
    }
}
