//! webpki's tests, of the releases that kept their chains as files: what a test includes, and
//! whether it wants `Ok`.

use std::path::Path;

use sealwire::pki::{Certificate, Crl, Purpose};

use super::judges::Chain;
use super::{Error, Suite, Vector};

/// What all of its tests give as the time.
const TIME: i64 = 0x1fed_f00d;

pub(super) fn suites(source: &Path) -> Result<Vec<Suite>, Error> {
    let files = [
        ("tls_server_certs", Purpose::Server),
        ("client_auth", Purpose::Client),
        ("client_auth_revocation", Purpose::Client),
    ];
    files.into_iter().map(|(file, purpose)| suite(&source.join("tests"), file, purpose)).collect()
}

fn suite(folder: &Path, file: &str, purpose: Purpose) -> Result<Suite, Error> {
    let path = folder.join(format!("{file}.rs"));
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut vectors, mut left_out) = (Vec::new(), Vec::new());
    for test in text.split("#[test]").skip(1) {
        let Some((name, body)) = test.split_once("fn ").and_then(|(_, rest)| rest.split_once("()"))
        else {
            continue;
        };
        // Lists that are read another way, and are the same lists.
        if name.ends_with("_owned") {
            continue;
        }
        // Here every certificate of a chain has to be covered.
        if let Some(option) = ["RevocationCheckDepth::EndEntity", "UnknownStatusPolicy::Allow"]
            .into_iter()
            .find(|option| body.contains(option))
        {
            left_out.push(format!("{name}: {option}"));
            continue;
        }
        let Some(chain) = chain(folder, body, purpose)? else {
            left_out.push(format!("{name}: its chain is no file"));
            continue;
        };
        let valid = body.contains("Ok(())") && !body.contains("Err(");
        if !valid {
            vectors.push(Vector { name: name.to_owned(), chain, valid });
            continue;
        }
        for (names, valid) in [(names(body, 0), true), (names(body, 1), false)] {
            for host in
                names.into_iter().filter(|host| host.parse::<sealwire::ServerName>().is_ok())
            {
                let chain = Chain { host: Some(host.clone()), ..chain.clone() };
                vectors.push(Vector { name: format!("{name} for {host}"), chain, valid });
            }
        }
        vectors.push(Vector { name: name.to_owned(), chain, valid });
    }
    Ok(Suite { title: format!("webpki {file}"), vectors, left_out })
}

fn chain(folder: &Path, body: &str, purpose: Purpose) -> Result<Option<Chain>, Error> {
    let (mut leaf, mut presented, mut trusted, mut lists) = (None, vec![], vec![], vec![]);
    for include in body.split("include_bytes!(").skip(1) {
        let Some(name) = include.split('"').nth(1) else { continue };
        let bytes = std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if name.ends_with(".crl.der") {
            lists.push(Crl::from_der(&bytes)?);
        } else if name.ends_with(".ee.der") {
            leaf = Some(Certificate::from_der(&bytes)?);
        } else if name.contains(".int.") {
            presented.push(Certificate::from_der(&bytes)?);
        } else {
            trusted.push(Certificate::from_der(&bytes)?);
        }
    }
    let Some(leaf) = leaf else { return Ok(None) };
    presented.insert(0, leaf);
    let (texts, policies, host) = (None, None, None);
    let (time, security_level, partial) = (TIME, 1, true);
    let chain = Chain {
        presented,
        trusted,
        texts,
        partial,
        lists,
        policies,
        purpose,
        host,
        time,
        security_level,
    };
    Ok(Some(chain))
}

/// The strings of the list that is so-manieth in `check_cert(ee, ca, &[...], &[...], ...`.
fn names(body: &str, place: usize) -> Vec<String> {
    let call = body.rsplit_once("check_cert(").map_or("", |(_, call)| call);
    let list = call.split("&[").nth(place + 1).and_then(|list| list.split(']').next());
    let strings = list.unwrap_or_default().split('"').skip(1).step_by(2);
    strings.map(str::to_owned).collect()
}
