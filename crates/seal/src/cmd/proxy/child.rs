//! A command that comes through a proxy of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use sealwire::Foreign;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, RunArgs, Started, environment, sessions};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

pub(super) async fn run(args: &RunArgs) -> Result<Answer, Failure> {
    let RunArgs { options, command, no_session, capture_all } = args;
    if options.reverse.is_some() {
        return Err(Failure::usage(
            "--reverse is for one server and cannot be combined with a command",
        )
        .advise("start `seal proxy --reverse` by itself, and give the command its address"));
    }
    let folder = tempfile::Builder::new().prefix("seal-proxy-").tempdir();
    let folder =
        folder.map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let session = match *no_session || options.recording.names_session() {
        true => None,
        false => session(command),
    };
    let started = Started::new(options, any, folder.path(), session).await?;
    let ca = started.proxy.settings().authority.certificate();
    let by_variables = (!capture_all).then_some(started.address);
    let variables = environment::variables(folder.path(), by_variables, ca)?;
    let captured = captured(*capture_all, folder.path(), started.address)?;
    let command = &captured.command(command)?;
    let Started { proxy, listener, stream, kept, .. } = started;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let serving = {
        let proxy = proxy.clone();
        tokio::spawn(async move { proxy.serve(listener, stopped, PATIENCE).await })
    };
    let ended = wait(command, variables, by_variables).await;
    stop.cancel();
    let _ = serving.await;
    let summary = stream.end();
    kept.end();
    let (code, past) = ended?;
    if !options.json && !options.quiet {
        for line in summary.lines() {
            report::note(line);
        }
    }
    for (program, addresses) in &past {
        report::note(format_args!(
            "bypassed the proxy: {} connected to {}: it ignores HTTP_PROXY and HTTPS_PROXY, or does so for that address; configure it to use http://HOST:PORT of `seal proxy`",
            Foreign::new(program),
            addresses.join(", ")
        ));
    }
    if summary.connections == 0 && past.is_empty() && !options.quiet {
        report::note(
            "no traffic through the proxy: the command made no connection, or its programs ignore HTTP_PROXY and HTTPS_PROXY (those in Go never use a proxy for localhost)",
        );
    }
    Ok(Answer::Code(code))
}

/// How the command is run.
enum Mode {
    /// As it is.
    Plain,
    /// Where all its connections are taken.
    #[cfg(target_os = "linux")]
    Captured(super::capture::Outside),
}

#[cfg(target_os = "linux")]
fn captured(captures: bool, folder: &Path, address: SocketAddr) -> Result<Mode, Failure> {
    match captures {
        true => super::capture::Outside::new(folder, address).map(Mode::Captured),
        false => Ok(Mode::Plain),
    }
}

#[cfg(not(target_os = "linux"))]
fn captured(captures: bool, _: &Path, _: SocketAddr) -> Result<Mode, Failure> {
    match captures {
        true => Err(Failure::usage("--capture-all needs the network namespaces of Linux")),
        false => Ok(Mode::Plain),
    }
}

impl Mode {
    fn command(&self, command: &[OsString]) -> Result<Vec<OsString>, Failure> {
        match self {
            Self::Plain => Ok(command.to_vec()),
            #[cfg(target_os = "linux")]
            Self::Captured(outside) => outside.command(command),
        }
    }
}

/// Where to record, unless there is no place: the command runs all the same.
fn session(command: &[OsString]) -> Option<std::path::PathBuf> {
    let place = sessions::new(command.first()?);
    place.map_err(|why| report::note(format_args!("nothing is recorded: {why}"))).ok()
}

/// Runs the command to its end: its exit code, and which programs of it went past the proxy to where.
async fn wait(
    command: &[OsString],
    variables: Vec<(String, OsString)>,
    address: Option<SocketAddr>,
) -> Result<(u8, BTreeMap<String, Vec<String>>), Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::usage("no command"))?;
    let mut started = Command::new(program);
    started.args(arguments).kill_on_drop(true);
    for name in environment::proxies() {
        started.env_remove(name);
    }
    let mut child = started.envs(variables).spawn().map_err(|e| {
        let shown = Path::new(program).display();
        match e.kind() {
            std::io::ErrorKind::NotFound => Failure::usage(format!("{shown}: no such command")),
            _ => Failure::usage(format!("{shown}: cannot be started: {e}")),
        }
    })?;
    let id = child.id().unwrap_or(0);
    let mut past = address.map(|address| Past::new(id, address));
    // What a person interrupts is the command, which is in the same group and hears of it, too.
    let ignoring = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = tick.tick(), if past.is_some() => past.iter_mut().for_each(Past::look),
        }
    };
    ignoring.abort();
    let status = status.map_err(|e| Failure::usage(format!("the command: {e}")))?;
    Ok((code(status), past.map(|past| past.found).unwrap_or_default()))
}

/// How often the connections of the command are looked at. One that lasts shorter may be missed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn code(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(255);
    }
    u8::try_from(status.code().unwrap_or(255)).unwrap_or(255)
}

/// Which programs of a command have connections that do not lead to the proxy.
struct Past {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "asked of /proc"))]
    root: u32,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "asked of /proc"))]
    proxy: SocketAddr,
    found: BTreeMap<String, Vec<String>>,
}

impl Past {
    fn new(root: u32, proxy: SocketAddr) -> Self {
        Self { root, proxy, found: BTreeMap::new() }
    }

    /// Looks at the connections there are now.
    #[cfg(target_os = "linux")]
    fn look(&mut self) {
        use super::sockets;
        for (process, remote) in sockets::outgoing(self.root) {
            if remote.port() == self.proxy.port() && remote.ip().is_loopback() {
                continue;
            }
            let addresses = self.found.entry(process).or_default();
            let shown = remote.to_string();
            if !addresses.contains(&shown) && addresses.len() < 16 {
                addresses.push(shown);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&mut self) {}
}
