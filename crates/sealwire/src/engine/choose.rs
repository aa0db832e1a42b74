//! Which engine a connection gets.
//!
//! Only a context that asks to speak with old peers has a choice at all. The first engine speaks
//! whatever it can; what OpenSSL with the same settings would agree on, and the first engine cannot,
//! is the second's. The choice is made before the engine is started and never changed: nothing is
//! tried with one and then with the other.

use super::Order;
use crate::reading::ClientHello;
use crate::words::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// What a context with a choice can speak.
pub(crate) struct Repertoire {
    pub(crate) oldest: ProtocolVersion,
    pub(crate) newest: ProtocolVersion,
    /// Best first, those for old peers among them.
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) order: Order,
    /// Whether a server has parameters for DHE.
    pub(crate) dhe: bool,
    /// Whether pre-shared keys are taken.
    pub(crate) psk: bool,
    /// Whether the first engine has anything to say: a version, and suites for it.
    pub(crate) new_peers: bool,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// That of all contexts.
    First,
    /// That for old peers.
    Second,
}

/// The kinds of keys that a server has certificates for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keys {
    pub(crate) rsa: bool,
    pub(crate) other: bool,
}

/// A client sends its hello before it knows the server, so all of its connections are the second
/// engine's where its settings name what only that can speak.
pub(crate) fn as_client(ours: &Repertoire) -> Which {
    let first = ours.new_peers && ours.oldest >= ProtocolVersion::Tls12 && !ours.psk;
    // A list that has nothing of the first engine's for TLS 1.2, or for TLS 1.3, is a request for it, too.
    let only_old = |of_tls13: bool| {
        let of = |suite: &&CipherSuite| is_tls13(suite) == of_tls13;
        let mut listed = ours.suites.iter().filter(of).peekable();
        listed.peek().is_some() && listed.all(|suite| suite.is_old())
    };
    if first && !only_old(false) && !only_old(true) { Which::First } else { Which::Second }
}

/// A server has the client's hello: by that, what OpenSSL would agree on.
pub(crate) fn as_server(ours: &Repertoire, hello: &ClientHello, keys: Keys) -> Which {
    let version = version(ours, hello);
    let first = match version {
        // A key that both know goes before everything.
        Some(ProtocolVersion::Tls13) => {
            let with_psk = ours.psk && (hello.offers_psk() || !(keys.rsa || keys.other));
            !with_psk && !is_old_in_tls13(ours, hello)
        }
        Some(ProtocolVersion::Tls12) => {
            let can_sign = ours
                .schemes
                .iter()
                .any(|scheme| hello.signature_schemes().contains(&scheme.number()));
            let suite = suite(ours, hello, keys, ProtocolVersion::Tls12);
            match suite {
                Some(suite) => !suite.is_old() && can_sign,
                // The engine that has suites for it refuses the client.
                None => ours.suites.iter().any(|suite| !suite.is_old() && is_tls12(suite)),
            }
        }
        Some(_) => false,
        // Nothing in common: refused as it is without a choice.
        None => true,
    };
    if first && ours.new_peers { Which::First } else { Which::Second }
}

fn is_tls13(suite: &CipherSuite) -> bool {
    suite.protocol() == ProtocolVersion::Tls13
}

/// Whether the suite that the two would agree on in TLS 1.3 is the second engine's; without any, the engine that
/// has suites for it refuses.
fn is_old_in_tls13(ours: &Repertoire, hello: &ClientHello) -> bool {
    let offered = hello.cipher_suites();
    let place = |suite: &CipherSuite| offered.iter().position(|one| *one == suite.number());
    let of_tls13 = || ours.suites.iter().filter(|suite| is_tls13(suite));
    let mut shared = of_tls13().filter(|suite| place(suite).is_some());
    let agreed = match ours.order {
        Order::Ours => shared.next(),
        Order::Peers => shared.min_by_key(|suite| place(suite)),
    };
    agreed.map_or_else(|| of_tls13().all(|suite| suite.is_old()), |suite| suite.is_old())
}

fn is_tls12(suite: &CipherSuite) -> bool {
    suite.protocol() == ProtocolVersion::Tls12
}

/// The newest version that both speak.
fn version(ours: &Repertoire, hello: &ClientHello) -> Option<ProtocolVersion> {
    use ProtocolVersion::{Tls10, Tls11, Tls12, Tls13};
    let listed = hello.supported_versions();
    let offers = |number: u16| match hello.legacy_version() {
        _ if !listed.is_empty() => listed.contains(&number),
        Some(legacy) => number <= legacy.min(0x0303),
        None => false,
    };
    let all = [(0x0304, Tls13), (0x0303, Tls12), (0x0302, Tls11), (0x0301, Tls10)];
    let spoken = |one: &&(u16, ProtocolVersion)| (ours.oldest..=ours.newest).contains(&one.1);
    all.iter().filter(spoken).find(|(number, _)| offers(*number)).map(|(_, version)| *version)
}

