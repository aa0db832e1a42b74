//! Inside of the namespace: every connection is accepted here, and forwarded through the exit.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixStream};

use super::names::Names;
use super::program;
use crate::cmd::proxy::child::code;
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// What `--capture-all` starts; not for people
#[derive(Args, Debug)]
pub(crate) struct InsideArgs {
    #[arg(long)]
    way_out: PathBuf,
    #[arg(long)]
    uid: u32,
    #[arg(long)]
    gid: u32,
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<OsString>,
}

/// What our own connections within the namespace bear, so that they are not taken again.
const MARK: u32 = 1;

pub(crate) async fn run(args: InsideArgs) -> Result<Answer, Failure> {
    let told = |e: io::Error| Failure::usage(format!("--capture-all: {e}"));
    // Every address is this machine's.
    set_up("ip", &["link", "set", "lo", "up"], "")?;
    set_up("ip", &["route", "add", "local", "default", "dev", "lo"], "")?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(told)?;
    let questions = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.map_err(told)?;
    let tcp = listener.local_addr().map_err(told)?.port();
    let udp = questions.local_addr().map_err(told)?.port();
    let rules = format!(
        "table ip seal {{ chain output {{ type nat hook output priority -100\n\
         meta mark {MARK} accept\nmeta l4proto tcp redirect to :{tcp}\n\
         udp dport 53 redirect to :{udp}\n}}\n}}\n"
    );
    set_up("nft", &["-f", "-"], &rules)?;

    let names = Arc::new(Mutex::new(Names::default()));
    tokio::spawn(name(questions, names.clone()));
    tokio::spawn(take(listener, names, args.way_out));
    // The command runs as this user again, without rights here.
    let mut command = tokio::process::Command::new("unshare");
    command.arg("--user").arg(format!("--map-user={}", args.uid));
    command.arg(format!("--map-group={}", args.gid)).arg("--").args(args.command);
    let mut child = command.kill_on_drop(true).spawn().map_err(told)?;
    // What a person interrupts is the command, which hears of it, too.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    Ok(Answer::Code(code(child.wait().await.map_err(told)?)))
}

/// Runs a program that sets the namespace up.
fn set_up(name: &str, arguments: &[&str], input: &str) -> Result<(), Failure> {
    let ran = || {
        let mut command = Command::new(program(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    };
    let ran = ran().map_err(|e| Failure::usage(format!("--capture-all: {name}: {e}")))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(Failure::usage(format!("--capture-all: {name} {}: {}", arguments.join(" "), said.trim())))
}

/// Answers questions for names.
async fn name(questions: UdpSocket, names: Arc<Mutex<Names>>) {
    let mut room = [0; 1500];
    while let Ok((count, from)) = questions.recv_from(&mut room).await {
        let answer = lock(&names).answer(&room[..count]);
        if let Some(answer) = answer {
            let _ = questions.send_to(&answer, from).await;
        }
    }
}

/// Takes connections.
async fn take(listener: TcpListener, names: Arc<Mutex<Names>>, way_out: PathBuf) {
    let way_out: Arc<Path> = way_out.into();
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            // For want of descriptors; that passes.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let (names, way_out) = (names.clone(), way_out.clone());
        tokio::spawn(async move {
            // A connection without a destination gets a reset.
            let _ = SockRef::from(&tcp).set_linger(Some(std::time::Duration::ZERO));
            if let Ok(tcp) = pass(tcp, &names, &way_out).await {
                let _ = SockRef::from(&tcp).set_linger(None);
            }
        });
    }
}

async fn pass(
    mut client: TcpStream,
    names: &Mutex<Names>,
    way_out: &Path,
) -> io::Result<TcpStream> {
    let meant = SockRef::from(&client).original_dst_v4()?.as_socket_ipv4();
    let meant = meant.ok_or(io::ErrorKind::AddrNotAvailable)?;
    if meant.ip().is_loopback()
        && let Ok(mut server) = within(meant).await
    {
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(client);
    }
    let name = lock(names).of(*meant.ip()).map(str::to_owned);
    let mut out = UnixStream::connect(way_out).await?;
    ask(&mut out, name.as_deref(), meant).await?;
    tokio::io::copy_bidirectional(&mut client, &mut out).await?;
    Ok(client)
}

/// To a server that the command has started itself.
async fn within(address: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    SockRef::from(&socket).set_mark(MARK)?;
    socket.connect(SocketAddr::V4(address)).await
}

/// Asks the proxy for a way, by SOCKS 5 (RFC 1928).
async fn ask(out: &mut UnixStream, name: Option<&str>, address: SocketAddrV4) -> io::Result<()> {
    let mut request = vec![5, 1, 0, 5, 1, 0];
    match name {
        Some(name) => {
            request.extend([3, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
            request.extend_from_slice(name.as_bytes());
        }
        None => {
            request.push(1);
            request.extend(address.ip().octets());
        }
    }
    request.extend(address.port().to_be_bytes());
    out.write_all(&request).await?;
    let mut answer = [0; 6];
    out.read_exact(&mut answer).await?;
    let [5, 0, 5, 0, _, kind] = answer else { return Err(io::ErrorKind::ConnectionRefused.into()) };
    let mut bound = vec![0; if kind == 4 { 18 } else { 6 }];
    out.read_exact(&mut bound).await.map(drop)
}

fn lock(names: &Mutex<Names>) -> std::sync::MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
