//! The settings of a context that speaks with old peers, as OpenSSL wants them.

use std::sync::{Arc, Mutex, PoisonError};

use sealwire_openssl::{
    Connection, Context, ContextBuilder, Credential as Ready, DhParameters,
    Failure as OpensslFailure, Role, Source,
};

use super::failure::internal;
use super::handshake::{Beginning, Handshake};
use super::psk::Watch;
use super::sessions::{Giving, ticket_keys};
use crate::engine::choose::{self, Keys, Repertoire, Which};
use crate::engine::resumption::{Granting, MAX_AGE, TicketKeys};
use crate::engine::{Credential, Engine, EngineState, Failure, Order};
use crate::reading::ClientHello;
use crate::words::{
    CipherSuite, ClientAuth, ConfigError, Dh, Legacy, OpensslSource, ProtocolLevel,
    ProtocolVersion, SignatureScheme, TimeSource, groups, now, scheme_list,
};

/// What a context is to speak with old peers.
pub(crate) struct LegacyParameters {
    pub(crate) legacy: Legacy,
    pub(crate) ours: Repertoire,
    /// The groups in OpenSSL's words, where they were given so.
    pub(crate) groups: Option<String>,
    pub(crate) level: u8,
    pub(crate) time: Arc<dyn TimeSource>,
    pub(crate) credentials: Vec<Credential>,
}

/// The same, ready.
pub(crate) struct Old {
    library: sealwire_openssl::Library,
    parameters: LegacyParameters,
    dh: Option<DhParameters>,
    client: Context,
    /// Made when first needed.
    servers: Mutex<Vec<Served>>,
}

/// The settings of servers that differ in nothing.
struct Served {
    client_auth: ClientAuth,
    /// Whether it chooses protocols.
    alpn: bool,
    keys: TicketKeys,
    context: Context,
}

/// How one connection of a client begins.
pub(crate) struct OldClient<'a> {
    /// What SNI says, if it is sent.
    pub(crate) sni: Option<&'a str>,
    pub(crate) alpn: &'a [Vec<u8>],
    pub(crate) request_ocsp: bool,
    pub(crate) traced: bool,
}

/// How one connection is served.
pub(crate) struct OldService<'a> {
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: &'a [Vec<u8>],
    /// The CAs whose certificates are welcome, by the DER of their names.
    pub(crate) named: Vec<Vec<u8>>,
    /// The identities that are sent in place of the context's own.
    pub(crate) others: Option<Vec<Credential>>,
    /// The OCSP response to staple (DER).
    pub(crate) staple: Option<Vec<u8>>,
    pub(crate) granting: Granting,
    pub(crate) hello: &'a ClientHello,
}

const OPTION: &str = "legacy";

/// The OpenSSL library that the program's options name.
fn library(source: OpensslSource) -> Result<sealwire_openssl::Library, ConfigError> {
    let source = match source {
        OpensslSource::System => Source::System,
        OpensslSource::Host => Source::Host,
        OpensslSource::Vendored => Source::Vendored,
    };
    source.library().map_err(|unavailable| {
        let what = "old peers need OpenSSL 3 or 4, which was not found";
        ConfigError::new(OPTION, format!("{what}: {unavailable}"))
    })
}

impl OpensslSource {
    /// Whether there is an OpenSSL.
    ///
    /// # Errors
    /// Why it was not found.
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

fn dh_error(failure: &OpensslFailure) -> ConfigError {
    ConfigError::new(OPTION, format!("the parameters for DHE cannot be read: {failure}"))
}

impl Old {
    /// # Errors
    /// When there is no OpenSSL, or it does not support what is requested.
    pub(crate) fn new(parameters: LegacyParameters) -> Result<Self, ConfigError> {
        let library = library(parameters.legacy.source)?;
        let refused = |error: &OpensslFailure| {
            ConfigError::new(OPTION, format!("OpenSSL rejects the settings: {error}"))
        };
        let dh = match &parameters.legacy.dh {
            Dh::Pem(pem) => DhParameters::from_pem(library, pem).map(Some),
            Dh::None | Dh::Auto => Ok(None),
        };
        let dh = dh.map_err(|failure| dh_error(&failure))?;
        if let Some(groups) = &parameters.groups {
            let known = ContextBuilder::new(library, Role::Client).and_then(|b| b.groups(groups));
            known.map_err(|_| {
                ConfigError::new(
                    "groups",
                    format!("{groups:?} contains a name that OpenSSL does not know"),
                )
            })?;
        }
        let client = of_client(library, &parameters).map_err(|error| refused(&error))?;
        Ok(Self { library, parameters, dh, client, servers: Mutex::default() })
    }

