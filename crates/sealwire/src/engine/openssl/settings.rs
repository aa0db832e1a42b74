//! The settings of a context that speaks with old peers, as OpenSSL wants them.

use std::sync::{Arc, OnceLock};

use sealwire_openssl::{
    Connection, Context, ContextBuilder, Credential as Ready, DhParameters, Failure as Told, Role,
    Source,
};

use super::failure::internal;
use super::handshake::{Beginning, Handshake};
use super::psk::Watch;
use crate::engine::choose::{self, Keys, Repertoire, Which};
use crate::engine::{Credential, Engine, Failure, Order};
use crate::reading::ClientHello;
use crate::words::{
    CipherSuite, ClientAuth, ConfigError, Dh, Legacy, OpensslSource, ProtocolLevel,
    ProtocolVersion, ServerName, SignatureScheme, TimeSource, groups, scheme_list,
};

/// What a context is to speak with old peers.
pub(crate) struct Wishes {
    pub(crate) legacy: Legacy,
    pub(crate) ours: Repertoire,
    /// The groups in OpenSSL's words, where they were given so.
    pub(crate) groups: Option<String>,
    pub(crate) level: u8,
    pub(crate) time: Arc<dyn TimeSource>,
    pub(crate) credentials: Vec<Credential>,
    /// Whether clients may keep sessions.
    pub(crate) tickets: bool,
}

/// The same, ready.
pub(crate) struct Old {
    library: sealwire_openssl::Library,
    wishes: Wishes,
    dh: Option<DhParameters>,
    client: Context,
    /// One for each [`ClientAuth`], made when first needed.
    servers: [OnceLock<Result<Context, Told>>; 3],
}

/// How one connection is served.
pub(crate) struct OldService<'a> {
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: &'a [Vec<u8>],
    /// The CAs whose certificates are welcome, by the DER of their names.
    pub(crate) named: Vec<Vec<u8>>,
    /// Who is shown in place of the context's own.
    pub(crate) others: Option<Vec<Credential>>,
    pub(crate) hello: &'a ClientHello,
}

const OPTION: &str = "legacy";

/// The library that is called in the words of a program's wish.
fn library(source: OpensslSource) -> Result<sealwire_openssl::Library, ConfigError> {
    let source = match source {
        OpensslSource::System => Source::System,
        OpensslSource::Host => Source::Host,
    };
    source.library().map_err(|unavailable| {
        let what = "old peers need OpenSSL 3 or 4, which is not there";
        ConfigError::new(OPTION, format!("{what}: {unavailable}"))
    })
}

impl OpensslSource {
    /// Whether there is an OpenSSL.
    ///
    /// # Errors
    /// Why there is none.
    pub fn check(self) -> Result<(), ConfigError> {
        library(self).map(drop)
    }

    /// How long the prime of these parameters for DHE (PEM) is, in bits.
    ///
    /// # Errors
    /// When there is no OpenSSL, or it cannot read them.
    pub fn dh_bits(self, pem: &[u8]) -> Result<u32, ConfigError> {
        DhParameters::from_pem(library(self)?, pem)
            .map(|parameters| parameters.bits())
            .map_err(|failure| dh_error(&failure))
    }
}

fn dh_error(failure: &Told) -> ConfigError {
    ConfigError::new(OPTION, format!("the parameters for DHE cannot be read: {failure}"))
}

impl Old {
    /// # Errors
    /// When there is no OpenSSL, or it cannot do what is wished.
    pub(crate) fn new(wishes: Wishes) -> Result<Self, ConfigError> {
        let library = library(wishes.legacy.source)?;
        let told = |what: &str, told: &Told| ConfigError::new(OPTION, format!("{what}: {told}"));
        let dh = match &wishes.legacy.dh {
            Dh::Pem(pem) => DhParameters::from_pem(library, pem).map(Some),
            Dh::None | Dh::Auto => Ok(None),
        };
        let dh = dh.map_err(|failure| dh_error(&failure))?;
        if let Some(groups) = &wishes.groups {
            let known = ContextBuilder::new(library, Role::Client).and_then(|b| b.groups(groups));
            known.map_err(|_| {
                ConfigError::new(
                    "groups",
                    format!("{groups:?} has a name that OpenSSL does not know"),
                )
            })?;
        }
        let client = of_client(library, &wishes)
            .map_err(|failure| told("OpenSSL does not take the settings", &failure))?;
        let servers = [const { OnceLock::new() }; 3];
        Ok(Self { library, wishes, dh, client, servers })
    }

