//! Echo servers for the benchmark over libraries that are newer than what the workspace builds with:
//! `newest-tls LIBRARY PORT THREADS CERT KEY`, and `newest-tls LIBRARY --version`.

mod rustls_stream;

#[path = "../../src/servers/echo.rs"]
mod echo;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["rustls-0.24", "--version"] => println!("0.24.0-dev.2, with its aws-lc-rs"),
        ["tokio-aws-lc", "--version"] => println!("0.4.0, AWS-LC's own engine"),
        [library, port, threads, cert, key] => {
            let (port, threads) = (port.parse()?, threads.parse()?);
            serve(library, port, threads, cert.as_ref(), key.as_ref())?;
        }
        _ => return Err("usage: newest-tls LIBRARY PORT THREADS CERT KEY".into()),
    }
    Ok(())
}

fn serve(
    library: &str,
    port: u16,
    threads: usize,
    cert: &Path,
    key: &Path,
) -> Result<(), Box<dyn Error>> {
    match library {
        "tokio-aws-lc" => {
            let config = tokio_aws_lc::ServerConfig::builder().with_pem_files(cert, key)?;
            let acceptor = tokio_aws_lc::TlsAcceptor::new(Arc::new(config));
            let accept = move |tcp| {
                let acceptor = acceptor.clone();
                async move { acceptor.accept(tcp).await }
            };
            Ok(echo::run(port, threads, accept)?)
        }
        "rustls-0.24" => {
            let config = Arc::new(rustls_stream::config(cert, key)?);
            let accept = move |tcp| rustls_stream::accept(config.clone(), tcp);
            Ok(echo::run(port, threads, accept)?)
        }
        other => Err(format!("{other} is not one of the libraries").into()),
    }
}
