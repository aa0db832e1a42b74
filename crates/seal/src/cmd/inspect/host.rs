//! A server: its certificates, the verdict on them, what it supports, and its handshake.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use sealwire::pki::Certificate;
use sealwire::session::CertificateRequest;
use sealwire::trace::Message;
use sealwire::verify::Verdict;
use sealwire::{
    ClientOptions, Error, Foreign, PeerVerification, ProtocolVersion, SecureContext,
    SecureContextBuilder, ServerName, TrustStore,
};
use sealwire_files::{Access, Existing, write_file};
use serde::Serialize;

use super::InspectArgs;
use crate::files::material::public_roots;
use crate::files::upki;
use crate::inspect::ech::{self, EchSeen};
use crate::inspect::observed::{self, Observed};
use crate::inspect::obstacle::{self, Obstacle};
use crate::inspect::posture::Posture;
use crate::inspect::scan::{self, Compliance, Scan};
use crate::inspect::staple::Staple;
use crate::net::dial::Reached;
use crate::net::target::Target;
use crate::say::advice;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card::Card;
use crate::view::checked::{Checked, Finding, Level};
use crate::view::handshake_page;
use crate::view::trace::{Trace, milliseconds};
use crate::view::trust::Trust;
use crate::words::clock;

/// Everything that was found out about a server.
#[derive(Serialize)]
struct Host {
    target: String,
    address: SocketAddr,
    server_name: String,
    connection: Option<Connection>,
    /// What speaks against ours: that the server named other CAs, or why it refused it after the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    our_certificate: Option<String>,
    /// Why the handshake failed, when it did.
    failure: Option<Broken>,
    trust: Option<Trust>,
    certificate: Option<Card>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Trace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ech: Option<EchSeen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<Scan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<Compliance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posture: Option<Posture>,
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
    /// What stands in the way, where it ended without a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<Obstacle>,
}

/// Milliseconds from the beginning.
#[derive(Serialize)]
struct Times {
    reached_ms: f64,
    handshake_ms: Option<f64>,
}

pub(super) async fn inspect(
    args: &InspectArgs,
    target: &Target,
    checked: &mut Vec<Checked>,
) -> Result<Answer, Failure> {
    let name: ServerName = match &args.servername {
        Some(name) => name.clone(),
        None => target.host.parse().map_err(|e| Failure::usage(format!("{e}")))?,
    };
    args.legacy.warn();
    let trust = match args.material.trust()? {
        Some(trust) => upki::refusing_revoked(trust),
        None => public_roots(),
    };
    let context = settings(args, &trust)?.build().map_err(|e| Failure::usage(e.to_string()))?;
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
    let obstacle = obstacle(args, target, &name, &options, &trust, &observed).await?;
    let trace = observed.trace();
    let leaf = trace.certificates().first().cloned();
    let scan = if args.scan || args.profile.is_some() {
        let sni = name.ip().is_none().then(|| name.as_str());
        let spoken = observed.driver.session().peer().map(|peer| match peer.protocol() {
            ProtocolVersion::Tls10 => 0x0301,
            ProtocolVersion::Tls11 => 0x0302,
            ProtocolVersion::Tls12 => 0x0303,
            _ => 0x0304,
        });
        Some(scan::scan(&args.route, target, name.as_str(), sni, spoken).await?)
    } else {
        None
    };
    let ech = match args.ech || args.scan {
        true if observed.outcome.is_ok() => {
            Some(ech::ask(&args.route, target, name.as_str(), &context, &options).await)
        }
        _ => None,
    };
    let posture = match args.posture {
        true => {
            let sni = name.ip().is_none().then(|| name.as_str());
            let (route, starttls) = (&args.route, args.route.starttls);
            let asked = scan::ask_groups(route, target, starttls, name.as_str(), sni).await?;
            let sent = trace.certificates();
            Some(Posture::of(&observed, trace.messages(), sent, Some(asked)))
        }
        false => None,
    };
    let compliance = args.profile.zip(scan.as_ref()).map(|(p, scan)| p.check(scan, leaf.as_ref()));
    let sent = trace.certificates();
    let verdict =
        (!sent.is_empty()).then(|| super::verdict(sent, &trust, Some(&name), args.name_rules));
    let issuer = issuer(trace.certificates(), verdict.as_ref());
    let mut host = Host {
        target: target.to_string(),
        address,
        server_name: name.to_string(),
        connection: Connection::of(&observed, trace.messages(), issuer.as_ref()),
        our_certificate: observed.request.as_ref().and_then(CertificateRequest::mismatch).or_else(
            || {
                let error = observed.refusal.as_ref()?;
                error.own_certificate().map(|_| error.to_string())
            },
        ),
        failure: observed.outcome.as_ref().err().map(|error| Broken::of(error, obstacle)),
        trust: verdict.map(|verdict| {
            Trust::new(target.to_string(), &verdict, &trust, Some(&name))
                .with_public(upki::found().as_ref(), &verdict)
        }),
        certificate: leaf.as_ref().map(|leaf| Card::new(target.to_string(), leaf)),
        handshake: None,
        ech,
        scan,
        compliance,
        posture,
        times: Times {
            reached_ms: milliseconds(reached),
            handshake_ms: observed.outcome.as_ref().ok().map(|done| milliseconds(*done)),
        },
    };
    if let Some(path) = &args.html {
        let verdict = host.trust.as_ref().map_or_else(String::new, |trust| format!("\n{trust}"));
        let facts = format!("{}{verdict}", host.summary());
        let page = handshake_page::page(&host.target, facts.trim_end(), trace.messages());
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        write_file(path, page.as_bytes(), Access::Public, existing)?;
    }
    if args.explain {
        host.handshake = Some(Trace::of(trace.messages()));
    }
    checked.push(host.checked());
    if args.json && args.targets.len() > 1 {
        report::print_line(&host)?;
    } else if args.json {
        report::print(&host, true)?;
    } else {
        report::print_text(host.to_string().trim_end())?;
    }
    Ok(if host.is_well() { Answer::Yes } else { Answer::No })
}

