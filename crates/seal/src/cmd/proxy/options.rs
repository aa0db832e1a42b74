//! The options of a debugging proxy, and its settings by them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use sealwire::Identity;
use sealwire::pki::{Error, NameConstraint};
use sealwire::starttls::Protocol;
use sealwire_lens::intercept::{
    Authority, HostPattern, Mode, Passthrough, Reverse, Settings, Target, UpstreamProxy,
};
use sealwire_lens::rules::{Rule, Rules};

use crate::files::material::{Anchor, public_roots, trust_in};
use crate::files::passphrase::Source;
use crate::files::upki;
use crate::net::protocol::Starttls;
use crate::say::failure::Failure;
use crate::words::length::Length;

/// What is the same for a proxy that stays and for one of a command.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Act as a reverse proxy for this server: https://HOST, http://HOST:PORT, postgres://,
    /// mysql://, smtp://, imap://, pop3://, ldap://, ftp://, xmpp:// or tls://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(super) reverse: Option<ReverseUrl>,

    /// With --reverse, pass the client's `Host` header field on unchanged
    #[arg(long, requires = "reverse")]
    keep_host: bool,

    /// Also trust these CAs for servers: a PEM file, `system` or `bundled` (Mozilla's roots,
    /// trusted by default); may be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<Anchor>,

    /// Continue with servers that fail verification
    #[arg(long)]
    insecure: bool,

    /// Client certificate for a server that requests one: HOST=FILE, PEM with certificate and key,
    /// or PFX; may be repeated
    #[arg(long, value_name = "HOST=FILE")]
    client_cert: Vec<ClientCert>,

    /// Read the passphrase of --client-cert from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,

    /// Do not decrypt TLS with this host: HOST or *.HOST; may be repeated
    #[arg(long, value_name = "HOST")]
    passthrough: Vec<HostPattern>,

    /// Decrypt TLS with these hosts only. The proxy's CA is then constrained to them, which clients
    /// enforce
    #[arg(long, value_name = "HOST")]
    only: Vec<HostPattern>,

    /// Stop decrypting TLS with a host for a time after a client has refused the proxy's
    /// certificate for it, so that the next attempt succeeds
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "10m")]
    passthrough_refused: Option<Length>,

    /// Connect to servers through this proxy: http://HOST:PORT or socks5://HOST:PORT
    #[arg(long, value_name = "URL")]
    upstream_proxy: Option<UpstreamProxy>,

    /// Read USER:PASSWORD for --upstream-proxy from FILE
    #[arg(long, value_name = "FILE", requires = "upstream_proxy")]
    upstream_user_file: Option<PathBuf>,

    /// Rule for changing traffic: FILTER => WHAT, such as 'host:api.test => status = 503', or a
    /// TOML file of rules; may be repeated
    #[arg(long, value_name = "RULE|FILE")]
    rule: Vec<String>,

    /// Keep `Alt-Svc` in responses. Browsers may then switch to QUIC, which bypasses the proxy
    #[arg(long)]
    keep_alt_svc: bool,

    #[command(flatten)]
    pub(super) recording: super::record::Recording,

    /// Write the proxy's CA certificate to this file [default: a temporary one]
    #[arg(long, value_name = "FILE")]
    pub(super) ca_out: Option<PathBuf>,

    /// Print events as JSON, one object per line (see docs/proxy.md)
    #[arg(long)]
    pub(super) json: bool,

    /// Do not print requests
    #[arg(short, long, conflicts_with = "json")]
    pub(super) quiet: bool,
}

/// `SCHEME://HOST[:PORT]`
#[derive(Debug, Clone)]
pub(super) struct ReverseUrl {
    text: String,
    target: Target,
    tls: bool,
    starttls: Option<Protocol>,
}

#[derive(Debug, Clone)]
struct ClientCert {
    host: HostPattern,
    file: PathBuf,
}