    /// Whether it is spoken.
    pub(crate) fn speaks(&self, version: ProtocolVersion) -> bool {
        (self.parameters.ours.oldest..=self.parameters.ours.newest).contains(&version)
    }

    /// Whether its clients keep sessions: those with pre-shared keys have something to show already.
    pub(crate) fn keeps_sessions(&self) -> bool {
        !self.parameters.legacy.psk
    }

    /// Whether the connections of clients are its own.
    pub(crate) fn speaks_as_client(&self) -> bool {
        let Legacy { every_connection, every_client, .. } = self.parameters.legacy;
        every_connection
            || every_client
            || choose::as_client(&self.parameters.ours) == Which::Second
    }

    /// Whether the connection with this client is its own. `others` are shown in place of our
    /// credentials, if there are any.
    pub(crate) fn speaks_with(&self, hello: &ClientHello, others: Option<&[Credential]>) -> bool {
        let shown = others.unwrap_or(&self.parameters.credentials);
        let rsa = shown.iter().any(Credential::is_rsa);
        let other = shown.iter().any(|one| !one.is_rsa());
        self.parameters.legacy.every_connection
            || choose::as_server(&self.parameters.ours, hello, Keys { rsa, other }) == Which::Second
    }

    /// A client's engine. Its hello is in the first output.
    pub(crate) fn client(
        &self,
        wanted: OldClient<'_>,
        conn: &mut EngineState,
    ) -> Result<Box<dyn Engine>, Failure> {
        let OldClient { sni, alpn, request_ocsp, traced } = wanted;
        let ready = || {
            let mut connection = self.connection(&self.client)?;
            if let Some(name) = sni {
                connection.server_name(name)?;
            }
            if !alpn.is_empty() {
                connection.offer_alpn(&written(alpn))?;
            }
            if request_ocsp {
                connection.request_ocsp();
            }
            if traced {
                connection.trace();
            }
            Ok(connection)
        };
        let mut connection = ready().map_err(internal)?;
        if let Some(session) = conn.sessions.as_mut().and_then(|sessions| sessions.offer_old()) {
            // An unreadable one is ignored: a full handshake follows.
            let _ = connection.offer_session(&session.der);
        }
        let tls13 = self.parameters.ours.newest == ProtocolVersion::Tls13;
        let psk = self.parameters.legacy.psk.then(|| Watch::of_client(tls13));
        Ok(Box::new(Handshake::new(Beginning {
            psk,
            credentials: self.parameters.credentials.clone(),
            ..self.beginning(connection, false)
        })))
    }

    /// A server's engine, traced or not.
    pub(crate) fn server(
        &self,
        service: OldService<'_>,
        traced: bool,
    ) -> Result<Box<dyn Engine>, Failure> {
        let OldService { client_auth, alpn, named, others, staple, granting, hello } = service;
        let context = match &others {
            None => self.shared(client_auth, !alpn.is_empty(), &named, &granting),
            Some(others) => {
                let keys = granting.ring.keys_at(now(&*self.parameters.time));
                self.of_server(client_auth, &named, others, !alpn.is_empty(), &granting, &keys)
            }
        };
        let connection = context.and_then(|context| self.connection(&context));
        let mut connection = connection.map_err(internal)?;
        if traced {
            connection.trace();
        }
        Ok(Box::new(Handshake::new(Beginning {
            alpn: alpn.to_vec(),
            psk: self.parameters.legacy.psk.then(|| Watch::of_server(hello)),
            credentials: others.unwrap_or_else(|| self.parameters.credentials.clone()),
            giving: Some(Giving::of(granting)),
            staple,
            ..self.beginning(connection, true)
        })))
    }

