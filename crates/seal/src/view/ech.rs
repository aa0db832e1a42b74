//! Configurations of Encrypted Client Hello, as one value for people and for machines.

use std::fmt;

use sealwire::Foreign;
use sealwire::reading::{EchConfig, EchConfigList, hpke_kem, hpke_suite};
use serde::Serialize;

/// A list of configurations.
#[derive(Debug, Serialize)]
pub(crate) struct EchConfigs {
    pub(crate) configs: Vec<One>,
    /// As an HTTPS record has it, and `seal connect --ech` takes it from a file.
    pub(crate) base64: String,
}

/// One configuration; of versions before RFC 9849 there is the version alone.
#[derive(Debug, Serialize)]
pub(crate) struct One {
    version: String,
    public_name: Option<String>,
    config_id: Option<u8>,
    kem: Option<String>,
    suites: Vec<String>,
    maximum_name_length: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<String>,
}

impl EchConfigs {
    pub(crate) fn of(list: &EchConfigList) -> Self {
        Self { configs: list.configs().iter().map(One::of).collect(), base64: list.to_base64() }
    }

    /// The public names, each once.
    pub(crate) fn public_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.configs.iter().filter_map(|one| one.public_name.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl One {
    fn of(config: &EchConfig) -> Self {
        let contents = config.contents.as_ref();
        let extension = |kind: &u16| {
            let mandatory = if kind & 0x8000 == 0 { "" } else { " (mandatory)" };
            format!("{kind:#06x}{mandatory}")
        };
        Self {
            version: match contents {
                Some(_) => "RFC 9849".to_owned(),
                None => format!("{:#06x}", config.version),
            },
            public_name: contents.map(|one| one.public_name.clone()),
            config_id: contents.map(|one| one.config_id),
            kem: contents.map(|one| hpke_kem(one.kem)),
            suites: contents
                .map(|one| one.suites.iter().map(|suite| hpke_suite(*suite)).collect())
                .unwrap_or_default(),
            maximum_name_length: contents.map(|one| one.maximum_name_length),
            extensions: contents
                .map(|one| one.extensions.iter().map(extension).collect())
                .unwrap_or_default(),
        }
    }
}

impl fmt::Display for EchConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.configs {
            writeln!(f, "ECH configuration, {}", one.version)?;
            let mut line = |label: &str, value: Option<String>| match value {
                Some(value) => writeln!(f, "  {label:<10} {value}"),
                None => Ok(()),
            };
            let name = one.public_name.as_ref().map(|name| Foreign::new(name).to_string());
            line("outer name", name)?;
            line("id", one.config_id.map(|id| id.to_string()))?;
            line("KEM", one.kem.clone())?;
            for (i, suite) in one.suites.iter().enumerate() {
                line(if i == 0 { "suites" } else { "" }, Some(suite.clone()))?;
            }
            line(
                "longest",
                one.maximum_name_length.map(|length| match length {
                    0 => "it does not say".to_owned(),
                    length => format!("names of {length} bytes"),
                }),
            )?;
            for extension in &one.extensions {
                line("extension", Some(extension.clone()))?;
            }
        }
        write!(f, "  base64     {}", self.base64)
    }
}
