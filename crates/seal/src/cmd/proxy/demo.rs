//! `seal proxy demo`: the lesson, with a login page over HTTP and over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sealwire::pki::{self, NameConstraint};
use sealwire::{Acceptor, Connector, Foreign, Identity, SecureContext, ServerName, TrustStore};
use sealwire_lens::api::{Searches, Session, Token, serve};
use sealwire_lens::content::protobuf::Descriptors;
use sealwire_lens::export::{Lesson, Marked, lesson};
use sealwire_lens::intercept::{Authority, Proxy, Settings};
use sealwire_lens::query::Filter;
use sealwire_lens::rules::{Current, Holds};
use sealwire_lens::store::{Options, Store};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::net::page::listen;
use crate::net::stop::Stop;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Show one login over HTTP, over TLS, and decrypted
///
/// Runs a server with a login page, a client that logs in over HTTP and over HTTPS, and a proxy
/// between them whose CA the client trusts, all on this machine. With --page, shows it in the
/// browser until Ctrl-C.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Show it in the browser, and print the URL
    #[arg(long)]
    page: bool,
}

const FORM: &str = "<!doctype html><title>Login</title><h1>Login</h1><form method=post action=/login>\
    <input name=user><input name=password type=password><button>Log in</button></form>";
const LOGIN: &str = "user=amit&password=correct-horse-battery";

pub(crate) async fn run(args: DemoArgs) -> Result<Answer, Failure> {
    let stop = Stop::on_signals().map_err(|e| Failure::usage(format!("signals: {e}")))?;
    let folder = tempfile::Builder::new().prefix("seal-proxy-demo-").tempdir();
    let folder =
        folder.map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
    let store = Store::create(&folder.path().join("demo.db"), Options::default());
    let store = Arc::new(store.map_err(|e| Failure::usage(e.to_string()))?);
    play(&store).await?;
    store.flush();
    let reader = store.reader().map_err(|e| Failure::usage(e.to_string()))?;
    let told = |e: sealwire_lens::store::StoreError| Failure::usage(e.to_string());
    let logins = Filter::parse("path:/login").map_err(|e| Failure::usage(e.to_string()))?;
    for id in reader.ids(&logins, usize::MAX).map_err(told)?.unwrap_or_default() {
        if let Some(lesson) = lesson(&reader, id).map_err(told)? {
            report::print_text(&text(&lesson))?;
        }
    }
    if !args.page {
        return Ok(Answer::Yes);
    }
    let token = Token::new().map_err(Failure::usage)?;
    let (listener, url) = listen(SocketAddr::from(([127, 0, 0, 1], 0)), &token).await?;
    report::print_text(&format!("in the browser (choose a login, then Lesson): {url}"))?;
    let session = Session {
        reader,
        store: Some(store),
        sender: None,
        rules: Current::default(),
        holds: Holds::default(),
        searches: Searches::default(),
        descriptors: Descriptors::default(),
        token,
        title: "demo".to_owned(),
    };
    tokio::select! {
        served = serve(listener, Arc::new(session)) => {
            served.map_err(|e| Failure::usage(format!("the page: {e}")))?;
        }
        () = stop.asked() => {}
    }
    Ok(Answer::Yes)
}