impl Options {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::new(Authority::throw_away(&self.constraints()?)?);
        if let Some(reverse) = &self.reverse {
            settings.mode = Mode::Reverse(Reverse {
                origin: reverse.target.clone(),
                tls: reverse.tls,
                starttls: reverse.starttls,
                keep_host: self.keep_host,
            });
        }
        let roots = public_roots();
        settings.trust = match trust_in(&self.ca)? {
            Some(more) => roots.and(&more),
            None => roots,
        };
        settings.public_revocations = upki::found();
        settings.insecure = self.insecure;
        let passphrase = self.passphrase_file.as_ref().map(Source::read).transpose()?;
        let passphrase = passphrase.as_ref().map(|text| text.as_bytes());
        for ClientCert { host, file } in &self.client_cert {
            settings.client_certificates.push((host.clone(), identity(file, passphrase)?));
        }
        settings.passthrough = Passthrough {
            hosts: self.passthrough.clone(),
            only: self.only.clone(),
            after_refusal: self.passthrough_refused.map(Length::get),
        };
        settings.upstream = self.upstream()?;
        settings.strip_alt_svc = !self.keep_alt_svc;
        Ok(settings)
    }

    /// The rules, in the order given.
    pub(super) fn rules(&self) -> Result<Rules, Failure> {
        rules_of(&self.rule)
    }

    /// What the CA may sign for: with --only and --reverse that is known.
    fn constraints(&self) -> Result<Vec<NameConstraint>, Failure> {
        let mut hosts: Vec<&str> = self.only.iter().map(HostPattern::host).collect();
        if let Some(reverse) = &self.reverse {
            hosts.extend([reverse.target.host.as_str(), "localhost", "127.0.0.1", "::1"]);
        }
        hosts.iter().map(|host| host.parse().map_err(Failure::from)).collect()
    }

    fn upstream(&self) -> Result<Option<UpstreamProxy>, Failure> {
        let Some(upstream) = self.upstream_proxy.clone() else { return Ok(None) };
        if upstream.has_user() {
            return Err(Failure::usage(
                "do not put a password on the command line, where other users can read it",
            )
            .advise("give it with --upstream-user-file"));
        }
        let Some(path) = &self.upstream_user_file else { return Ok(Some(upstream)) };
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        Ok(Some(upstream.user(text.trim_end_matches(['\r', '\n']))))
    }
}

/// Rules that are each a line, or a TOML file of them.
pub(super) fn rules_of(written: &[String]) -> Result<Rules, Failure> {
    let mut all = Rules::default();
    for text in written {
        let more = match text.contains("=>") {
            true => Rule::from_line(text).map(|rule| Rules::new(vec![rule])),
            false => {
                let path = Path::new(text);
                let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
                Rules::from_toml(&text)
            }
        };
        all = all.and(more.map_err(|e| Failure::usage(format!("--rule: {e}")))?);
    }
    Ok(all)
}

/// Reads PEM with certificate and key, or a PFX.
fn identity(file: &Path, passphrase: Option<&[u8]>) -> Result<Identity, Failure> {
    let bytes = std::fs::read(file).map_err(|e| Error::io(file, &e))?;
    let is_pem = bytes.windows(10).any(|part| part == b"-----BEGIN");
    let read = match (is_pem, passphrase) {
        (true, Some(passphrase)) => Identity::from_encrypted_pem_files(file, file, passphrase),
        (true, None) => Identity::from_pem_files(file, file),
        (false, passphrase) => Identity::from_pkcs12_file(file, passphrase.unwrap_or_default()),
    };
    Ok(read?)
}

impl FromStr for ClientCert {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, file) = text.split_once('=').ok_or("it is not HOST=FILE")?;
        Ok(Self { host: host.parse()?, file: PathBuf::from(file) })
    }
}

impl FromStr for ReverseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it is not SCHEME://HOST[:PORT]")?;
        let (tls, starttls, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, None, Some(80)),
            "https" => (true, None, Some(443)),
            "tls" => (true, None, None),
            "tcp" => (false, None, None),
            other => {
                let protocol: Protocol = other.parse().map_err(|_| {
                    format!(
                        "{other}:// is not one of http, https, tls, tcp, or a protocol with STARTTLS"
                    )
                })?;
                (true, Some(protocol), Some(Starttls(protocol).port()))
            }
        };
        let authority = rest.trim_end_matches('/');
        let target = Target::parse(authority, port)
            .ok_or_else(|| format!("{authority:?} is not HOST:PORT (a path is not accepted)"))?;
        Ok(Self { text: text.to_owned(), target, tls, starttls })
    }
}

impl fmt::Display for ReverseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::ReverseUrl;

    #[test]
    fn servers_to_stand_for_are_read() {
        for (text, target, tls, starttls) in [
            ("https://a.test", "a.test:443", true, false),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", false, false),
            ("postgres://db", "db:5432", true, true),
            ("MySQL://[::1]:3307", "[::1]:3307", true, true),
            ("tls://a:1", "a:1", true, false),
        ] {
            let url: ReverseUrl = text.parse().unwrap();
            let found = (url.target.to_string(), url.tls, url.starttls.is_some());
            assert_eq!(found, (target.to_owned(), tls, starttls), "{text}");
        }
        for text in ["a.test", "gopher://a", "https://a/b", "tls://a"] {
            assert!(text.parse::<ReverseUrl>().is_err(), "{text}");
        }
    }
}
