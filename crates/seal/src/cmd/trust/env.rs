//! `seal trust env`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::root_options::RootOptions;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::truststore::environment::{self, Set};

/// Print environment variables that make programs trust your CA
///
/// For Node.js, Python, Java, Go, curl and others, whether or not they use the system's store: eval
/// "$(seal trust env)". Variables that add to a program's roots point to a file with your CA only;
/// variables that replace its roots point to a bundle with your CA and the system's roots. Installs
/// nothing, and does not use the CA's key.
#[derive(Args)]
#[command(after_help = "Examples:
  eval \"$(seal trust env)\"                              this shell, and what it starts
  seal trust env --form dotenv >> .env                  programs that read .env
  seal trust env --form compose > compose.override.yaml containers of Docker Compose
  seal trust env --form devcontainer                    for devcontainer.json")]
pub(crate) struct Env {
    #[command(flatten)]
    told: RootOptions,
    /// Output format
    #[arg(long, value_enum, value_name = "FORM", default_value = "sh")]
    form: Form,
    /// A service of the compose file; may be repeated [default: app]
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Mount point of the folder in containers
    #[arg(long, value_name = "DIR", default_value = "/etc/sealwire-trust")]
    mount: PathBuf,
    /// Print JSON
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Lines for a shell to evaluate
    Sh,
    /// Lines of a .env file
    Dotenv,
    /// An override file for Docker Compose that mounts the folder
    Compose,
    /// Settings for devcontainer.json that mount the folder
    Devcontainer,
}

impl Form {
    fn is_in_a_container(self) -> bool {
        matches!(self, Self::Compose | Self::Devcontainer)
    }
}

impl Env {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        if !self.service.is_empty() && self.form != Form::Compose {
            return Err(Failure::usage("--service names a service of --form compose"));
        }
        let within = self.form.is_in_a_container();
        let (files, folder) = self.told.write(within.then_some(self.mount.as_path()))?;
        // A container has not this machine's options.
        let java = (!within).then(environment::java_options).flatten();
        let variables: Vec<One> =
            files.variables(java.as_deref()).into_iter().map(One::from).collect();
        match self.form {
            Form::Compose => report::print_text(&compose(&variables, &folder, &self))?,
            Form::Devcontainer => {
                report::print_text(&devcontainer(&variables, &folder, &self.mount))?;
            }
            form => {
                let form = if form == Form::Dotenv { Line::Dotenv } else { Line::Sh };
                let folder = folder.display().to_string();
                report::print(&Environment { folder, variables, form }, self.json)?;
            }
        }
        Ok(Answer::Yes)
    }
}

#[derive(Serialize)]
struct Environment {
    folder: String,
    variables: Vec<One>,
    #[serde(skip)]
    form: Line,
}

#[derive(Serialize)]
struct One {
    name: &'static str,
    value: String,
    readers: &'static str,
}

enum Line {
    Sh,
    Dotenv,
}

impl From<Set> for One {
    fn from(set: Set) -> Self {
        let value = set.value.to_string_lossy().into_owned();
        Self { name: set.variable.name, value, readers: set.variable.readers }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, One { name, value, readers }) in self.variables.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            match self.form {
                // Quoted as sh reads it.
                Line::Sh => {
                    write!(f, "{end}export {name}='{}' # {readers}", value.replace('\'', "'\\''"))?;
                }
                Line::Dotenv => write!(f, "{end}# {readers}\n{name}={}", dotenv(value))?,
            }
        }
        Ok(())
    }
}

/// Readers of .env files agree on words and blanks as they are (`docker run` takes quotes for a part of the
/// value), and else on single quotes.
fn dotenv(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " /._-=:,+@".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{value}'") }
}

/// A text in double quotes, as JSON and YAML read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn compose(variables: &[One], folder: &Path, env: &Env) -> String {
    let app = ["app".to_owned()];
    let services = if env.service.is_empty() { &app[..] } else { &env.service };
    let mut text = "# Written by `seal trust env --form compose`\nservices:".to_owned();
    // Compose puts variables of its own in place of what stands behind a dollar sign.
    let value = |text: &str| quoted(&text.replace('$', "$$"));
    for service in services {
        text += &format!("\n  {}:\n    environment:", quoted(service));
        for One { name, value: what, .. } in variables {
            text += &format!("\n      {name}: {}", value(what));
        }
        text += &format!(
            "\n    volumes:\n      - type: bind\n        source: {}\n        target: {}\n        read_only: true",
            value(&folder.display().to_string()),
            value(&env.mount.display().to_string())
        );
    }
    text
}

fn devcontainer(variables: &[One], folder: &Path, mount: &Path) -> String {
    let set: serde_json::Map<_, _> =
        variables.iter().map(|one| (one.name.to_owned(), json!(one.value))).collect();
    let mount =
        format!("source={},target={},type=bind,readonly", folder.display(), mount.display());
    let both = json!({ "containerEnv": set, "mounts": [mount] });
    serde_json::to_string_pretty(&both).unwrap_or_default()
}
