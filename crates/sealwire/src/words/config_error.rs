//! Errors of settings.

use std::fmt;

/// An error in the settings of a [`SecureContext`](crate::SecureContext); names the option at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    option: &'static str,
    reason: String,
    code: Option<&'static str>,
    beyond_engine: bool,
}

impl ConfigError {
    pub(crate) fn new(option: &'static str, reason: impl Into<String>) -> Self {
        Self { option, reason: reason.into(), code: None, beyond_engine: false }
    }

    /// The same, with the code that Node gives to it.
    pub(crate) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The same, for what OpenSSL can do and this engine cannot.
    pub(crate) fn beyond_engine(self) -> Self {
        Self { beyond_engine: true, ..self }
    }

    /// Whether OpenSSL could do what was asked for, and only this engine cannot: no typo.
    pub fn is_beyond_engine(&self) -> bool {
        self.beyond_engine
    }

    /// The option at fault, by the name of the builder's method.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The code that Node's `err.code` has for the same mistake: `ERR_SSL_NO_CIPHER_MATCH`.
    /// `None` when Node's error has no such code, or Node has no such option.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.reason)
    }
}

impl std::error::Error for ConfigError {}
