//! Processes: pinned to cores, watched through /proc, ended when dropped.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::contestant::Failure;

/// A contestant that listens.
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) plain: bool,
    /// Of a server in JavaScript.
    pub(crate) more: Option<MorePorts>,
    child: Child,
    /// What it needs beside it: a backend, its files.
    _guards: Guards,
}

/// What a server in JavaScript listens on beside its echo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MorePorts {
    /// Answers HTTPS requests.
    pub(crate) https: u16,
    /// Tells, without TLS, for how long its event loop has stood still.
    pub(crate) delay: u16,
}

/// What lives as long as a server.
pub(crate) type Guards = Option<(Option<Box<Running>>, tempfile::TempDir)>;

impl Running {
    /// Starts `command` on the servers' cores and waits until it listens on `port`.
    pub(crate) fn start(
        name: &str,
        command: &Command,
        port: u16,
        cores: usize,
        guards: Guards,
    ) -> Result<Self, Failure> {
        let list = match cores {
            1 => "0".to_owned(),
            more => format!("0-{}", more - 1),
        };
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", &list]).arg(command.get_program()).args(command.get_args());
        pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut said = tempfile::tempfile()?;
        pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.try_clone()?);
        let child = pinned.spawn().map_err(|e| format!("{name}: {e}"))?;
        let mut running =
            Self { name: name.to_owned(), port, plain: false, more: None, child, _guards: guards };
        running.wait_until_it_listens().map_err(|error| {
            let mut text = String::new();
            let _ = said.rewind().and_then(|()| said.read_to_string(&mut text));
            format!("{error}; it said: {text}")
        })?;
        Ok(running)
    }

    pub(crate) fn plain(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    pub(crate) fn with(mut self, more: MorePorts) -> Self {
        self.more = Some(more);
        self
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended: {status}", self.name).into());
            }
            if Instant::now() > deadline {
                return Err(format!("{} does not listen on {}", self.name, self.port).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The processor time of the process and all below it so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        // USER_HZ is 100 on every Linux there is.
        const TICK: Duration = Duration::from_millis(10);
        let mut ticks = 0;
        for process in self.tree() {
            let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
            let fields = fields.split_whitespace().skip(11).take(2);
            ticks += fields.filter_map(|field| field.parse::<u32>().ok()).sum::<u32>();
        }
        Ok(TICK * ticks)
    }

    /// The resident memory of the process and all below it, in bytes.
    pub(crate) fn resident(&self) -> usize {
        let of = |process: &u32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse::<usize>().ok()
        };
        self.tree().iter().filter_map(of).sum::<usize>() * 1024
    }

    fn tree(&self) -> HashSet<u32> {
        let mut tree = HashSet::from([self.child.id()]);
        let processes = || fs::read_dir("/proc").into_iter().flatten().flatten();
        let parent = |process: u32| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        loop {
            let before = tree.len();
            for entry in processes() {
                let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                else {
                    continue;
                };
                if parent(process).is_some_and(|parent| tree.contains(&parent)) {
                    tree.insert(process);
                }
            }
            if tree.len() == before {
                return tree;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Some of them end their children only when asked.
        let tree = self.tree();
        let mut kill = Command::new("kill");
        let _ = kill.args(tree.iter().map(ToString::to_string)).stderr(Stdio::null()).status();
        std::thread::sleep(Duration::from_millis(50));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This process, the load generator, keeps off the first core.
pub(crate) fn pin_to_client_core() -> Result<(), Failure> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        eprintln!("one core only: server and load generator share it");
        return Ok(());
    }
    let list = format!("{}-{}", 1, cores - 1);
    let process = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", &list, &process]).output()?;
    if !pinned.status.success() {
        return Err("taskset (util-linux) cannot pin this process".into());
    }
    Ok(())
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Connections a second as `openssl s_time` counts them. Its own clock has whole seconds only.
pub(crate) fn s_time(port: u16, time: Duration) -> Result<f64, Failure> {
    let begin = Instant::now();
    let output = Command::new("openssl")
        .args(["s_time", "-connect", &format!("127.0.0.1:{port}"), "-new"])
        .args(["-time", &time.as_secs().to_string()])
        .output()?;
    let taken = begin.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    // "1234 connections in 2 real seconds, 0 bytes read per connection"
    let count = said.lines().find_map(|line| {
        let (count, rest) = line.split_once(" connections in ")?;
        rest.contains(" real seconds").then(|| count.trim().parse::<f64>().ok())?
    });
    let why = || format!("openssl s_time: {said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(count.ok_or_else(why)? / taken.as_secs_f64())
}

/// Requests a second as `wrk` counts them, on `count` connections at once that are kept, or of which each is for
/// one request. It measures for whole seconds.
pub(crate) fn wrk(
    port: u16,
    plain: bool,
    count: usize,
    kept: bool,
    time: Duration,
) -> Result<f64, Failure> {
    let scheme = if plain { "http" } else { "https" };
    let seconds = time.as_secs().max(1);
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{count}"), &format!("-d{seconds}s")]);
    if !kept {
        command.args(["-H", "Connection: close"]);
    }
    let output = command.arg(format!("{scheme}://127.0.0.1:{port}/")).output();
    let output = output.map_err(|e| format!("wrk: {e}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate =
        said.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    match rate {
        // It counts what was answered, and says of the rest that it failed.
        Some(rate) if rate > 0.0 && !said.contains("Non-2xx") => Ok(rate),
        _ => Err(format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
