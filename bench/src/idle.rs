//! What idle connections take: a server process of its own keeps them, and the kernel says how
//! much memory it has.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::contestant::{self, Contestant, Failure, Material, Stream, Terms};
use crate::measure::runtime;
use crate::report::chart::{Better, Chart};

/// What each contestant's server and client take for a connection that is open and idle. Each has
/// processes of its own, so that none lives on what another has given back.
pub(crate) fn compare(connections: usize) -> Result<Chart, Failure> {
    let title = format!("In one process: memory of one of {connections} idle connections");
    let mut chart = Chart::new(title, "bytes", Better::Lower, "side");
    for contestant in contestant::tls(Terms::BULK)? {
        let output = Command::new(std::env::current_exe()?)
            .args(["idle-of", contestant.name, &connections.to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        let (server, client) =
            said.trim().split_once(' ').ok_or_else(|| format!("{} failed", contestant.name))?;
        chart.add(contestant.name, "server", server.parse()?);
        chart.add(contestant.name, "client", client.parse()?);
    }
    Ok(chart)
}

/// Prints it of one: the server's, and the client's.
pub(crate) fn print(name: &str, connections: usize) -> Result<(), Failure> {
    let material = Material::new(Terms::BULK)?;
    let contestants = material.contestants()?;
    let contestant = contestants.into_iter().find(|one| one.name == name).ok_or("no such")?;
    let (server, client) = of(&contestant, &material, connections)?;
    println!("{server} {client}");
    Ok(())
}

/// Bytes for each of `connections`, of the server's process and of ours.
fn of(
    contestant: &Contestant,
    material: &Material,
    connections: usize,
) -> Result<(usize, usize), Failure> {
    // The first connections make what all share.
    const WARM_UP: usize = 100;
    let total = (connections + WARM_UP).to_string();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve-idle", contestant.name, &total])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no input")?;
    input.write_all(material.to_pem().as_bytes())?;
    drop(input);
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let port: u16 = line.trim().parse()?;
    let measured = runtime()?.block_on(async {
        let mut open = connect(contestant, port, WARM_UP).await?;
        let before = (resident(child.id())?, resident(std::process::id())?);
        open.extend(connect(contestant, port, connections).await?);
        let after = (resident(child.id())?, resident(std::process::id())?);
        let each = |before: usize, after: usize| after.saturating_sub(before) / connections;
        Ok((each(before.0, after.0), each(before.1, after.1)))
    });
    end(child)?;
    measured
}

async fn connect(
    contestant: &Contestant,
    port: u16,
    count: usize,
) -> Result<Vec<Box<dyn Stream>>, Failure> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut stream = (contestant.connect)(tcp).await?;
        // A word each way, and what came before it is read.
        stream.write_all(&[1]).await?;
        stream.flush().await?;
        stream.read_exact(&mut [0]).await?;
        open.push(stream);
    }
    Ok(open)
}

/// The server's process: answers the first byte of each connection, and then waits for more.
pub(crate) fn serve(name: &str, connections: usize) -> Result<(), Failure> {
    let pem = std::io::read_to_string(std::io::stdin())?;
    let contestants = Material::from_pem(&pem, Terms::BULK)?.contestants()?;
    let contestant = contestants.into_iter().find(|one| one.name == name).ok_or("no such")?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        for _ in 0..connections {
            let (tcp, _) = listener.accept().await?;
            let mut stream = (contestant.accept)(tcp).await?;
            stream.read_exact(&mut [0]).await?;
            stream.write_all(&[1]).await?;
            stream.flush().await?;
            // Waits as servers do: in a read.
            tokio::spawn(async move { stream.read_exact(&mut [0]).await });
            tokio::task::yield_now().await;
        }
        std::future::pending().await
    })
}

fn end(mut child: Child) -> Result<(), Failure> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn resident(process: u32) -> Result<usize, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kilobytes.parse::<usize>()? * 1024)
}