fn settings(args: &InspectArgs, trust: &TrustStore) -> Result<SecureContextBuilder, Failure> {
    let builder = args.legacy.apply(SecureContext::builder()).trust(trust.clone());
    let mut builder = builder.own_crls(args.own_lists.read()?);
    for identity in args.material.identities()? {
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// The obstacle, where the handshake broke off without a reason.
async fn obstacle(
    args: &InspectArgs,
    target: &Target,
    name: &ServerName,
    options: &ClientOptions,
    trust: &TrustStore,
    observed: &Observed,
) -> Result<Option<Obstacle>, Failure> {
    let wants_certificate = |m: &Message| m.name == "CertificateRequest";
    match &observed.outcome {
        Err(error) if obstacle::is_unexplained(error) => {}
        _ => return Ok(None),
    }
    // A server that requests a certificate and then closes has seen our hello, and refuses us.
    if observed.trace().messages().iter().any(wants_certificate) {
        return Ok(None);
    }
    let broken = obstacle::Broken {
        route: &args.route,
        target,
        name,
        alpn: &protocols(args, target),
        may_be_postgres: is_postgres(args, target),
        options,
        settings: &|| settings(args, trust),
        observed,
    };
    obstacle::find(broken).await.map(Some)
}

/// What a browser would offer, where a browser would.
fn protocols(args: &InspectArgs, target: &Target) -> Vec<String> {
    match target.port {
        _ if !args.alpn.is_empty() || args.route.starttls.is_some() => args.alpn.clone(),
        443 => vec!["h2".to_owned(), "http/1.1".to_owned()],
        // Without, PostgreSQL completes the handshake and closes.
        POSTGRES => vec!["postgresql".to_owned()],
        _ => Vec::new(),
    }
}

const POSTGRES: u16 = 5432;

/// Whether TLS was begun at once where PostgreSQL usually is, without an option that asks for it.
fn is_postgres(args: &InspectArgs, target: &Target) -> bool {
    args.route.starttls.is_none() && args.alpn.is_empty() && target.port == POSTGRES
}

/// The issuer of the leaf: as the verdict found it, else as it was sent.
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
    fn of(error: &Error, obstacle: Option<Obstacle>) -> Self {
        let advice = advice::for_failure(error, None);
        let reason = match error {
            Error::Io(io) if io.kind() == ErrorKind::ConnectionReset => {
                "the server broke the connection off in the middle of the handshake".to_owned()
            }
            other => other.to_string(),
        };
        Self { code: error.code(), reason, advice, obstacle }
    }
}

impl Host {
    fn is_well(&self) -> bool {
        self.failure.is_none()
            && self.trust.as_ref().is_some_and(Trust::is_trusted)
            && self.staple().is_none_or(Staple::is_well)
            && self.compliance.as_ref().is_none_or(Compliance::passes)
    }

    /// What speaks against it.
    fn checked(&self) -> Checked {
        let (place, name) = (self.target.clone(), self.server_name.clone());
        let mut one = Checked { place, is_server: true, name, findings: Vec::new() };
        if let Some(broken) = &self.failure {
            let advice = broken.advice.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
            one.error(broken.code, format!("{}{advice}", broken.reason));
        }
        if let Some(trust) = &self.trust {
            one.findings.extend(trust.findings());
        }
        if let Some(staple) = self.staple().filter(|staple| !staple.is_well()) {
            one.error("OCSP_STAPLE", staple.to_string());
        }
        for reason in self.compliance.iter().flat_map(|compliance| &compliance.reasons) {
            one.findings.push(Finding {
                code: "PROFILE".to_owned(),
                level: Level::Warning,
                text: reason.clone(),
            });
        }
        one.findings.extend(self.posture.as_ref().and_then(Posture::finding));
        one
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
            for (label, told) in broken.obstacle.iter().flat_map(Obstacle::lines) {
                line(label, told);
            }
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
        if let Some(ech) = &self.ech {
            line("ECH", ech.to_string());
        }
        if let Some(ours) = &self.our_certificate {
            line("ours", Foreign::new(ours).to_string());
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
        if let Some(trace) = &self.handshake {
            write!(f, "\n{trace}")?;
        }
        if let Some(trust) = &self.trust {
            write!(f, "\n{trust}\n")?;
        }
        if let Some(card) = &self.certificate {
            write!(f, "\nits certificate\n{card}")?;
        }
        if let Some(EchSeen::Configurations(list)) = &self.ech {
            writeln!(f, "\nits configurations of Encrypted Client Hello\n{list}")?;
        }
        if let Some(scan) = &self.scan {
            let hellos = match self.failure.as_ref().and_then(|broken| broken.obstacle.as_ref()) {
                Some(_) => ", probed with short hellos (the full one did not get through)",
                None => "",
            };
            write!(f, "\nwhat it accepts{hellos}\n{scan}")?;
        }
        if let Some(compliance) = &self.compliance {
            write!(f, "{compliance}")?;
        }
        if let Some(posture) = &self.posture {
            write!(f, "\nagainst a quantum computer\n{posture}")?;
        }
        Ok(())
    }
}
