//! hudsucker that changes nothing and keeps nothing: `hudsucker-noop PORT CA CA_KEY ORIGIN_CA`, PEM files.
//! Origins are asked over HTTP/1.1, as their clients are.
#![forbid(unsafe_code)]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use hudsucker::Proxy;
use hudsucker::certificate_authority::RcgenAuthority;
use hudsucker::rcgen::{Issuer, KeyPair};
use hudsucker::rustls::crypto::aws_lc_rs::default_provider;
use hudsucker::rustls::pki_types::CertificateDer;
use hudsucker::rustls::pki_types::pem::PemObject;
use hudsucker::rustls::{ClientConfig, RootCertStore};
use hyper_rustls::HttpsConnectorBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, ca, ca_key, origin_ca] = arguments.as_slice() else {
        return Err("PORT CA CA_KEY ORIGIN_CA".into());
    };
    let key = KeyPair::from_pem(&std::fs::read_to_string(ca_key)?)?;
    let issuer = Issuer::from_ca_cert_pem(&std::fs::read_to_string(ca)?, key)?;
    let authority = RcgenAuthority::new(issuer, 1_000, default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(origin_ca)?)?;
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let proxy = Proxy::builder()
        .with_addr(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))
        .with_ca(authority)
        .with_http_connector(connector)
        .build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(proxy.start())?;
    Ok(())
}
