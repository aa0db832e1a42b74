//! Whether a server has Encrypted Client Hello: a hello that looks as if it hid something (RFC 9849,
//! 6.2) is answered with the server's configurations, encrypted. DNS, where they are published, is not
//! asked.

use std::fmt;
use std::time::Instant;

use sealwire::{ClientOptions, EchOffer, Foreign, SecureContext};
use serde::Serialize;

use super::observed;
use crate::net::dial::Route;
use crate::net::target::Target;
use crate::view::ech::EchConfigs;

/// What a server answered.
#[derive(Debug, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum EchSeen {
    /// These are its configurations, of the server that proved to be ours.
    Configurations(EchConfigs),
    /// It has completed the handshake without a word of them.
    None,
    /// There was no handshake of TLS 1.3, which alone has it.
    NotAsked { reason: String },
}

/// Asks. `options` are those of the handshake before.
pub(crate) async fn ask(
    route: &Route,
    target: &Target,
    name: &str,
    context: &SecureContext,
    options: &ClientOptions,
) -> EchSeen {
    let not_asked = |reason: String| EchSeen::NotAsked { reason };
    let mut reached = match route.reach(target, name).await {
        Ok(reached) => reached,
        Err(failure) => return not_asked(failure.to_string()),
    };
    let options = options.clone().ech(EchOffer::grease());
    let (tcp, patience) = (&mut reached.tcp, route.timeout.get());
    let observed = observed::handshake(tcp, context, &options, Instant::now(), patience).await;
    let observed = match observed {
        Ok(observed) => observed,
        Err(error) => return not_asked(error.to_string()),
    };
    match (observed.trace().ech_retry_configs(), &observed.outcome) {
        (Some(list), _) => EchSeen::Configurations(EchConfigs::of(list)),
        (None, Ok(_)) => EchSeen::None,
        (None, Err(error)) => not_asked(error.to_string()),
    }
}

impl fmt::Display for EchSeen {
    /// A line for the card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configurations(list) => {
                let names = list.public_names().join(", ");
                let count = match list.configs.len() {
                    1 => "1 configuration".to_owned(),
                    n => format!("{n} configurations"),
                };
                write!(f, "yes, {count}; public name {}", Foreign::new(&names))
            }
            Self::None => f.write_str(
                "no answer to GREASE: not supported, or not announced (DNS is not queried)",
            ),
            Self::NotAsked { reason } => write!(f, "not known: {}", Foreign::new(reason)),
        }
    }
}
