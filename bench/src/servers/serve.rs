//! `bench serve`: an echo server of a few lines over each library, all with the same runtime.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::echo;
use crate::contestant::{Failure, Stream};

/// Serve as one of the contestants.
#[derive(clap::Args)]
pub(crate) struct Serve {
    library: String,
    #[arg(long)]
    port: u16,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long)]
    cert: Option<PathBuf>,
    #[arg(long)]
    key: Option<PathBuf>,
}

/// In the order of the report: ours, those that ours is compared with, the limit.
pub(crate) const LIBRARIES: [&str; 5] =
    ["sealwire", "tokio-rustls", "tokio-openssl", "s2n-tls", "plain TCP"];

type Accepting = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Failure>> + Send>>;
type Accept = Arc<dyn Fn(TcpStream) -> Accepting + Send + Sync>;

/// The version of a library; `None` when this binary was built without it.
pub(crate) fn version(library: &str) -> Option<String> {
    match library {
        "sealwire" => Some(env!("CARGO_PKG_VERSION").to_owned()),
        "tokio-rustls" => Some("0.26, with rustls 0.23 and aws-lc-rs".to_owned()),
        #[cfg(feature = "openssl")]
        "tokio-openssl" => Some(openssl::version::version().to_owned()),
        #[cfg(feature = "s2n")]
        "s2n-tls" => Some("0.3, with aws-lc-rs".to_owned()),
        "plain TCP" => Some("the limit".to_owned()),
        _ => None,
    }
}

pub(crate) fn serve(args: &Serve) -> Result<(), Failure> {
    let accept = accept_with(args)?;
    Ok(echo::run(args.port, args.threads, move |tcp| accept(tcp))?)
}

fn accept_with(args: &Serve) -> Result<Accept, Failure> {
    let files = || match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Ok((cert.clone(), key.clone())),
        _ => Err("a certificate and its key are needed"),
    };
    match args.library.as_str() {
        "sealwire" => {
            let (cert, key) = files()?;
            let identity = sealwire::Identity::from_pem_files(cert, key)?;
            let context = sealwire::SecureContext::builder().identity(identity).build()?;
            let acceptor = sealwire::Acceptor::new(context);
            Ok(Arc::new(move |tcp| {
                let acceptor = acceptor.clone();
                boxed(async move { Ok(acceptor.accept(tcp).await?) })
            }))
        }
        "tokio-rustls" => {
            let (cert, key) = files()?;
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(rustls_config(&cert, &key)?));
            Ok(Arc::new(move |tcp| {
                let acceptor = acceptor.clone();
                boxed(async move { Ok(acceptor.accept(tcp).await?) })
            }))
        }
        #[cfg(feature = "openssl")]
        "tokio-openssl" => {
            let (cert, key) = files()?;
            openssl_acceptor(&cert, &key)
        }
        #[cfg(feature = "s2n")]
        "s2n-tls" => {
            let (cert, key) = files()?;
            s2n_acceptor(&cert, &key)
        }
        "plain TCP" => Ok(Arc::new(|tcp| boxed(async { Ok(tcp) }))),
        other => Err(format!("{other} is not built in").into()),
    }
}

fn boxed<S: Stream + 'static>(
    accepting: impl Future<Output = Result<S, Failure>> + Send + 'static,
) -> Accepting {
    Box::pin(async move { Ok(Box::new(accepting.await?) as Box<dyn Stream>) })
}

pub(crate) fn rustls_config(
    cert: &PathBuf,
    key: &PathBuf,
) -> Result<rustls::ServerConfig, Failure> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    // As the others have it: tickets that hold the state.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

#[cfg(feature = "openssl")]
fn openssl_acceptor(cert: &PathBuf, key: &PathBuf) -> Result<Accept, Failure> {
    use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod};
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_certificate_chain_file(cert)?;
    builder.set_private_key_file(key, SslFiletype::PEM)?;
    builder.set_session_id_context(b"bench")?;
    let acceptor = builder.build();
    Ok(Arc::new(move |tcp| {
        let ssl = Ssl::new(acceptor.context());
        boxed(async move {
            let mut stream = tokio_openssl::SslStream::new(ssl?, tcp)?;
            Pin::new(&mut stream).accept().await?;
            Ok(stream)
        })
    }))
}

#[cfg(feature = "s2n")]
fn s2n_acceptor(cert: &PathBuf, key: &PathBuf) -> Result<Accept, Failure> {
    let mut builder = s2n_tls::config::Builder::new();
    builder.load_pem(&std::fs::read(cert)?, &std::fs::read(key)?)?;
    builder.set_security_policy(&s2n_tls::security::DEFAULT_TLS13)?;
    let acceptor = s2n_tls_tokio::TlsAcceptor::new(builder.build()?);
    Ok(Arc::new(move |tcp| {
        let acceptor = acceptor.clone();
        boxed(async move { Ok(acceptor.accept(tcp).await?) })
    }))
}