    /// The settings of servers with our own credentials, as long as the keys of tickets are the same.
    fn shared(
        &self,
        client_auth: ClientAuth,
        alpn: bool,
        named: &[Vec<u8>],
        granting: &Granting,
    ) -> Result<Context, OpensslFailure> {
        let keys = granting.ring.keys_at(now(&*self.parameters.time));
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let place =
            servers.iter().position(|one| (one.client_auth, one.alpn) == (client_auth, alpn));
        if let Some(place) = place {
            if servers[place].keys.to_bytes() == keys.to_bytes() {
                return Ok(servers[place].context.clone());
            }
            servers.remove(place);
        }
        let credentials = &self.parameters.credentials;
        let context = self.of_server(client_auth, named, credentials, alpn, granting, &keys)?;
        servers.push(Served { client_auth, alpn, keys, context: context.clone() });
        Ok(context)
    }

    fn connection(&self, context: &Context) -> Result<Connection, OpensslFailure> {
        Connection::new(context, self.parameters.legacy.renegotiation)
    }

    fn beginning(&self, connection: Connection, is_server: bool) -> Beginning {
        Beginning {
            connection,
            is_server,
            alpn: Vec::new(),
            time: self.parameters.time.clone(),
            credentials: Vec::new(),
            renegotiable: self.parameters.legacy.renegotiation,
            psk: None,
            giving: None,
            staple: None,
        }
    }

    fn of_server(
        &self,
        client_auth: ClientAuth,
        named: &[Vec<u8>],
        credentials: &[Credential],
        alpn: bool,
        granting: &Granting,
        keys: &TicketKeys,
    ) -> Result<Context, OpensslFailure> {
        let mut builder = common(self.library, Role::Server, &self.parameters)?
            .prefer_server_order(self.parameters.ours.order == Order::Ours);
        builder = match (&self.parameters.legacy.dh, &self.dh) {
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
        let Granting { terms, tickets, stateless, .. } = granting;
        builder = builder.staple().tickets(&ticket_keys(keys), *tickets)?;
        if terms.lifetime > 0 {
            builder = builder.keep_sessions(terms.lifetime);
        }
        if !stateless || *tickets == 0 || terms.lifetime == 0 {
            builder = builder.no_tickets();
        }
        if alpn {
            builder = builder.select_alpn();
        }
        if self.parameters.legacy.psk {
            builder = builder.psk(self.parameters.legacy.psk_hint.as_deref())?;
        }
        Ok(builder.build())
    }
}

fn of_client(
    library: sealwire_openssl::Library,
    parameters: &LegacyParameters,
) -> Result<Context, OpensslFailure> {
    let mut builder = common(library, Role::Client, parameters)?.ask_for_certificate(false, &[])?;
    for credential in &parameters.credentials {
        builder = builder.credential(&ready(library, credential)?)?;
    }
    builder = if parameters.legacy.psk {
        builder.psk(None)?
    } else {
        // How long they are good is looked at before they are offered.
        builder.keep_sessions(u32::try_from(MAX_AGE).unwrap_or(u32::MAX))
    };
    Ok(builder.build())
}

/// What clients and servers have in common.
fn common(
    library: sealwire_openssl::Library,
    role: Role,
    parameters: &LegacyParameters,
) -> Result<ContextBuilder, OpensslFailure> {
    let Repertoire { oldest, newest, suites, groups, schemes, .. } = &parameters.ours;
    let level = match parameters.legacy.level {
        ProtocolLevel::Given(level) => level,
        ProtocolLevel::Possible if *oldest < ProtocolVersion::Tls12 => 0,
        ProtocolLevel::Possible | ProtocolLevel::OfContext => parameters.level,
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
    if let Some(groups) = &parameters.groups {
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
    if parameters.legacy.renegotiation {
        builder = builder.allow_renegotiation();
    }
    Ok(builder)
}

fn ready(
    library: sealwire_openssl::Library,
    credential: &Credential,
) -> Result<Ready, OpensslFailure> {
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
