//! Old peers: the second engine against itself, against the first, and against other
//! implementations.

#[path = "../pair/mod.rs"]
mod pair;
#[path = "../peers/mod.rs"]
mod peers;

mod families;
mod hostile;
mod openssl;
mod psk;
mod refusals;
mod renegotiation;
mod resumption;
mod third_voices;
mod verdicts;

use pair::Pair;
use peers::credentials::context;
use sealwire::{
    ClientOptions, Legacy, ProtocolVersion, SecureContext, SecureContextBuilder, ServerOptions,
};

use ProtocolVersion::{Tls10, Tls11, Tls12, Tls13};

/// Each family of suites that only the second engine has, by a suite, a key that goes with it and
/// the oldest version that has it.
const FAMILIES: [(&str, &str, ProtocolVersion); 10] = [
    ("AES128-SHA", "rsa", Tls10),
    ("AES256-SHA", "rsa", Tls10),
    ("ECDHE-RSA-AES128-SHA", "rsa", Tls10),
    ("ECDHE-ECDSA-AES256-SHA", "p256", Tls10),
    ("DHE-RSA-AES128-SHA", "rsa", Tls10),
    ("AES256-SHA256", "rsa", Tls12),
    ("AES128-GCM-SHA256", "rsa", Tls12),
    ("DHE-RSA-AES256-GCM-SHA384", "rsa", Tls12),
    ("ECDHE-ECDSA-AES128-SHA256", "p256", Tls12),
    ("DHE-RSA-CHACHA20-POLY1305", "rsa", Tls12),
];

const OLD: [ProtocolVersion; 3] = [Tls10, Tls11, Tls12];

/// Whose certificate a client shows with this suite. OpenSSL 4.0 names no curve to a server where no
/// suite of its list has one, and a key on a curve must be on one that was named.
fn client_of(suite: &str) -> &'static str {
    if suite.starts_with("DHE") { "rsa" } else { "client" }
}

/// The system's OpenSSL is what these tests are about, or the one that was built in.
fn ready() -> bool {
    peers::present("openssl")
}

fn to(host: &str) -> ClientOptions {
    ClientOptions::new(host.parse().expect("a host name"))
}

/// A context of one version and this list.
fn old(builder: SecureContextBuilder, version: ProtocolVersion, list: &str) -> SecureContext {
    old_with(builder, Legacy::new(), version, list)
}

fn old_with(
    builder: SecureContextBuilder,
    legacy: Legacy,
    version: ProtocolVersion,
    list: &str,
) -> SecureContext {
    let builder = builder.legacy(legacy).versions(version..=version);
    builder.cipher_list(list).expect(list).build().expect("a context")
}

/// Both sides, settled.
fn settled(client: &SecureContext, server: &SecureContext, options: &ServerOptions) -> Pair {
    let mut pair = Pair::new((client, &to("localhost")), (server, options));
    pair.settle();
    pair
}

/// A server of this key for everything that there is.
fn server(key: &str) -> SecureContext {
    context(key, "ca").legacy(Legacy::new()).versions(Tls10..=Tls13).build().expect("a context")
}
