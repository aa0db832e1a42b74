//! `seal trust run`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use clap::Args;

use super::root_options::RootOptions;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::truststore::environment;

/// Run a command with your CA trusted, without installing it
///
/// Sets the variables of `seal trust env` for this command only, and changes no trust store. On
/// Unix, the command replaces the process of `seal`, so signals and the exit code are its own.
#[derive(Args)]
#[command(after_help = "Examples:
  seal trust run -- npm test
  seal trust run --roots bundled -- python app.py
  seal trust run -- seal trust doctor               which programs trust your CA now?")]
pub(crate) struct Run {
    #[command(flatten)]
    told: RootOptions,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let (files, _) = self.told.write(None)?;
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| Failure::usage("no command"))?;
        let java = environment::java_options();
        let set = files.variables(java.as_deref());
        let mut command = Command::new(program);
        command.args(arguments).envs(set.into_iter().map(|set| (set.variable.name, set.value)));
        become_it(command).map_err(|e| {
            let shown = Path::new(program).display();
            match e.kind() {
                std::io::ErrorKind::NotFound => Failure::usage(format!("{shown}: no such command")),
                _ => Failure::usage(format!("{shown}: cannot be started: {e}")),
            }
        })
    }
}

#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Result<Answer> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Result<Answer> {
    let code = command.status()?.code().unwrap_or(255);
    Ok(Answer::Code(u8::try_from(code).unwrap_or(255)))
}
