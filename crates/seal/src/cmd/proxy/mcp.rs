//! `seal proxy mcp`: a session for an agent.

use std::path::PathBuf;

use clap::Args;
use sealwire_lens::api::Mcp;

use super::descriptors::DescriptorFiles;
use super::open::reader;
use super::query::redactor;
use super::remote::Api;
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Serve a session over the Model Context Protocol on stdin and stdout
///
/// Works offline, and redacts secrets unless --no-redact is given. With --api, the agent may also
/// repeat requests and set rules.
#[derive(Args, Debug)]
pub(crate) struct McpArgs {
    /// The session file; may be in use by a running proxy
    #[arg(value_name = "SESSION")]
    session: PathBuf,

    #[command(flatten)]
    api: Api,

    #[command(flatten)]
    descriptors: DescriptorFiles,

    /// Do not redact secrets
    #[arg(long)]
    no_redact: bool,
}

pub(crate) fn run(args: &McpArgs) -> Result<Answer, Failure> {
    let remote = args.api.given()?;
    let mcp = Mcp::new(reader(&args.session)?, redactor(args.no_redact), remote)
        .describing(args.descriptors.read()?);
    match mcp.run(std::io::stdin().lock(), std::io::stdout().lock()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard input or output: {e}")))
        }
        _ => Ok(Answer::Yes),
    }
}
