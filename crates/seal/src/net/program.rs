//! A program with a connection as its standard input and output.

use std::collections::BTreeSet;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How it ended: how many bytes it wrote, and its exit.
pub(crate) struct Ran {
    pub(crate) bytes: u64,
    pub(crate) exit: ExitStatus,
}

/// Runs `command` in the system's shell, with `facts` in its environment. With what it started it is
/// a process group of its own, which is killed when the connection breaks, and when the peer has no
/// more to say and the program has said nothing for `silence`.
pub(crate) async fn run(
    command: &str,
    stream: impl AsyncRead + AsyncWrite,
    facts: &[(&str, String)],
    silence: Duration,
) -> io::Result<Ran> {
    let mut child = shell(command)
        .envs(facts.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let mut group = Group::of(&child);
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the program has no standard input or output"));
    };
    let (mut from_peer, mut to_peer) = split(stream);
    let said = AtomicU64::new(0);
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
        loop {
            let before = said.load(Ordering::Relaxed);
            tokio::time::sleep(silence).await;
            if said.load(Ordering::Relaxed) == before {
                let what = "the program was silent after the peer had closed its side";
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
        }
    };
    let answering = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = stdout.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            to_peer.write_all(&buffer[..read]).await?;
            to_peer.flush().await?;
            said.fetch_add(read as u64, Ordering::Relaxed);
        }
        to_peer.shutdown().await?;
        io::Result::Ok(said.load(Ordering::Relaxed))
    };
    let bytes = tokio::select! {
        answered = answering => answered?,
        failed = feeding => failed?,
    };
    let exit = child.wait().await?;
    group.ended();
    // A connection closed with bytes unread is reset (RFC 1122, 4.2.2.13), and what is still on its
    // way to the peer is lost: so what it sends until it has heard of the end is read.
    let _ = timeout(LINGER, tokio::io::copy(&mut from_peer, &mut tokio::io::sink())).await;
    Ok(Ran { bytes, exit })
}

/// The groups of programs that run.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A program and what it started. It is killed when dropped, unless the program ended by itself: what
/// it leaves behind then, it left on purpose.
struct Group(Option<i32>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        running().extend(id);
        Self(id)
    }

    fn ended(&mut self) {
        if let Some(id) = self.0.take() {
            running().remove(&id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.take() {
            running().remove(&id);
            kill(id);
        }
    }
}

/// Kills every program that runs, with what it started: a process that ends leaves none behind.
pub(crate) fn kill_all() {
    for id in std::mem::take(&mut *running()) {
        kill(id);
    }
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn kill(group: i32) {
    use nix::sys::signal::{Signal, killpg};
    // It may be gone already.
    let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
}

/// Elsewhere the program is killed when it is dropped, and what it started is not known.
#[cfg(not(unix))]
fn kill(_: i32) {}

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
    #[cfg(unix)]
    program.process_group(0);
    program
}