    /// Whether the connections of clients are its own.
    pub(crate) fn speaks_as_client(&self) -> bool {
        self.wishes.legacy.every_connection || choose::as_client(&self.wishes.ours) == Which::Second
    }

    /// Whether the connection with this client is its own. `others` are shown in place of our
    /// credentials, if there are any.
    pub(crate) fn speaks_with(&self, hello: &ClientHello, others: Option<&[Credential]>) -> bool {
        let shown = others.unwrap_or(&self.wishes.credentials);
        let rsa = shown.iter().any(Credential::is_rsa);
        let other = shown.iter().any(|one| !one.is_rsa());
        self.wishes.legacy.every_connection
            || choose::as_server(&self.wishes.ours, hello, Keys { rsa, other }) == Which::Second
    }

    /// A client's engine. Its hello is in the first output.
    pub(crate) fn client(
        &self,
        name: &ServerName,
        alpn: &[Vec<u8>],
        send_sni: bool,
    ) -> Result<Box<dyn Engine>, Failure> {
        let ready = || {
            let mut connection = self.connection(&self.client)?;
            if send_sni && name.ip().is_none() {
                connection.server_name(name.for_sni())?;
            }
            if !alpn.is_empty() {
                connection.offer_alpn(&written(alpn))?;
            }
            connection.request_ocsp();
            Ok(connection)
        };
        let connection = ready().map_err(internal)?;
        let tls13 = self.wishes.ours.newest == ProtocolVersion::Tls13;
        let psk = self.wishes.legacy.psk.then(|| Watch::of_client(tls13));
        Ok(self.begin(connection, Vec::new(), psk, self.wishes.credentials.clone(), false))
    }

    /// A server's engine.
    pub(crate) fn server(&self, service: OldService<'_>) -> Result<Box<dyn Engine>, Failure> {
        let OldService { client_auth, alpn, named, others, hello } = service;
        let own = others.is_none() && alpn.is_empty();
        let credentials = others.unwrap_or_else(|| self.wishes.credentials.clone());
        let context = if own {
            let make = || self.of_server(client_auth, &named, &credentials, false);
            self.servers[client_auth as usize].get_or_init(make).clone()
        } else {
            self.of_server(client_auth, &named, &credentials, !alpn.is_empty())
        };
        let connection = context.and_then(|context| self.connection(&context)).map_err(internal)?;
        let psk = self.wishes.legacy.psk.then(|| Watch::of_server(hello));
        Ok(self.begin(connection, alpn.to_vec(), psk, credentials, true))
    }

    fn connection(&self, context: &Context) -> Result<Connection, Told> {
        Connection::new(context, self.wishes.legacy.renegotiation)
    }

    fn begin(
        &self,
        connection: Connection,
        alpn: Vec<Vec<u8>>,
        psk: Option<Watch>,
        credentials: Vec<Credential>,
        is_server: bool,
    ) -> Box<dyn Engine> {
        Box::new(Handshake::new(Beginning {
            connection,
            is_server,
            alpn,
            time: self.wishes.time.clone(),
            credentials,
            renegotiable: self.wishes.legacy.renegotiation,
            psk,
        }))
    }

