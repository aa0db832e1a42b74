//! What a server accepts: versions from SSL 3 on, suites, groups, and whose order counts. Asked
//! with ClientHellos of our own, one connection a question, none of which is finished.

mod hello;
mod mozilla;
mod posture;
mod probe;

use std::fmt;
use std::time::Instant;

use sealwire::reading::names::{self, suite};
use serde::Serialize;

use crate::net::dial::Route;
use crate::net::target::Target;
use crate::say::failure::Failure;
use hello::Offer;
pub(crate) use mozilla::{Compliance, Profile};
pub(crate) use posture::{GroupKind, Known, KnownGroups, ask_groups, kind_of_group};
use probe::{Answer, Prober};

/// What a server accepts.
#[derive(Debug, Serialize)]
pub(crate) struct Scan {
    pub(crate) versions: Vec<Version>,
    /// Groups of TLS 1.3, those that the server knows.
    pub(crate) groups: Vec<Group>,
    /// The group it takes when it may choose, in TLS 1.3.
    pub(crate) group_selected: Option<String>,
    pub(crate) connections: usize,
    pub(crate) milliseconds: u64,
}

/// One version, and its suites in the order in which the server takes them.
#[derive(Debug, Serialize)]
pub(crate) struct Version {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) number: u16,
    pub(crate) accepted: bool,
    pub(crate) suites: Vec<Suite>,
    /// The server spoke it in the handshake before, and took none of what was offered here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) otherwise: bool,
    /// Whether its own order counts; `None` when there is nothing to choose.
    pub(crate) server_order: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Suite {
    pub(crate) name: String,
    /// IANA's number: `0xc02f`.
    #[serde(rename = "id", serialize_with = "as_id")]
    pub(crate) number: u16,
    pub(crate) weaknesses: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Whether a quantum computer does not break it.
    pub(crate) post_quantum: bool,
}

const TLS13: u16 = 0x0304;
const VERSIONS: [u16; 5] = [0x0304, 0x0303, 0x0302, 0x0301, 0x0300];
/// The last are of RFC 8998 (SM4) and RFC 9367 (GOST).
const SUITES13: [u16; 11] =
    [0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x00c6, 0x00c7, 0xc103, 0xc104, 0xc105, 0xc106];

/// In the order in which servers of today would take them.
const GROUPS: [u16; 28] = [
    0x11ec, 0x11eb, 0x11ed, 29, 23, 24, 25, 30, 0x0200, 0x0201, 0x0202, 256, 257, 258, 259, 260,
    31, 32, 33, 41, 0x11ee, 34, 35, 36, 37, 38, 39, 40,
];

/// Groups for versions before 1.3.
const GROUPS12: [u16; 12] = [29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 19, 41];

/// The newest version before TLS 1.2 that a server speaks, if it speaks one.
pub(crate) async fn newest_old_version(
    route: &Route,
    target: &Target,
    name: &str,
    sni: Option<&str>,
) -> Option<&'static str> {
    let prober = Prober { route, target, name, starttls: route.starttls };
    let suites: Vec<u16> = names::all_cipher_suites().collect();
    for (number, called) in [(0x0302, "TLSv1.1"), (0x0301, "TLSv1")] {
        let offer = Offer {
            version: number,
            suites: &suites,
            groups: &[23, 24, 25],
            shares: &[],
            sni,
            alpn: &[],
        };
        if let Some(hello) = prober.ask(&offer).await.ok()?.hello()
            && hello.version == number
        {
            return Some(called);
        }
    }
    None
}

