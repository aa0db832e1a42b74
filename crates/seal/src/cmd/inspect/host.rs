//! A server: who it is, whether it would be trusted, what it speaks, and its handshake told.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use sealwire::pki::Certificate;
use sealwire::story::Message;
use sealwire::verify::Verdict;
use sealwire::{
    ClientOptions, Error, Foreign, PeerVerification, SecureContext, ServerName, TrustStore,
};
use sealwire_files::{Access, Existing, write_file};
use serde::Serialize;

use super::InspectArgs;
use crate::files::material::public_roots;
use crate::inspect::observed::{self, Observed};
use crate::inspect::scan::{self, Compliance, Scan};
use crate::inspect::staple::Staple;
use crate::net::dial::Reached;
use crate::net::target::Target;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card::Card;
use crate::view::handshake_page;
use crate::view::story::{Story, milliseconds};
use crate::view::trust::Trust;
use crate::words::clock;

/// Everything that was found out about a server.
#[derive(Serialize)]
struct Host {
    target: String,
    address: SocketAddr,
    server_name: String,
    connection: Option<Connection>,
    /// Why the handshake failed, when it did.
    failure: Option<Broken>,
    trust: Option<Trust>,
    certificate: Option<Card>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Story>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<Scan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<Compliance>,
    times: Times,
}

/// What was agreed.
#[derive(Serialize)]
struct Connection {
    protocol: &'static str,
    cipher: &'static str,
    group: Option<&'static str>,
    alpn: Option<String>,
    /// Bytes of the OCSP response that was stapled.
    ocsp_staple_bytes: Option<usize>,
    /// What it says.
    ocsp: Option<Staple>,
    tickets: usize,
    ticket_lifetime: Option<String>,
    client_certificate_wanted: Option<String>,
}

#[derive(Serialize)]
struct Broken {
    code: &'static str,
    reason: String,
    advice: Option<String>,
}

/// Milliseconds from the beginning.
#[derive(Serialize)]
struct Times {
    reached_ms: f64,
    handshake_ms: Option<f64>,
}

pub(super) async fn inspect(args: &InspectArgs, target: &Target) -> Result<Answer, Failure> {
    let name: ServerName = match &args.servername {
        Some(name) => name.clone(),
        None => target.host.parse().map_err(|e| Failure::usage(format!("{e}")))?,
    };
    let trust = args.material.trust()?.unwrap_or_else(public_roots);
    let context = context(args, &trust)?;
    let start = Instant::now();
    let Reached { mut tcp, address } = args.route.reach(target, name.as_str()).await?;
    let reached = start.elapsed();
    let options = ClientOptions::new(name.clone())
        .verification(PeerVerification::Recorded)
        .name_check(args.name_rules.check())
        .request_ocsp(true)
        .alpn(protocols(args, target));
    let observed =
        observed::handshake(&mut tcp, &context, &options, start, args.route.timeout.get());
    let observed = observed.await.map_err(|e| Failure::of_connection(&target.to_string(), &e))?;
    let story = observed.story();
    let leaf = story.certificates().first().cloned();
    let scan = if args.scan || args.profile.is_some() {
        let sni = name.ip().is_none().then(|| name.as_str());
        Some(scan::scan(&args.route, target, name.as_str(), sni).await?)
    } else {
        None
    };
    let compliance = args.profile.zip(scan.as_ref()).map(|(p, scan)| p.check(scan, leaf.as_ref()));
    let sent = story.certificates();
    let verdict =
        (!sent.is_empty()).then(|| super::verdict(sent, &trust, Some(&name), args.name_rules));
    let issuer = issuer(story.certificates(), verdict.as_ref());
    let mut host = Host {
        target: target.to_string(),
        address,
        server_name: name.to_string(),
        connection: Connection::of(&observed, story.messages(), issuer.as_ref()),
        failure: observed.outcome.as_ref().err().map(|error| Broken::of(error, story.messages())),
        trust: verdict.map(|verdict| Trust::new(target.to_string(), &verdict, &trust, Some(&name))),
        certificate: leaf.as_ref().map(|leaf| Card::new(target.to_string(), leaf)),
        handshake: None,
        scan,
        compliance,
        times: Times {
            reached_ms: milliseconds(reached),
            handshake_ms: observed.outcome.as_ref().ok().map(|done| milliseconds(*done)),
        },
    };
    if let Some(path) = &args.html {
        let verdict = host.trust.as_ref().map_or_else(String::new, |trust| format!("\n{trust}"));
        let facts = format!("{}{verdict}", host.summary());
        let page = handshake_page::page(&host.target, facts.trim_end(), story.messages());
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        write_file(path, page.as_bytes(), Access::Public, existing)?;
    }
    if args.explain {
        host.handshake = Some(Story::of(story.messages()));
    }
    if args.json {
        report::print(&host, true)?;
    } else {
        report::print_text(host.to_string().trim_end())?;
    }
    Ok(if host.is_well() { Answer::Yes } else { Answer::No })
}

fn context(args: &InspectArgs, trust: &TrustStore) -> Result<SecureContext, Failure> {
    args.legacy.warn();
    let mut builder = args.legacy.apply(SecureContext::builder()).trust(trust.clone());
    for identity in args.material.identities()? {
        builder = builder.identity(identity);
    }
    builder.build().map_err(|e| Failure::usage(e.to_string()))
}