    fn of_server(
        &self,
        client_auth: ClientAuth,
        named: &[Vec<u8>],
        credentials: &[Credential],
        alpn: bool,
    ) -> Result<Context, Told> {
        let mut builder = common(self.library, Role::Server, &self.wishes)?
            .prefer_server_order(self.wishes.ours.order == Order::Ours);
        builder = match (&self.wishes.legacy.dh, &self.dh) {
            (_, Some(parameters)) => builder.dh(parameters)?,
            (Dh::Auto, None) => builder.dh_auto()?,
            (_, None) => builder,
        };
        for credential in credentials {
            builder = builder.credential(&ready(self.library, credential)?)?;
        }
        if client_auth != ClientAuth::None {
            builder = builder.ask_for_certificate(client_auth == ClientAuth::Require, named)?;
        }
        // A ticket would hold the client's leaf without its chain, and that is judged again each time.
        if client_auth != ClientAuth::None || !self.wishes.tickets {
            builder = builder.no_tickets();
        }
        if alpn {
            builder = builder.select_alpn();
        }
        if self.wishes.legacy.psk {
            builder = builder.psk(self.wishes.legacy.psk_hint.as_deref())?;
        }
        Ok(builder.build())
    }
}

fn of_client(library: sealwire_openssl::Library, wishes: &Wishes) -> Result<Context, Told> {
    let mut builder = common(library, Role::Client, wishes)?.ask_for_certificate(false, &[])?;
    for credential in &wishes.credentials {
        builder = builder.credential(&ready(library, credential)?)?;
    }
    if wishes.legacy.psk {
        builder = builder.psk(None)?;
    }
    Ok(builder.build())
}

/// What clients and servers have in common.
fn common(
    library: sealwire_openssl::Library,
    role: Role,
    wishes: &Wishes,
) -> Result<ContextBuilder, Told> {
    let Repertoire { oldest, newest, suites, groups, schemes, .. } = &wishes.ours;
    let level = match wishes.legacy.level {
        ProtocolLevel::Given(level) => level,
        ProtocolLevel::Possible if *oldest < ProtocolVersion::Tls12 => 0,
        ProtocolLevel::Possible | ProtocolLevel::OfContext => wishes.level,
    };
    let is_tls13 = |suite: &&CipherSuite| suite.protocol() == ProtocolVersion::Tls13;
    let (tls13, list): (Vec<_>, Vec<_>) = suites.iter().partition(is_tls13);
    let names = |suites: &[&CipherSuite]| {
        suites.iter().map(|suite| suite.openssl_name()).collect::<Vec<_>>().join(":")
    };
    let mut builder = ContextBuilder::new(library, role)?
        .security_level(level)
        .versions(if list.is_empty() { TLS13 } else { number(*oldest) }, number(*newest))?
        .suites(&names(&list), &names(&tls13))?
        .key_log();
    if let Some(groups) = &wishes.groups {
        builder = builder.groups(groups)?;
    } else if *groups != groups::default_groups() {
        // OpenSSL before 3.5 knows nothing else.
        let curves = groups.iter().filter(|group| group.bits().is_some());
        let curves: Vec<_> = curves.map(|group| group.openssl_name()).collect();
        if !curves.is_empty() {
            builder = builder.groups(&curves.join(":"))?;
        }
    }
    if *schemes != scheme_list::DEFAULT {
        let names: Vec<_> = schemes.iter().copied().map(SignatureScheme::iana_name).collect();
        builder = builder.signature_schemes(&names.join(":"))?;
    }
    if wishes.legacy.renegotiation {
        builder = builder.allow_renegotiation();
    }
    Ok(builder)
}

fn ready(library: sealwire_openssl::Library, credential: &Credential) -> Result<Ready, Told> {
    let chain = credential.chain().iter().map(|certificate| certificate.der());
    Ready::new(library, chain, credential.pkcs8())
}

const TLS13: u16 = 0x0304;

fn number(version: ProtocolVersion) -> u16 {
    match version {
        ProtocolVersion::Tls10 => 0x0301,
        ProtocolVersion::Tls11 => 0x0302,
        ProtocolVersion::Tls12 => 0x0303,
        ProtocolVersion::Tls13 => 0x0304,
    }
}

/// Protocols, each behind its length.
fn written(alpn: &[Vec<u8>]) -> Vec<u8> {
    let one = |name: &Vec<u8>| {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        [&[length], &name[..usize::from(length)]].concat()
    };
    alpn.iter().flat_map(one).collect()
}
