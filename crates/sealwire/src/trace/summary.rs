//! The content of each message of a handshake, and its reason.

use sealwire_x509::{Certificate, Foreign};

use super::Sender;
use crate::pki::{KeyAlgorithm, Subject};
use crate::reading::{
    self, ClientHello, ECH, EchConfig, EchConfigList, Extensions, Fields, HandshakeMessage,
    ServerHello, hex, names,
};
use crate::words::Alert;

/// What the parts of a handshake so far mean for those to come.
#[derive(Default)]
pub(super) struct Context {
    pub(super) client_hello: Option<ClientHello>,
    pub(super) server_hello: Option<ServerHello>,
    pub(super) tls13: bool,
    /// Those of the server, as it sent them.
    pub(super) certificates: Vec<Certificate>,
    /// Those that the server gave, behind a hello with ECH that it could not decrypt.
    pub(super) ech_retry: Option<EchConfigList>,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// The summary of a message.
pub(super) struct MessageSummary {
    pub(super) name: String,
    pub(super) says: String,
    pub(super) why: Option<String>,
    pub(super) fields: Vec<(String, String)>,
}

impl MessageSummary {
    pub(super) fn new(name: impl Into<String>, says: impl Into<String>) -> Self {
        Self { name: name.into(), says: says.into(), why: None, fields: Vec::new() }
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }
}

/// Summarizes a handshake message; an unreadable one by its name alone.
pub(super) fn handshake(
    from: Sender,
    message: HandshakeMessage<'_>,
    context: &mut Context,
) -> MessageSummary {
    let (kind, content) = (message.kind, message.content());
    let summary = match kind {
        1 => client_hello(message.bytes, context),
        2 => server_hello(content, context),
        4 => ticket(content, context),
        8 => encrypted_extensions(content, context),
        11 => certificate(from, content, context),
        12 => server_key_exchange(content),
        13 => certificate_request(content, context),
        15 => certificate_verify(from, content),
        16 => Some(
            MessageSummary::new("ClientKeyExchange", format!("its key share, {} B", content.len()))
                .why("with the server's share it yields the shared secret, which no observer can compute"),
        ),
        14 => Some(MessageSummary::new("ServerHelloDone", "the end of the server's hello messages")),
        20 => Some(finished(from, context)),
        22 => reading::ocsp_response(content).map(|response| {
            MessageSummary::new("CertificateStatus", ocsp(response))
                .why("stapled, so that the client need not query the CA's OCSP responder")
        }),
        24 => Some(MessageSummary::new("KeyUpdate", "new keys for what comes")),
        _ => None,
    };
    summary.unwrap_or_else(|| MessageSummary::new(names::message(kind), "cannot be read"))
}

fn client_hello(message: &[u8], context: &mut Context) -> Option<MessageSummary> {
    let hello = ClientHello::parse(message)?;
    let again = context.client_hello.is_some();
    let versions = match hello.supported_versions() {
        [] => names::version(hello.newest_version()).into_owned(),
        offered => listed(offered.iter().map(|v| names::version(*v))),
    };
    let key_shares = hello.key_shares();
    let shares = listed(key_shares.iter().map(|(g, len)| format!("{} {len} B", names::group(*g))));
    let says = if again {
        format!("again, with the requested share: {shares}")
    } else {
        format!(
            "offers {versions}; {} suites; {} groups, shares of {shares}",
            hello.cipher_suites().len(),
            hello.named_groups().len()
        )
    };
    let name = hello.server_name_bytes().map(|name| Foreign::new(name).to_string());
    let extensions = hello.extensions();
    let mut summary = MessageSummary::new("ClientHello", says)
        .field("versions", versions)
        .field("name (SNI)", name.unwrap_or_else(|| "none".to_owned()))
        .field("protocols (ALPN)", Foreign::list(hello.alpn()))
        .field("cipher suites", listed(hello.cipher_suites().iter().map(|s| names::suite(*s))))
        .field("groups", listed(hello.named_groups().iter().map(|g| names::group(*g))))
        .field("key shares", shares)
        .field(
            "signature schemes",
            listed(hello.signature_schemes().iter().map(|s| names::signature_scheme(*s))),
        )
        .field(
            "extensions",
            listed(extensions.map(|(e, body)| format!("{} {} B", names::extension(e), body.len()))),
        );
    if !again {
        summary = summary.why(if key_shares.is_empty() {
            "in plaintext: no keys exist yet"
        } else {
            "in plaintext: no keys exist yet. The shares are guesses which group the server takes; \
             a right guess saves a round trip"
        });
    }
    context.client_hello = Some(hello);
    Some(summary)
}

fn server_hello(content: &[u8], context: &mut Context) -> Option<MessageSummary> {
    let hello = ServerHello::parse(content)?;
    let version = names::version(hello.version);
    let group = hello.group.map(|group| names::group(group).into_owned());
    context.tls13 = hello.version == 0x0304;
    let summary = if hello.is_retry {
        let group = group.clone().unwrap_or_else(|| "a cookie".to_owned());
        MessageSummary::new("HelloRetryRequest", format!("requests a share of {group}"))
            .why("the server accepts none of the shares sent: this costs one more round trip")
    } else {
        let with = group.as_ref().map_or_else(String::new, |group| format!(", {group}"));
        let chose = names::suite(hello.cipher_suite);
        MessageSummary::new("ServerHello", format!("chose {version}, {chose}{with}"))
            .why(why_chosen(&hello, context))
    };
    let summary = summary
        .field("version", version)
        .field("cipher suite", names::suite(hello.cipher_suite))
        .field("group", group.unwrap_or_default())
        .field("key share", format!("{} B", hello.key_share_bytes))
        .field("session id", hex(&hello.session_id))
        .field("random", hex(&hello.random))
        .field("extensions", listed(hello.extensions.iter().map(|e| names::extension(*e))));
    context.server_hello = Some(hello);
    Some(summary)
}

fn why_chosen(hello: &ServerHello, context: &Context) -> String {
    let offered = context.client_hello.as_ref();
    let rank = offered.and_then(|client| {
        // Suites of TLS 1.3 are not offered in TLS 1.2, and the other way round.
        let is13 = |suite: u16| suite >> 8 == 0x13;
        let mut real = client.cipher_suites().iter().filter(|suite| {
            !names::is_grease(**suite) && is13(**suite) == is13(hello.cipher_suite)
        });
        real.position(|suite| *suite == hello.cipher_suite)
    });
    let mut why = match rank {
        Some(0) => "the suite is our first".to_owned(),
        Some(n) => format!("the suite is our number {}: the server goes by its own order", n + 1),
        None => "a suite that we did not offer".to_owned(),
    };
    if let (Some(group), Some(client)) = (hello.group, offered) {
        why += match client.named_groups().iter().position(|offered| *offered == group) {
            Some(0) => "; the group is our first",
            Some(_) => {
                "; the group is not our first: the server does not have that, or prefers this"
            }
            None => "; the group was not offered",
        };
    }
    if hello.version == 0x0304 {
        why += ". From here on everything is encrypted";
    } else if hello.was_downgraded() {
        why += ". Its random says that it supports a newer version: possible tampering";
    }
    why
}

fn encrypted_extensions(content: &[u8], context: &mut Context) -> Option<MessageSummary> {
    let list = Extensions::of(Fields(content).vector16()?);
    let alpn = list.get(16).and_then(|body| {
        let mut protocols = Fields(Fields(body).vector16()?);
        Some(Foreign::new(protocols.vector8()?).to_string())
    });
    let kinds = listed(list.map(|(kind, _)| names::extension(kind)));
    // The retry configurations that a server sends when it cannot decrypt the inner hello (RFC 9849, section 5).
    let retry = list.get(ECH).and_then(|body| EchConfigList::from_bytes(body).ok());
    let outer = retry.as_ref().map(|retry| listed(retry.configs().iter().map(outer_name)));
    context.ech_retry = retry;
    let says = match (&alpn, kinds.is_empty()) {
        (Some(protocol), _) => format!("ALPN {protocol}"),
        (None, true) => "nothing".to_owned(),
        (None, false) => kinds.clone(),
    };
    Some(
        MessageSummary::new("EncryptedExtensions", says)
            .why("extensions that no observer needs to see")
            .field("extensions", kinds)
            .field("protocol (ALPN)", alpn.unwrap_or_default())
            .field("ECH configurations", outer.unwrap_or_default()),
    )
}

fn outer_name(config: &EchConfig) -> String {
    match &config.contents {
        Some(contents) => Foreign::new(&contents.public_name).to_string(),
        None => format!("of version {:#06x}", config.version),
    }
}

fn certificate(from: Sender, content: &[u8], context: &mut Context) -> Option<MessageSummary> {
    let entries = reading::certificates(content, context.tls13)?;
    let certificates: Vec<Certificate> =
        entries.iter().filter_map(|entry| Certificate::from_der(entry.der).ok()).collect();
    if from == Sender::Server {
        context.certificates = certificates.clone();
    }
    let Some(leaf) = certificates.first() else {
        let summary = MessageSummary::new(
            "Certificate",
            "empty: the client has no certificate, or sends none",
        );
        return Some(summary.why("whether that is acceptable is up to the server"));
    };
    let left = match leaf.not_after().saturating_sub(context.now).div_euclid(86_400) {
        days if days < 0 => "expired".to_owned(),
        0 => "ends today".to_owned(),
        days => format!("{days} days left"),
    };
    let key = KeyAlgorithm::of_spki(&leaf.spki_der())
        .map_or_else(|_| "a key of unknown kind".to_owned(), |kind| kind.to_string());
    let count = match certificates.len() {
        1 => "sent alone".to_owned(),
        n => format!("{n} certificates"),
    };
    let root = match certificates.last() {
        Some(last) if certificates.len() > 1 && last.is_self_signed() => {
            "; the root is among them, which no client needs"
        }
        _ => "",
    };
    let who = if from == Sender::Server { "the server" } else { "the client" };
    let mut summary = MessageSummary::new(
        "Certificate",
        format!("{}: {key}, {left}, {count}{root}", leaf.subject()),
    )
    .why(format!("the identity that {who} claims; anyone can send this, the proof follows"));
    for (i, certificate) in certificates.iter().enumerate() {
        let line = format!("{} by {}", certificate.subject(), certificate.issuer());
        summary = summary.field(&format!("certificate {}", i + 1), line);
    }
    for (i, response) in entries.iter().map(|entry| entry.ocsp).enumerate() {
        if let Some(response) = response {
            summary = summary.field(&format!("stapled to {}", i + 1), ocsp(response));
        }
    }
    Some(summary)
}

fn ocsp(response: &[u8]) -> String {
    format!("an OCSP response, {} B", response.len())
}

fn certificate_request(content: &[u8], context: &Context) -> Option<MessageSummary> {
    let mut fields = Fields(content);
    let authorities = if context.tls13 {
        fields.vector8()?;
        Extensions::of(fields.vector16()?).get(47).and_then(|body| Fields(body).vector16())
    } else {
        fields.vector8()?;
        fields.vector16()?;
        fields.vector16()
    };
    let mut list = Fields(authorities.unwrap_or_default());
    let mut names = Vec::new();
    while !list.is_empty() {
        let name = Subject::from_der(list.vector16()?).map(|name| name.to_openssl());
        names.push(name.unwrap_or_else(|_| "(an unreadable name)".to_owned()));
    }
    let says = match names.len() {
        0 => "requests a client certificate, of any CA".to_owned(),
        1 => "requests a client certificate, of one CA".to_owned(),
        n => format!("requests a client certificate, of one of {n} CAs"),
    };
    let mut summary = MessageSummary::new("CertificateRequest", says)
        .why("mutual TLS: the client must authenticate");
    for name in names {
        summary = summary.field("CA", Foreign::new(&name).to_string());
    }
    Some(summary)
}

fn certificate_verify(from: Sender, content: &[u8]) -> Option<MessageSummary> {
    let mut fields = Fields(content);
    let scheme = names::signature_scheme(fields.u16()?);
    let length = fields.vector16()?.len();
    let who = if from == Sender::Server { "the server" } else { "the client" };
    Some(
        MessageSummary::new("CertificateVerify", format!("{scheme}, {length} B"))
            .why(format!("proves that {who} holds the certificate's key: it signed this handshake"))
            .field("scheme", scheme),
    )
}

fn server_key_exchange(content: &[u8]) -> Option<MessageSummary> {
    let mut fields = Fields(content);
    let curve_kind = fields.u8()?;
    let group = match curve_kind {
        3 => names::group(fields.u16()?),
        _ => "a group of its own".into(),
    };
    let share = fields.vector8()?.len();
    let scheme = fields.u16().map(names::signature_scheme);
    Some(
        MessageSummary::new("ServerKeyExchange", format!("a share of {group}, {share} B"))
            .why("signed with the certificate's key: it is the server's, and of this handshake")
            .field("group", group)
            .field("signature scheme", scheme.unwrap_or_default()),
    )
}

fn finished(from: Sender, context: &Context) -> MessageSummary {
    let summary = MessageSummary::new("Finished", "a MAC over the whole handshake so far");
    match (from, context.tls13) {
        (Sender::Server, _) => summary.why("detects any change to the bytes of the handshake"),
        (Sender::Client, true) => summary.why("from here on the client may send data"),
        (Sender::Client, false) => summary,
    }
}

fn ticket(content: &[u8], context: &Context) -> Option<MessageSummary> {
    let mut fields = Fields(content);
    let lifetime = fields.u32()?;
    let bytes = if context.tls13 {
        fields.u32()?; // age_add
        fields.vector8()?; // nonce
        fields.vector16()?.len()
    } else {
        fields.vector16()?.len()
    };
    Some(
        MessageSummary::new(
            "NewSessionTicket",
            format!("resumption for {lifetime} s, a ticket of {bytes} B"),
        )
        .why("presented next time, it shortens the handshake")
        .field("lifetime", format!("{lifetime} s")),
    )
}

pub(super) fn change_cipher_spec(tls13: bool) -> MessageSummary {
    if tls13 {
        MessageSummary::new("ChangeCipherSpec", "means nothing in TLS 1.3")
            .why("sent so that old middleboxes take it for TLS 1.2")
    } else {
        MessageSummary::new("ChangeCipherSpec", "from here on it is encrypted")
    }
}

pub(super) fn alert(from: Sender, content: &[u8]) -> MessageSummary {
    let [_, number] = content else { return MessageSummary::new("Alert", "cannot be read") };
    let alert = Alert::from_number(*number);
    let says = alert.to_string();
    let summary = MessageSummary::new("Alert", says);
    match (number, from) {
        (0, _) => summary.why("end of data: authenticated, so it cannot be forged"),
        (_, Sender::Server) => summary.why(alert.meaning()),
        (_, Sender::Client) => summary.why("tells the server why the client gives up"),
    }
}

/// A list in a line.
fn listed(names: impl IntoIterator<Item = impl Into<String>>) -> String {
    names.into_iter().map(Into::into).collect::<Vec<String>>().join(", ")
}
