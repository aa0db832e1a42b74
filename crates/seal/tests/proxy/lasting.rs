//! What lasts when a proxy is killed, the disk is full, bodies are long and flows many.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::origin::{Program, origin, program};
use crate::peers::{Folder, installed};
use crate::running::Proxy;

/// Sends as many bytes as it is asked for, counts those that it gets, and sends events.
const SERVER: &str = "
const fs = require('fs'), https = require('https');
const piece = Buffer.alloc(1 << 16, 'x');
const server = https.createServer({ cert: fs.readFileSync('cert.pem'), key: fs.readFileSync('key.pem') });
server.on('request', (q, r) => {
  if (q.url === '/events') {
    r.writeHead(200, { 'content-type': 'text/event-stream' });
    r.write(`data: ${Date.now()}\\n\\n`);
    return setTimeout(() => r.end(), 1000);
  }
  let left = Number(q.url.slice(1)), got = 0;
  if (q.method === 'POST') {
    q.on('data', (data) => { got += data.length; });
    return q.on('end', () => r.end(String(got)));
  }
  r.writeHead(200, { 'content-length': left });
  const write = () => {
    while (left > 0) {
      const part = left < piece.length ? piece.subarray(0, left) : piece;
      left -= part.length;
      if (!r.write(part)) return r.once('drain', write);
    }
    r.end();
  };
  write();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

fn server(dir: &Folder) -> (Program, String) {
    drop(origin(dir)); // for its certificate
    let server = program(dir, SERVER);
    let url = format!("https://localhost:{}", server.port);
    (server, url)
}

/// Megabytes that a process has in memory now.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

#[test]
fn what_was_recorded_outlives_a_kill() {
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let dir = Folder::new();
    let origin = origin(&dir);
    let mut proxy = Proxy::start(&dir, &["--session", "s.db", "--ca", "cert.pem"]);
    for n in 0..20 {
        let url = format!("{}/{n}", origin.url);
        assert!(proxy.curl(&dir, &[&url]).output().unwrap().status.success());
    }
    proxy.until("flows", |list| (list["total"] == 20).then_some(()));
    proxy.kill();
    let found = dir.seal_with(&["proxy", "query", "s.db"], b"").ok();
    assert_eq!(found.text().lines().count(), 20);
    // It goes on where it was.
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--ca", "cert.pem"]);
    let url = format!("{}/more", origin.url);
    assert!(proxy.curl(&dir, &[&url]).output().unwrap().status.success());
    proxy.until("flows", |list| (list["total"] == 21).then_some(()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_recording_and_not_the_traffic() {
    if !installed(&["curl", "node", "openssl", "unshare", "mount"]) {
        return;
    }
    let dir = Folder::new();
    let (_server, url) = server(&dir);
    std::fs::create_dir(dir.path("small")).unwrap();
    // A disk of 3 MB that only this proxy has.
    let mounts = ["--user", "--map-root-user", "--mount", "--"];
    let made = Command::new("unshare").args(mounts).arg("true").status().unwrap();
    if !sealwire_testing::required(made.success(), "the kernel makes no namespaces here") {
        return;
    }
    let script = "mount -t tmpfs -o size=3m none small && exec \"$@\"";
    let before = [&["unshare"], &mounts[..], &["sh", "-c", script, "sh"]].concat();
    let proxy = Proxy::start_by(&dir, &before, &["--session", "small/s.db", "--ca", "cert.pem"]);
    let mut stopped = Value::Null;
    for _ in 0..40 {
        let length = "300000";
        let ask = ["-o", "body", "-w", "%{http_code} %{size_download}", &format!("{url}/{length}")];
        let ran = proxy.curl(&dir, &ask).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), format!("200 {length}"), "{ran:?}");
        stopped = proxy.api("GET", "session", None)["stopped"].clone();
        if !stopped.is_null() {
            break;
        }
    }
    assert!(stopped.as_str().is_some_and(|why| why.contains("s.db is full")), "{stopped}");
    let ask = ["-o", "body", "-w", "%{http_code}", &format!("{url}/1000")];
    assert_eq!(proxy.curl(&dir, &ask).output().unwrap().stdout, b"200");
}

/// A long body each way, recorded: `PROXY_MEGABYTES=1000` is what docs/proxy.md speaks of.
#[cfg(target_os = "linux")]
#[test]
fn long_bodies_take_little_memory() {
    const MOST_GROWTH: u64 = 32;
    if !installed(&["curl", "node", "openssl"]) {
        return;
    }
    let megabytes: u64 =
        std::env::var("PROXY_MEGABYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let dir = Folder::new();
    let (_server, url) = server(&dir);
    let proxy = Proxy::start(&dir, &["--session", "s.db", "--keep", "256", "--ca", "cert.pem"]);
    let length = megabytes << 20;
    assert!(proxy.curl(&dir, &[&format!("{url}/100000")]).output().unwrap().status.success());
    let before = resident(proxy.id());
    let down = [
        format!("{url}/{length}"),
        "-o".into(),
        "/dev/null".into(),
        "-w".into(),
        "%{size_download}".into(),
    ];
    let file = dir.path("long");
    std::fs::File::create(&file).unwrap().set_len(length).unwrap();
    let up =
        [format!("{url}/up"), "-T".into(), file.display().to_string(), "-X".into(), "POST".into()];
    for (way, ask) in [("down", &down[..]), ("up", &up[..])] {
        let ask: Vec<&str> =
            ["--max-time", "500"].into_iter().chain(ask.iter().map(String::as_str)).collect();
        let begun = Instant::now();
        let mut curl = proxy.curl(&dir, &ask).stdout(Stdio::piped()).spawn().unwrap();
        let mut most = before;
        let status = loop {
            most = most.max(resident(proxy.id()));
            match curl.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::yield_now(),
            }
        };
        let took = begun.elapsed();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut curl.stdout.take().unwrap(), &mut said).unwrap();
        assert!(status.success() && said == length.to_string(), "{way}: {status} {said}");
        println!(
            "{way}: {megabytes} MB in {took:?}, {before} MB resident before, {most} MB at most"
        );
        assert!(most <= before + MOST_GROWTH, "{way}: {before} MB before, {most} MB at most");
    }
}

/// How long the first event takes: to a client without and with the proxy, and to a program that reads `--json`.
/// `just proxy-measures` runs it.
#[test]
#[ignore = "a measurement: nothing else should run"]
fn the_first_event_comes_at_once() {
    const ROUNDS: usize = 21;
    let dir = Folder::new();
    let (_server, url) = server(&dir);
    let url = format!("{url}/events");
    // Its standard error has what curl gets.
    let curl = ["curl", "-sSN", "--cacert", "cert.pem", "-o", "/dev/stderr", &url];
    let direct = || {
        let mut child = Command::new(curl[0]);
        child.args(&curl[1..]).current_dir(dir.root()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let late = first_event(child.stderr.take().unwrap());
        child.wait().unwrap();
        late
    };
    let through = || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"));
        child.args(["proxy", "run", "--session", "s.db", "--json", "--ca", "cert.pem", "--"]);
        child.args(["curl", "-sSN", "-o", "/dev/stderr", &url]).current_dir(dir.root());
        child.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let told = std::thread::spawn(move || first_event(out));
        let late = first_event(err);
        let told = told.join().unwrap();
        child.wait().unwrap();
        (late, told - late)
    };
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let direct = median((0..ROUNDS).map(|_| direct()).collect());
    let (through, told): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(|_| through()).unzip();
    let (through, told) = (median(through), median(told));
    println!(
        "the first event: {direct:.1} ms after it is sent, through the proxy {through:.1} ms, {told:.1} ms later in --json"
    );
    assert!(through <= direct + 50.0 && told <= 100.0);
}

/// Milliseconds from when a server sent its first event until it is read here: it has its time in it.
fn first_event(from: impl std::io::Read) -> f64 {
    let mut lines = BufReader::new(from).lines();
    let sent: f64 = loop {
        let line = lines.next().expect("an event").expect("text");
        if let Some((_, rest)) = line.split_once("data: ") {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break digits.parse().expect("a time");
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1e3;
    // Whoever writes must not wait for us.
    lines.for_each(drop);
    now - sent
}
