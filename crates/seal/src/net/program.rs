//! A program with a connection as its standard input and output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::process::Command;
use tokio::time::timeout;

/// How it ended: how many bytes it wrote, and its exit.
pub(crate) struct Ran {
    pub(crate) bytes: u64,
    pub(crate) exit: ExitStatus,
}

/// Runs `command` in the system's shell, with `facts` in its environment. It is killed when the
/// connection breaks.
pub(crate) async fn run(
    command: &str,
    stream: impl AsyncRead + AsyncWrite,
    facts: &[(&str, String)],
) -> io::Result<Ran> {
    let mut child = shell(command)
        .envs(facts.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the program has no standard input or output"));
    };
    let (mut from_peer, mut to_peer) = split(stream);
    let feeding = async {
        // A program that ends, or closes its input, before it has read all is not an error.
        match tokio::io::copy(&mut from_peer, &mut stdin).await {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
            outcome => {
                outcome?;
                stdin.shutdown().await?;
            }
        }
        drop(stdin);
        // Its output still comes; how that ends is the other side's to say.
        std::future::pending::<io::Result<u64>>().await
    };
    let answering = async {
        let bytes = tokio::io::copy(&mut stdout, &mut to_peer).await?;
        to_peer.shutdown().await?;
        io::Result::Ok(bytes)
    };
    let bytes = tokio::select! {
        answered = answering => answered?,
        failed = feeding => failed?,
    };
    let exit = child.wait().await?;
    // A connection closed with bytes unread is reset (RFC 1122, 4.2.2.13), and what is still on its
    // way to the peer is lost: so what it sends until it has heard of the end is read.
    let _ = timeout(LINGER, tokio::io::copy(&mut from_peer, &mut tokio::io::sink())).await;
    Ok(Ran { bytes, exit })
}

/// How long the peer may take to close when the program has ended.
const LINGER: Duration = Duration::from_secs(2);

impl Ran {
    /// Its exit in words: `code 0`.
    pub(crate) fn exit_text(&self) -> String {
        match self.exit.code() {
            Some(code) => format!("code {code}"),
            None => self.exit.to_string(),
        }
    }
}

fn shell(command: &str) -> Command {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut program = Command::new(shell);
    program.args([flag, command]);
    program
}
