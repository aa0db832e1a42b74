//! `--exec`: a program for each connection, with the connection as its standard input and output.

use std::io;
use std::process::{ExitStatus, Stdio};

use sealwire::TlsStream;
use tokio::io::{AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::facts::Facts;

/// How it ended: bytes that the program wrote, and its exit.
pub(super) struct Ran {
    pub(super) bytes: u64,
    pub(super) exit: String,
}

/// Runs `command` in the system's shell. It is killed when the connection breaks.
///
/// What is known of the client is in its environment, as inetd and ucspi-ssl do it.
pub(super) async fn run(
    command: &str,
    stream: TlsStream<TcpStream>,
    client: &str,
    facts: &Facts,
) -> io::Result<Ran> {
    let mut program = shell(command);
    program
        .env("SEAL_CLIENT", client)
        .env("SEAL_PROTOCOL", facts.protocol)
        .env("SEAL_CIPHER", facts.cipher)
        .env("SEAL_ALPN", facts.alpn.as_deref().unwrap_or_default())
        .env("SEAL_SERVER_NAME", facts.server_name.as_deref().unwrap_or_default())
        .env("SEAL_AUTHORIZED", if facts.authorized { "1" } else { "0" })
        .env(
            "SEAL_CLIENT_SUBJECT",
            facts.peer_certificate.as_ref().map_or("", |card| card.subject.as_str()),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let mut child = program.spawn()?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the program has no standard input or output"));
    };
    let (mut from_client, mut to_client) = split(stream);
    let feeding = async {
        // A program that ends, or closes its input, before it has read all is not an error.
        match tokio::io::copy(&mut from_client, &mut stdin).await {
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
        let bytes = tokio::io::copy(&mut stdout, &mut to_client).await?;
        to_client.shutdown().await?;
        io::Result::Ok(bytes)
    };
    let bytes = tokio::select! {
        answered = answering => answered?,
        failed = feeding => failed?,
    };
    let exit = child.wait().await?;
    Ok(Ran { bytes, exit: told(exit) })
}

fn shell(command: &str) -> Command {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut program = Command::new(shell);
    program.args([flag, command]);
    program
}

fn told(exit: ExitStatus) -> String {
    match exit.code() {
        Some(code) => format!("code {code}"),
        None => exit.to_string(),
    }
}
