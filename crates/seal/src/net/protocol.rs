//! The protocols that are asked for TLS, as words of the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use sealwire::starttls::{Error, Protocol};

/// A protocol as an option names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Starttls(pub(crate) Protocol);

impl Starttls {
    /// The port that servers of the protocol have.
    pub(crate) fn port(self) -> u16 {
        match self.0 {
            Protocol::Smtp => 25,
            Protocol::Imap => 143,
            Protocol::Pop3 => 110,
            Protocol::Ftp => 21,
            Protocol::Xmpp => 5222,
            Protocol::Ldap => 389,
            Protocol::Postgres => 5432,
            Protocol::Mysql => 3306,
            _ => 443,
        }
    }
}

impl ValueEnum for Starttls {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Starttls; Protocol::ALL.len()] = {
            let mut all = [Starttls(Protocol::Smtp); Protocol::ALL.len()];
            let mut i = 0;
            while i < all.len() {
                all[i] = Starttls(Protocol::ALL[i]);
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            Protocol::Smtp => "Mail between servers and from clients (RFC 3207): port 25 or 587",
            Protocol::Imap => "Mailboxes (RFC 3501, section 6.2.1): port 143",
            Protocol::Pop3 => "Mailboxes (RFC 2595): port 110",
            Protocol::Ftp => "Files (RFC 4217): port 21",
            Protocol::Xmpp => "Messages, of a client (RFC 6120, section 5): port 5222",
            Protocol::Ldap => "Directories (RFC 4511, section 4.14): port 389",
            Protocol::Postgres => "PostgreSQL (SSLRequest): port 5432",
            Protocol::Mysql => "MySQL and MariaDB (CLIENT_SSL): port 3306",
            _ => "",
        };
        Some(PossibleValue::new(self.0.id()).aliases(self.0.aliases()).help(help))
    }
}

/// What can be done about a server that could not be asked for TLS.
pub(crate) fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Unlike(..) => {
            Some("check the port; a server that starts with TLS needs no --starttls")
        }
        Error::NoTls(..) => Some("enable TLS in the server"),
        Error::Injected(..) => Some("it may have been injected on the way"),
        _ => None,
    }
}
