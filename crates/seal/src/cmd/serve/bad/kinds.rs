//! Every way in which a server can be bad here, by its name.

use std::fmt;
use std::str::FromStr;

use sealwire::Alert;

use super::certificates::Flaw;

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its certificates. The handshake itself is as it should be.
    Certificates(Flaw),
    /// It refuses clients that send no server name with this alert, or all of them.
    NoName(Alert),
    Alert(Alert),
    /// It offers only unknown protocols (ALPN).
    NoAlpn,
    /// It requires a client certificate.
    ClientCertificate,
    /// By the old-peer engine: nothing newer than TLS 1.0.
    Tls10,
    /// By the old-peer engine: RSA key exchange and nothing else.
    RsaKeyExchange,
    /// It says nothing at all.
    Silent,
    /// Its first message, and nothing behind it.
    StallsInHandshake,
    /// What a middlebox does that takes a ClientHello to be one packet.
    DropsBigHellos,
    ClosesAtOnce,
    ClosesAfterHello,
    Resets,
    PlainHttp,
    /// A record that is longer than any may be.
    LongRecord,
    /// Half an answer, and the end of the connection without `close_notify`.
    Truncates,
}

/// One kind of bad server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) fault: Fault,
}

const fn flaw(name: &'static str, flaw: Flaw, about: &'static str) -> Kind {
    Kind { name, about, fault: Fault::Certificates(flaw) }
}

const fn kind(name: &'static str, fault: Fault, about: &'static str) -> Kind {
    Kind { name, about, fault }
}

/// In the order in which `--bad list` shows them.
pub(super) const KINDS: &[Kind] = &[
    flaw("expired", Flaw::Expired, "the certificate expired a day ago"),
    flaw("not-yet-valid", Flaw::NotYetValid, "the certificate becomes valid in a month"),
    flaw("wrong-name", Flaw::WrongName, "the certificate is for wrong.example only"),
    flaw("no-names", Flaw::NoNames, "the certificate names its host in the common name only"),
    flaw("self-signed", Flaw::SelfSigned, "the certificate is self-signed"),
    flaw("unknown-ca", Flaw::UnknownCa, "the chain ends at an unknown root"),
    flaw("root-in-chain", Flaw::RootInChain, "the same, and the root is sent along"),
    flaw("missing-intermediate", Flaw::MissingIntermediate, "the intermediate is not sent"),
    flaw("expired-intermediate", Flaw::ExpiredIntermediate, "the intermediate expired a day ago"),
    flaw("not-a-ca", Flaw::NotACa, "the intermediate is not the certificate of a CA"),
    flaw("path-length", Flaw::PathLength, "an intermediate exceeds the path length of its issuer"),
    flaw(
        "name-constraints",
        Flaw::NameConstraints,
        "the intermediate may sign for permitted.example only",
    ),
    flaw("wrong-usage", Flaw::WrongUsage, "the certificate is for clients only (extendedKeyUsage)"),
    flaw(
        "unknown-critical",
        Flaw::UnknownCritical,
        "a critical extension that clients do not know (acmeIdentifier)",
    ),
    flaw(
        "bad-signature",
        Flaw::BadSignature,
        "the last bit of the certificate's signature is flipped",
    ),
    flaw("weak-key", Flaw::WeakKey, "the intermediate has an RSA key of 1024 bits"),
    flaw("sha1", Flaw::Sha1, "the certificate is signed with SHA-1"),
    flaw("revoked", Flaw::Revoked, "the certificate is revoked: crl.pem beside the root says so"),
    flaw(
        "no-staple",
        Flaw::NoStaple,
        "the certificate requires a stapled OCSP response, and none is sent",
    ),
    flaw("huge-certificate", Flaw::Huge, "certificates of 200,000 bytes"),
    kind(
        "no-sni",
        Fault::NoName(Alert::UNRECOGNIZED_NAME),
        "a client without a server name (SNI) gets the alert unrecognized_name",
    ),
    kind("no-alpn", Fault::NoAlpn, "no protocol in common (ALPN)"),
    kind("client-certificate", Fault::ClientCertificate, "requires a client certificate"),
    kind("tls-1.0", Fault::Tls10, "nothing newer than TLS 1.0; by the old-peer engine"),
    kind(
        "rsa-key-exchange",
        Fault::RsaKeyExchange,
        "TLS 1.2 with RSA key exchange only; by the old-peer engine",
    ),
    kind("silent", Fault::Silent, "accepts the connection and stays silent"),
    kind(
        "stalls",
        Fault::StallsInHandshake,
        "stops after its first record, in the middle of the handshake",
    ),
    kind(
        "drops-big-hellos",
        Fault::DropsBigHellos,
        "never answers a ClientHello of over 1,400 bytes, as some middleboxes",
    ),
    kind("closes", Fault::ClosesAtOnce, "closes before the ClientHello"),
    kind("closes-after-hello", Fault::ClosesAfterHello, "closes after the ClientHello"),
    kind("resets", Fault::Resets, "resets the connection after the ClientHello"),
    kind("plain-http", Fault::PlainHttp, "speaks HTTP without TLS"),
    kind("long-record", Fault::LongRecord, "answers with a record of 65,535 bytes"),
    kind("truncates", Fault::Truncates, "ends in the middle of its answer, without close_notify"),
];

/// What `--bad` was told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// To show what there is.
    List,
    One {
        name: &'static str,
        about: &'static str,
        fault: FaultOf,
    },
}

/// The fault, which only this folder looks into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultOf(pub(super) Fault);

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "list" {
            return Ok(Self::List);
        }
        if let Some(number) = text.strip_prefix("alert:") {
            let number = number.parse().map_err(|_| {
                format!("{number:?} is not the number of an alert, which goes from 0 to 255")
            })?;
            let fault = FaultOf(Fault::Alert(Alert::from_number(number)));
            return Ok(Self::One { name: "alert", about: ALERT, fault });
        }
        let found = KINDS.iter().find(|kind| kind.name == text);
        let Kind { name, about, fault } =
            found.ok_or_else(|| "unknown kind: `seal serve --bad list` shows them".to_owned())?;
        Ok(Self::One { name, about, fault: FaultOf(*fault) })
    }
}

const ALERT: &str = "answers the ClientHello with this fatal alert, by its number";

/// All kinds, as `--bad list` prints them.
#[derive(serde::Serialize)]
pub(super) struct List {
    kinds: Vec<Line>,
}

#[derive(serde::Serialize)]
struct Line {
    name: &'static str,
    about: &'static str,
}

impl List {
    pub(super) fn new() -> Self {
        let line = |kind: &Kind| Line { name: kind.name, about: kind.about };
        let alert = Line { name: "alert:NUMBER", about: ALERT };
        Self { kinds: KINDS.iter().map(line).chain([alert]).collect() }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Line { name, about }) in self.kinds.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{name:<22}{about}")?;
        }
        Ok(())
    }
}