/// Scans a server. Versions are asked beside each other, a version's suites one after the other.
/// `spoken`: the version in which a handshake with it has succeeded, which is no no.
pub(crate) async fn scan(
    route: &Route,
    target: &Target,
    name: &str,
    sni: Option<&str>,
    spoken: Option<u16>,
) -> Result<Scan, Failure> {
    let start = Instant::now();
    let prober = Prober { route, target, name, starttls: route.starttls };
    let scanner = Scanner { prober, sni, all: names::all_cipher_suites().collect() };
    let (a, b, c, d, e, groups) = tokio::join!(
        scanner.version(VERSIONS[0]),
        scanner.version(VERSIONS[1]),
        scanner.version(VERSIONS[2]),
        scanner.version(VERSIONS[3]),
        scanner.version(VERSIONS[4]),
        scanner.groups(),
    );
    let mut connections = 0;
    let mut versions = Vec::new();
    for outcome in [a, b, c, d, e] {
        let (mut version, asked) = outcome?;
        connections += asked;
        version.otherwise = !version.accepted && spoken == Some(version.number);
        version.accepted |= version.otherwise;
        versions.push(version);
    }
    let (groups, group_selected, asked) = groups?;
    Ok(Scan {
        versions,
        groups,
        group_selected,
        connections: connections + asked,
        milliseconds: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

struct Scanner<'a> {
    prober: Prober<'a>,
    sni: Option<&'a str>,
    all: Vec<u16>,
}

impl Scanner<'_> {
    /// Offers everything, notes what is taken, takes it out, and asks again until there is a no:
    /// one connection for each suite, and one.
    async fn version(&self, number: u16) -> Result<(Version, usize), Failure> {
        let mut left: Vec<u16> = match number {
            TLS13 => SUITES13.to_vec(),
            _ => self.all.iter().copied().filter(|suite| !SUITES13.contains(suite)).collect(),
        };
        let mut taken = Vec::new();
        let mut asked = 0;
        while !left.is_empty() {
            asked += 1;
            let Some(suite) = self.taken_of(number, &left).await? else { break };
            let before = left.len();
            left.retain(|offered| *offered != suite);
            if left.len() == before {
                break; // a suite that was not offered: its answers mean nothing
            }
            taken.push(suite);
        }
        let server_order = match taken.as_slice() {
            [first, second, ..] => {
                asked += 1;
                // The favourite last: does it still win?
                let backwards: Vec<u16> = taken.iter().rev().copied().collect();
                let chosen = self.taken_of(number, &backwards).await?;
                let _ = second;
                Some(chosen == Some(*first))
            }
            _ => None,
        };
        let suites = taken.iter().map(|number| Suite {
            name: suite(*number).into_owned(),
            number: *number,
            weaknesses: weaknesses(&suite(*number)),
        });
        let version = Version {
            name: names::version(number).into_owned(),
            number,
            accepted: !taken.is_empty(),
            otherwise: false,
            suites: suites.collect(),
            server_order,
        };
        Ok((version, asked))
    }

    /// Which of these suites the server takes in this version.
    async fn taken_of(&self, version: u16, suites: &[u16]) -> Result<Option<u16>, Failure> {
        let groups: &[u16] = if version == TLS13 { &GROUPS } else { &GROUPS12 };
        let offer = Offer { version, suites, groups, shares: &[], sni: self.sni, alpn: &[] };
        let answer = self.prober.ask(&offer).await?;
        let hello = answer.hello().filter(|hello| hello.version == version);
        Ok(hello.map(|hello| hello.cipher_suite))
    }

    /// Offers one group and no share of it: a server that supports the group asks for the share.
    async fn groups(&self) -> Result<(Vec<Group>, Option<String>, usize), Failure> {
        let mut known = Vec::new();
        let mut asked = 1;
        let Some(selected) = self.group_of(&GROUPS).await? else {
            return Ok((known, None, asked));
        };
        for group in GROUPS {
            asked += 1;
            if self.group_of(&[group]).await? == Some(group) {
                let post_quantum = names::is_post_quantum(group);
                known.push(Group { name: names::group(group).into_owned(), post_quantum });
            }
        }
        Ok((known, Some(names::group(selected).into_owned()), asked))
    }

    async fn group_of(&self, groups: &[u16]) -> Result<Option<u16>, Failure> {
        let (version, suites, sni) = (TLS13, &SUITES13, self.sni);
        let offer = Offer { version, suites, groups, shares: &[], sni, alpn: &[] };
        Ok(match self.prober.ask(&offer).await? {
            Answer::Hello(hello) if hello.version == TLS13 => hello.group,
            _ => None,
        })
    }
}

fn as_id<S: serde::Serializer>(number: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:#06x}"))
}

/// What is wrong with a suite, by its name.
fn weaknesses(name: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut note = |is: bool, what| {
        if is {
            found.push(what);
        }
    };
    let (agreement, cipher) = name.split_once("_WITH_").unwrap_or(("", name));
    note(agreement.contains("anon"), "no authentication");
    note(cipher.starts_with("NULL"), "not encrypted");
    note(agreement.contains("EXPORT"), "broken by design (export)");
    note(cipher.contains("RC4"), "RC4 leaks");
    note(cipher.starts_with("DES_") || cipher.contains("DES40"), "DES is broken in hours");
    note(cipher.contains("3DES"), "64-bit blocks (SWEET32)");
    note(cipher.contains("RC2") || cipher.contains("IDEA"), "64-bit blocks");
    note(
        !agreement.is_empty() && !agreement.contains("DHE") && !agreement.contains("anon"),
        "no forward secrecy",
    );
    note(cipher.contains("_CBC_"), "CBC, not AEAD");
    found
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for version in &self.versions {
            let order = match version.server_order {
                Some(true) => ", in the server's order",
                Some(false) => ", in the client's order",
                None => "",
            };
            match (version.accepted, version.suites.len()) {
                (false, _) => writeln!(f, "  {:<8} no", version.name)?,
                (true, _) if version.otherwise => {
                    writeln!(
                        f,
                        "  {:<8} yes, with suites or groups that are not probed",
                        version.name
                    )?;
                }
                (true, 1) => writeln!(f, "  {:<8} yes, 1 suite", version.name)?,
                (true, n) => writeln!(f, "  {:<8} yes, {n} suites{order}", version.name)?,
            }
            for suite in &version.suites {
                if suite.weaknesses.is_empty() {
                    writeln!(f, "             {}", suite.name)?;
                } else {
                    let weak = suite.weaknesses.join("; ");
                    writeln!(f, "           ! {:<46} {weak}", suite.name)?;
                }
            }
        }
        let groups: Vec<String> = self
            .groups
            .iter()
            .map(|group| {
                if group.post_quantum {
                    format!("{} (post-quantum)", group.name)
                } else {
                    group.name.clone()
                }
            })
            .collect();
        if !groups.is_empty() {
            writeln!(f, "  groups   {}", groups.join(", "))?;
        }
        if let Some(group) = &self.group_selected {
            writeln!(f, "           takes {group} when it may choose")?;
        }
        writeln!(f, "  asked    {} questions, {} ms", self.connections, self.milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::weaknesses;

    #[test]
    fn suites_are_judged_by_their_parts() {
        for (name, expected) in [
            ("TLS_AES_128_GCM_SHA256", &[][..]),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", &[]),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", &["CBC, not AEAD"]),
            ("TLS_RSA_WITH_AES_128_GCM_SHA256", &["no forward secrecy"]),
            ("TLS_RSA_WITH_RC4_128_SHA", &["RC4 leaks", "no forward secrecy"]),
            ("TLS_DH_anon_WITH_AES_128_CBC_SHA", &["no authentication", "CBC, not AEAD"]),
            (
                "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                &["64-bit blocks (SWEET32)", "no forward secrecy", "CBC, not AEAD"],
            ),
            ("TLS_ECDHE_ECDSA_WITH_NULL_SHA", &["not encrypted"]),
        ] {
            assert_eq!(weaknesses(name), expected, "{name}");
        }
    }
}