/// The server, the proxy and the client.
async fn play(store: &Arc<Store>) -> Result<(), Failure> {
    let io = |e: std::io::Error| Failure::usage(format!("the demo's connections: {e}"));
    let (certificate, key) = pki::self_signed(["localhost"])?;
    let identity = Identity::new(vec![certificate.clone()], &key)?;
    let server = Acceptor::new(
        SecureContext::builder()
            .identity(identity)
            .build()
            .map_err(|e| Failure::usage(e.to_string()))?,
    );
    let (plain, closed) =
        (origin(None).await.map_err(io)?, origin(Some(server)).await.map_err(io)?);

    let permitted: NameConstraint = "localhost".parse()?;
    let authority = Authority::throw_away(&[permitted])?;
    let trusted = TrustStore::from_certificates([authority.certificate().clone()])?;
    let mut settings = Settings::new(authority);
    settings.trust = TrustStore::from_certificates([certificate])?;
    settings.record_wire = true;
    let proxy = Arc::new(Proxy::new(settings, store.clone(), 1)?);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let until = async { drop(is_done.await) };
        proxy.serve(listener, until, Duration::from_secs(2)).await
    });

    for (method, path, body) in [("GET", "/", ""), ("POST", "/login", LOGIN)] {
        let tcp = TcpStream::connect(address).await.map_err(io)?;
        let url = format!("http://localhost:{}{path}", plain.port());
        ask(tcp, method, &url, plain, body).await.map_err(io)?;

        let mut tcp = TcpStream::connect(address).await.map_err(io)?;
        let host = format!("localhost:{}", closed.port());
        let connect = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        tcp.write_all(connect.as_bytes()).await.map_err(io)?;
        let answer = head(&mut tcp).await.map_err(io)?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(Failure::refused(format!("the proxy said {}", Foreign::new(&answer))));
        }
        let context = SecureContext::builder()
            .trust(trusted.clone())
            .build()
            .map_err(|e| Failure::usage(e.to_string()))?;
        let name: ServerName = "localhost"
            .parse()
            .map_err(|e: sealwire::InvalidServerName| Failure::usage(e.to_string()))?;
        let tls = Connector::new(context).alpn(["http/1.1"]).connect(name, tcp).await;
        let tls = tls.map_err(|e| Failure::of_connection("the proxy", &e))?;
        ask(tls, method, path, closed, body).await.map_err(io)?;
    }
    drop(done);
    serving.await.map_err(|e| Failure::usage(e.to_string()))?.map_err(io)
}

/// A server with a login page.
async fn origin(tls: Option<Acceptor>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => answer(tcp).await,
                    Some(acceptor) => match acceptor.accept(tcp).await {
                        Ok(stream) => answer(stream).await,
                        Err(_) => Ok(()),
                    },
                }
            });
        }
    });
    Ok(address)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let request = head(&mut stream).await?;
    let (more, page) = if request.starts_with("POST") {
        let mut login = vec![0; LOGIN.len()];
        stream.read_exact(&mut login).await?;
        ("Set-Cookie: session=7f3a9c21; HttpOnly\r\n", "<!doctype html><p>Welcome, amit.</p>")
    } else {
        ("", FORM)
    };
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    target: &str,
    origin: SocketAddr,
    body: &str,
) -> std::io::Result<()> {
    let (port, length) = (origin.port(), body.len());
    let kind = match body {
        "" => String::new(),
        _ => format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
        ),
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\n{kind}Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    // An end without close_notify is an end of this answer all the same.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    Ok(())
}

/// Up to the empty line.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut out = Vec::new();
    while !out.ends_with(b"\r\n\r\n") {
        if out.len() > 64 * 1024 {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        out.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The lesson as text: secrets between marks where it is readable, the records where it is not.
fn text(lesson: &Lesson) -> String {
    let mut out = String::new();
    if !lesson.over_tls {
        out += "1. Over HTTP, anyone on the path can read and change this:\n\n";
        lesson.plain.iter().for_each(|message| out += &quoted(message));
        return out + "The places between >>> and <<< are secrets.\n";
    }
    out += "2. The same over TLS is this on the way:\n\n";
    for record in &lesson.records {
        let arrow = if record.from_client { "->" } else { "<-" };
        let seen = record.readable.clone().unwrap_or_else(|| record.hex.chars().take(47).collect());
        out += &format!(
            "  {:>8.1} ms {arrow} {:<18} {:>5} B  {}\n",
            record.at,
            record.kind,
            record.length,
            Foreign::new(&seen)
        );
    }
    let name = lesson.server_name.as_deref().unwrap_or("no name");
    out += &format!(
        "\nReadable in it: the server's name ({}), sizes and times. Nothing else.\n\n\
         3. Decrypted, because the client trusts a CA whose key the proxy has:\n\n",
        Foreign::new(name)
    );
    lesson.decrypted.iter().for_each(|message| out += &quoted(message));
    out
}

fn quoted(message: &Marked) -> String {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let mut shown = String::new();
    let mut at = 0;
    for (start, end) in &message.secrets {
        shown += &String::from_utf16_lossy(&units[at..*start]);
        shown += &format!(">>>{}<<<", String::from_utf16_lossy(&units[*start..*end]));
        at = *end;
    }
    shown += &String::from_utf16_lossy(&units[at..]);
    let lines = shown.lines().map(|line| format!("  | {}\n", Foreign::new(line)));
    lines.collect::<String>() + "\n"
}