/// The suite that the two would agree on, in a version up to TLS 1.2.
fn suite(
    ours: &Repertoire,
    hello: &ClientHello,
    keys: Keys,
    version: ProtocolVersion,
) -> Option<CipherSuite> {
    let offered = hello.cipher_suites();
    let groups = hello.named_groups();
    let shares_group =
        groups.is_empty() || ours.groups.iter().any(|group| groups.contains(&group.number()));
    let fits = |suite: &&CipherSuite| {
        let proof = match suite.wants_rsa() {
            Some(true) => keys.rsa,
            Some(false) => keys.other,
            None => suite.wants_psk(),
        };
        suite.protocol() <= version
            && proof
            && (!suite.wants_psk() || ours.psk)
            && (!suite.agrees_on_a_curve() || shares_group)
            && (!suite.agrees_in_a_field() || ours.dhe)
    };
    let mut shared: Vec<(usize, CipherSuite)> = ours
        .suites
        .iter()
        .filter(fits)
        .filter_map(|suite| Some((offered.iter().position(|one| *one == suite.number())?, *suite)))
        .collect();
    if ours.order == Order::Peers {
        shared.sort_by_key(|(place, _)| *place);
    }
    shared.first().map(|(_, suite)| *suite)
}

#[cfg(test)]
mod tests {
    use super::{Keys, Repertoire, Which, as_client, as_server};
    use crate::engine::Order;
    use crate::reading::ClientHello;
    use crate::words::ProtocolVersion::{self, Tls10, Tls12, Tls13};
    use crate::words::{cipher_list, groups, scheme_list};

    fn ours(oldest: ProtocolVersion, newest: ProtocolVersion, list: &str) -> Repertoire {
        Repertoire {
            oldest,
            newest,
            suites: cipher_list::parse_for(list, true).expect(list).all,
            groups: groups::default_groups(),
            schemes: scheme_list::DEFAULT.to_vec(),
            order: Order::Ours,
            dhe: true,
            psk: false,
            new_peers: newest >= Tls12,
        }
    }

