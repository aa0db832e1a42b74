//! What is known of a connection, as one value for people and for machines.

use std::fmt::{self, Display};

use sealwire::pki::{Certificate, spki_pin};
use sealwire::verify::{PublicRevocations, Refusal};
use sealwire::{EchStatus, Foreign, Peer};
use serde::Serialize;

use super::public_web::OnPublicWeb;
use crate::say::advice;
use crate::words::clock;

/// Which side the peer is on: it decides what its certificate must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Server,
    Client,
}

/// A connection after its handshake.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    pub(crate) protocol: &'static str,
    pub(crate) cipher: &'static str,
    pub(crate) group: Option<&'static str>,
    pub(crate) alpn: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) resumed: bool,
    /// `accepted` or `grease`; what is not taken is an error.
    pub(crate) ech: Option<&'static str>,
    /// The public name, sent in plaintext, where ECH hid another.
    pub(crate) ech_public_name: Option<String>,
    pub(crate) peer: Side,
    pub(crate) peer_certificate: Option<Brief>,
    /// What `--pin` takes to accept exactly the peer's key.
    pub(crate) peer_pin: Option<String>,
    pub(crate) own_certificate: Option<Brief>,
    pub(crate) authorized: bool,
    pub(crate) authorization_error: Option<Reason>,
    /// What upki's data say of the peer's certificate, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_revocation: Option<OnPublicWeb>,
}

/// A certificate in a few words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Brief {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) self_signed: bool,
    pub(crate) version: u8,
    pub(crate) serial: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// Why a peer is not authorized: OpenSSL's code, the facts, and what can be done.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) evidence: String,
    pub(crate) advice: Option<&'static str>,
    /// Every error that was met, in order; the last one is the one above.
    pub(crate) all: Vec<String>,
}

impl Facts {
    pub(crate) fn of(peer: &Peer, side: Side, own: Option<&Certificate>) -> Self {
        Self {
            protocol: peer.protocol().name(),
            cipher: peer.cipher().iana_name(),
            group: peer.group().map(|group| group.openssl_name()),
            alpn: peer.alpn().map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name: peer.server_name().map(str::to_owned),
            resumed: peer.is_resumed(),
            ech: match peer.ech() {
                EchStatus::Accepted { .. } => Some("accepted"),
                EchStatus::Grease => Some("grease"),
                _ => None,
            },
            ech_public_name: match peer.ech() {
                EchStatus::Accepted { public_name } => Some(public_name.to_string()),
                _ => None,
            },
            peer: side,
            peer_certificate: peer.certificate().map(Brief::of),
            peer_pin: peer
                .certificate()
                .map(|leaf| format!("sha256//{}", spki_pin(&leaf.spki_der()))),
            own_certificate: own.map(Brief::of),
            authorized: peer.authorized(),
            authorization_error: peer.authorization_error().map(Reason::of),
            public_revocation: None,
        }
    }

    /// With what upki's data say of the certificate of a server.
    pub(crate) fn with_public(self, data: Option<&PublicRevocations>, peer: &Peer) -> Self {
        let public_revocation = data.and_then(|data| OnPublicWeb::of(data, peer.verified_chain()));
        Self { public_revocation, ..self }
    }
}

impl Facts {
    /// The facts as environment variables for a program that serves the connection, as inetd and
    /// ucspi-ssl do it. `peer` is the variable for the peer's address.
    pub(crate) fn as_environment(
        &self,
        peer: &'static str,
        address: &str,
    ) -> Vec<(&'static str, String)> {
        let subject = self.peer_certificate.as_ref().map(|card| card.subject.clone());
        let (subject_of, authorized) = match self.peer {
            Side::Server => ("SEAL_SERVER_SUBJECT", self.authorized),
            Side::Client => ("SEAL_CLIENT_SUBJECT", self.authorized),
        };
        vec![
            (peer, address.to_owned()),
            ("SEAL_PROTOCOL", self.protocol.to_owned()),
            ("SEAL_CIPHER", self.cipher.to_owned()),
            ("SEAL_ALPN", self.alpn.clone().unwrap_or_default()),
            ("SEAL_SERVER_NAME", self.server_name.clone().unwrap_or_default()),
            ("SEAL_AUTHORIZED", u8::from(authorized).to_string()),
            (subject_of, subject.unwrap_or_default()),
        ]
    }
}

impl Brief {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            self_signed: certificate.is_self_signed(),
            version: certificate.version(),
            serial: certificate.serial_hex(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        }
    }
}

impl Reason {
    pub(crate) fn of(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code().name(),
            evidence: refusal.evidence().to_owned(),
            advice: advice::for_code(refusal.code().name()),
            all: refusal.findings().iter().map(ToString::to_string).collect(),
        }
    }
}

impl Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |label: &str, value: &dyn Display| {
            writeln!(f, "  {label:<12}{}", Foreign::new(&value.to_string()))
        };
        line("protocol", &self.protocol)?;
        line("cipher", &self.cipher)?;
        if let Some(group) = self.group {
            line("group", &group)?;
        }
        if let Some(name) = &self.server_name {
            line("asked for", name)?;
        }
        if let Some(alpn) = &self.alpn {
            line("ALPN", alpn)?;
        }
        if self.resumed {
            line("resumed", &"yes")?;
        }
        match (self.ech, &self.ech_public_name) {
            (Some(_), Some(name)) => line("ECH", &format!("accepted; visible name {name}"))?,
            (Some(_), None) => line("ECH", &"GREASE: no name was hidden")?,
            (None, _) => {}
        }
        let label = match self.peer {
            Side::Server => "server",
            Side::Client => "client",
        };
        match &self.peer_certificate {
            Some(card) => line(label, card)?,
            None => line(label, &"no certificate")?,
        }
        if let Some(card) = &self.own_certificate {
            line("we are", card)?;
        }
        // For users who identify the peer by its key, without a CA.
        if let (Some(pin), Some(_), Side::Server) =
            (&self.peer_pin, &self.authorization_error, self.peer)
        {
            line("its pin", pin)?;
        }
        if let Some(said) = &self.public_revocation {
            line("revocation", &format!("on the public web {said}"))?;
        }
        match &self.authorization_error {
            None if self.authorized => write!(f, "  {:<12}yes", "authorized"),
            None => write!(f, "  {:<12}no, not requested", "authorized"),
            Some(reason) => write!(f, "  {:<12}no, {reason}", "authorized"),
        }
    }
}

impl Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.subject)?;
        if self.self_signed {
            f.write_str("self-signed")?;
        } else {
            write!(f, "by {}", self.issuer)?;
        }
        if self.version < 3 {
            write!(f, ", X.509 v{}", self.version)?;
        }
        write!(f, ", {})", clock::left(self.not_before, self.not_after))
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, Foreign::new(&self.evidence))?;
        match self.advice {
            Some(advice) => write!(f, " ({advice})"),
            None => Ok(()),
        }
    }
}