/// What a browser would offer, where a browser would.
fn protocols(args: &InspectArgs, target: &Target) -> Vec<String> {
    if args.alpn.is_empty() && args.route.starttls.is_none() && target.port == 443 {
        vec!["h2".to_owned(), "http/1.1".to_owned()]
    } else {
        args.alpn.clone()
    }
}

/// Who signed the leaf: as the verdict found it, else as it was sent.
fn issuer(sent: &[Certificate], verdict: Option<&Verdict>) -> Option<Certificate> {
    let leaf = sent.first()?;
    let found = verdict.and_then(|verdict| verdict.chain().get(1));
    found.or_else(|| sent.iter().find(|other| other.subject() == leaf.issuer())).cloned()
}

impl Connection {
    fn of(observed: &Observed, messages: &[Message], issuer: Option<&Certificate>) -> Option<Self> {
        let peer = observed.driver.session().peer()?;
        let named = |name: &'static str| messages.iter().filter(move |m| m.name == name);
        let lifetime = named("NewSessionTicket").next().and_then(|ticket| {
            let lifetime = ticket.fields.iter().find(|(name, _)| name == "lifetime");
            lifetime.map(|(_, value)| value.clone())
        });
        let asked = named("CertificateRequest").next();
        Some(Self {
            protocol: peer.protocol().name(),
            cipher: peer.cipher().iana_name(),
            group: peer.group().map(|group| group.openssl_name()),
            alpn: peer.alpn().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
            ocsp_staple_bytes: peer.ocsp_response().map(<[u8]>::len),
            ocsp: peer
                .ocsp_response()
                .zip(peer.certificate())
                .map(|(response, leaf)| Staple::of(response, leaf, issuer, clock::now())),
            tickets: named("NewSessionTicket").count(),
            ticket_lifetime: lifetime,
            client_certificate_wanted: asked.map(|asked| asked.says.clone()),
        })
    }
}

impl Broken {
    fn of(error: &Error, messages: &[Message]) -> Self {
        let asked = messages.iter().any(|m| m.name == "CertificateRequest");
        let advice = match crate::say::advice::for_failure(error, None) {
            // Before TLS 1.3, servers have no alert of their own for a certificate that is missing.
            None if asked && error.alert().is_some() => Some(
                "it asked for a client certificate: give one with --cert and --key, or --pfx"
                    .to_owned(),
            ),
            advice => advice,
        };
        let reason = match error {
            Error::Io(io) if io.kind() == ErrorKind::ConnectionReset => {
                "the server broke the connection off in the middle of the handshake".to_owned()
            }
            other => other.to_string(),
        };
        Self { code: error.code(), reason, advice }
    }
}

impl Host {
    fn is_well(&self) -> bool {
        self.failure.is_none()
            && self.trust.as_ref().is_some_and(Trust::is_trusted)
            && self.staple().is_none_or(Staple::is_well)
            && self.compliance.as_ref().is_none_or(Compliance::passes)
    }

    fn staple(&self) -> Option<&Staple> {
        self.connection.as_ref().and_then(|connection| connection.ocsp.as_ref())
    }

    /// The lines about the connection.
    fn summary(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: String| {
            text += &format!("  {label:<10} {value}\n");
        };
        if let Some(broken) = &self.failure {
            let advice = broken
                .advice
                .as_ref()
                .map_or_else(String::new, |advice| format!(" ({})", Foreign::new(advice)));
            line("failed", format!("{} [{}]{advice}", broken.reason, broken.code));
        }
        if let Some(connection) = &self.connection {
            let group = connection.group.map_or_else(String::new, |group| format!(", {group}"));
            line("speaks", format!("{}, {}{group}", connection.protocol, connection.cipher));
            line("ALPN", connection.alpn.clone().unwrap_or_else(|| "none".to_owned()));
            line(
                "OCSP",
                match &connection.ocsp {
                    Some(staple) => staple.to_string(),
                    None => "no response stapled".to_owned(),
                },
            );
            line(
                "tickets",
                match (&connection.ticket_lifetime, connection.tickets) {
                    (_, 0) => "none seen".to_owned(),
                    (Some(lifetime), n) => format!("{n}, for {lifetime}"),
                    (None, n) => n.to_string(),
                },
            );
            if let Some(wanted) = &connection.client_certificate_wanted {
                line("asks", wanted.clone());
            }
        }
        let handshake = self.times.handshake_ms.map_or_else(String::new, |done| {
            format!(", handshake {:.1} ms more", done - self.times.reached_ms)
        });
        line("time", format!("reached in {:.1} ms{handshake}", self.times.reached_ms));
        text
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}), asked for {}", self.target, self.address, self.server_name)?;
        f.write_str(&self.summary())?;
        if let Some(story) = &self.handshake {
            write!(f, "\n{story}")?;
        }
        if let Some(trust) = &self.trust {
            write!(f, "\n{trust}\n")?;
        }
        if let Some(card) = &self.certificate {
            write!(f, "\nits certificate\n{card}")?;
        }
        if let Some(scan) = &self.scan {
            write!(f, "\nwhat it accepts\n{scan}")?;
        }
        if let Some(compliance) = &self.compliance {
            write!(f, "{compliance}")?;
        }
        Ok(())
    }
}