    /// A hello with these versions (one is `legacy_version`, more are listed), suites and, if so
    /// wanted, signature schemes.
    fn hello(versions: &[u16], suites: &[u16], schemes: bool) -> ClientHello {
        let listed = |numbers: &[u16]| {
            numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>()
        };
        let extension = |kind: u16, body: &[u8]| {
            [&kind.to_be_bytes()[..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body]
                .concat()
        };
        let mut extensions = Vec::new();
        if versions.len() > 1 {
            let list = listed(versions);
            let body = [&[u8::try_from(list.len()).unwrap()][..], &list].concat();
            extensions.extend(extension(43, &body));
        }
        if schemes {
            extensions.extend(extension(13, &[0, 4, 4, 3, 8, 4]));
        }
        let legacy = versions[0].min(0x0303);
        let suites = listed(suites);
        let mut body = [&legacy.to_be_bytes()[..], &[7; 32], &[0]].concat();
        body.extend(u16::try_from(suites.len()).unwrap().to_be_bytes());
        body.extend(suites);
        body.extend([1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1];
        message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
        message.extend(body);
        ClientHello::parse(&message).expect("a hello")
    }

    const TLS13_SUITE: u16 = 0x1301;
    const TLS13_CCM: u16 = 0x1304;
    const ECDHE_RSA_GCM: u16 = 0xc02f;
    const ECDHE_ECDSA_GCM: u16 = 0xc02b;
    const RSA_CBC: u16 = 0x002f;
    const DHE_RSA_GCM: u16 = 0x009e;
    const PSK_GCM: u16 = 0x00a8;

    #[test]
    fn a_client_is_the_second_engines_when_it_asks_for_what_the_first_has_not() {
        for (case, ours, which) in [
            ("a range of today", ours(Tls12, Tls13, ""), Which::First),
            ("TLS 1.0 too", ours(Tls10, Tls13, ""), Which::Second),
            ("TLS 1.0 only", ours(Tls10, Tls10, ""), Which::Second),
            (
                "Node's list",
                ours(Tls12, Tls13, "ECDHE-RSA-AES128-GCM-SHA256:HIGH:!aNULL"),
                Which::First,
            ),
            (
                "a list for old servers",
                ours(Tls12, Tls13, "AES128-SHA:DHE-RSA-AES128-GCM-SHA256"),
                Which::Second,
            ),
            ("TLS 1.3 only", ours(Tls12, Tls13, "TLS_AES_128_GCM_SHA256"), Which::First),
            ("TLS 1.3 with CCM", ours(Tls12, Tls13, "TLS_AES_128_CCM_SHA256"), Which::Second),
            (
                "TLS 1.3 with CCM and GCM",
                ours(Tls12, Tls13, "TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256"),
                Which::First,
            ),
            ("pre-shared keys", Repertoire { psk: true, ..ours(Tls12, Tls13, "") }, Which::Second),
        ] {
            assert_eq!(as_client(&ours), which, "{case}");
        }
    }

    #[test]
    fn a_server_goes_by_what_openssl_would_agree_on() {
        let rsa = Keys { rsa: true, other: false };
        let all = || ours(Tls10, Tls13, "DEFAULT");
        let tls12 = [0x0303];
        for (case, ours, keys, hello, which) in [
            ("TLS 1.3", all(), rsa, hello(&[0x0304, 0x0303], &[TLS13_SUITE], true), Which::First),
            (
                "TLS 1.3 with CCM",
                ours(Tls12, Tls13, "TLS_AES_128_CCM_SHA256"),
                rsa,
                hello(&[0x0304, 0x0303], &[TLS13_SUITE, TLS13_CCM], true),
                Which::Second,
            ),
            (
                "TLS 1.3 with CCM, which the client has not",
                ours(Tls12, Tls13, "TLS_AES_128_CCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
                rsa,
                hello(&[0x0304, 0x0303], &[TLS13_SUITE, ECDHE_RSA_GCM], true),
                Which::Second,
            ),
            (
                "TLS 1.3 with GCM or CCM, as the client likes",
                Repertoire {
                    order: Order::Peers,
                    ..ours(Tls12, Tls13, "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256")
                },
                rsa,
                hello(&[0x0304, 0x0303], &[TLS13_CCM, TLS13_SUITE], true),
                Which::Second,
            ),
            (
                "TLS 1.3 with GCM before CCM",
                ours(Tls12, Tls13, "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256"),
                rsa,
                hello(&[0x0304, 0x0303], &[TLS13_CCM, TLS13_SUITE], true),
                Which::First,
            ),
            (
                "ECDHE and GCM",
                all(),
                rsa,
                hello(&tls12, &[RSA_CBC, ECDHE_RSA_GCM], true),
                Which::First,
            ),
            ("RSA and CBC", all(), rsa, hello(&tls12, &[RSA_CBC], true), Which::Second),
            ("DHE and GCM", all(), rsa, hello(&tls12, &[DHE_RSA_GCM], true), Which::Second),
            (
                "a suite for another key",
                all(),
                rsa,
                hello(&tls12, &[ECDHE_ECDSA_GCM, RSA_CBC], true),
                Which::Second,
            ),
            (
                "no schemes: signed over SHA-1",
                all(),
                rsa,
                hello(&tls12, &[ECDHE_RSA_GCM], false),
                Which::Second,
            ),
            (
                "no parameters",
                Repertoire { dhe: false, ..all() },
                rsa,
                hello(&tls12, &[DHE_RSA_GCM, ECDHE_RSA_GCM], true),
                Which::First,
            ),
            (
                "TLS 1.1",
                all(),
                rsa,
                hello(&[0x0302], &[ECDHE_RSA_GCM, RSA_CBC], false),
                Which::Second,
            ),
            ("TLS 1.0", all(), rsa, hello(&[0x0301], &[RSA_CBC], false), Which::Second),
            (
                "TLS 1.0 that we do not speak",
                ours(Tls12, Tls13, "DEFAULT"),
                rsa,
                hello(&[0x0301], &[RSA_CBC], false),
                Which::First,
            ),
            ("SSL 3", all(), rsa, hello(&[0x0300], &[RSA_CBC], false), Which::First),
            ("nothing in common", all(), rsa, hello(&tls12, &[0x0005], true), Which::First),
            (
                "nothing in common with a list for old peers",
                ours(Tls10, Tls13, "AES256-SHA"),
                rsa,
                hello(&tls12, &[RSA_CBC], true),
                Which::Second,
            ),
            (
                "our order",
                ours(Tls12, Tls12, "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"),
                rsa,
                hello(&tls12, &[ECDHE_RSA_GCM, RSA_CBC], true),
                Which::Second,
            ),
            (
                "the client's order",
                Repertoire {
                    order: Order::Peers,
                    ..ours(Tls12, Tls12, "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")
                },
                rsa,
                hello(&tls12, &[ECDHE_RSA_GCM, RSA_CBC], true),
                Which::First,
            ),
            (
                "a key that we do not ask for",
                all(),
                rsa,
                hello(&tls12, &[PSK_GCM, ECDHE_RSA_GCM], true),
                Which::First,
            ),
            (
                "a key that both know",
                Repertoire { psk: true, ..ours(Tls12, Tls12, "PSK-AES128-GCM-SHA256") },
                Keys::default(),
                hello(&tls12, &[PSK_GCM], true),
                Which::Second,
            ),
            (
                "nothing for new peers",
                ours(Tls10, Tls10, "DEFAULT"),
                rsa,
                hello(&[0x0304, 0x0303], &[TLS13_SUITE], true),
                Which::Second,
            ),
        ] {
            assert_eq!(as_server(&ours, &hello, keys), which, "{case}");
        }
    }
}
