//! The language, judged by the program that has it.

use std::process::Command;

use super::super::table::SUITES;
use super::{InvalidCommand, evaluate};

/// What the installed program makes of a list: the suites before TLS 1.3; `None` when it
/// refuses the list or nothing is left.
fn openssl(list: &str) -> Option<Vec<String>> {
    let output = Command::new("openssl").args(["ciphers", "--", list]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let names = text.trim().split(':').filter(|name| !name.starts_with("TLS_"));
    output.status.success().then(|| names.map(str::to_owned).collect())
}

fn present() -> bool {
    sealwire_testing::installed("openssl")
}

/// Lists of all kinds. Suites without encryption are left out of the comparison: they stand
/// elsewhere in OpenSSL's first order, and can never be spoken here.
const LISTS: &[&str] = &[
    "ALL",
    "DEFAULT",
    "COMPLEMENTOFDEFAULT",
    "COMPLEMENTOFALL",
    "HIGH",
    "MEDIUM",
    "LOW",
    "FIPS",
    "HIGH+FIPS",
    "kRSA",
    "kDHE",
    "kEDH",
    "DH",
    "kECDHE",
    "kEECDH",
    "ECDH",
    "kPSK",
    "kRSAPSK",
    "kDHEPSK",
    "kECDHEPSK",
    "kSRP",
    "SRP",
    "PSK",
    "kGOST",
    "aRSA",
    "aDSS",
    "DSS",
    "aNULL",
    "aECDSA",
    "ECDSA",
    "aPSK",
    "aSRP",
    "aGOST",
    "DHE",
    "EDH",
    "ECDHE",
    "EECDH",
    "RSA",
    "ADH",
    "AECDH",
    "AES",
    "AES128",
    "AES256",
    "AESGCM",
    "AESCCM",
    "AESCCM8",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CHACHA20",
    "CBC",
    "3DES",
    "RC4",
    "MD5",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SSLv3",
    "TLSv1",
    "TLSv1.0",
    "TLSv1.1",
    "TLSv1.2",
    "TLSv1.3",
    "nope",
    "all",
    "",
    ":",
    " ",
    "ALL:nope",
    "nope:ALL:!nope:-nope:+nope",
    "AES128-SHA",
    "AES128-SHA256:AES256-SHA",
    "AES128-SHA AES256-SHA,AES128-SHA256;AES256-SHA256",
    "::AES128-SHA::",
    "ECDHE+AESGCM",
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!MD5:!DSS",
    "ECDHE+AES128:RSA+AES128:ECDHE+AES256:RSA+AES256:!SHA1",
    "EECDH+AESGCM:EDH+AESGCM",
    "EECDH+ECDSA+AESGCM:EECDH+aRSA+AESGCM:EECDH+ECDSA+SHA384:EECDH+aRSA+SHA256:!RC4",
    "HIGH:!aNULL:!MD5",
    "HIGH:!aNULL:!kRSA:!PSK:!SRP:!MD5:!RC4",
    "HIGH:!aNULL:@STRENGTH",
    "ALL:!EXPORT:!LOW:!aNULL:!eNULL:+RC4:@STRENGTH",
    "ALL:!ADH:!EXPORT56:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:+EXP",
    "AES256:AES128:+AES256",
    "ALL:+AESGCM",
    "ALL:+kECDHE:+aRSA",
    "ALL:-AESGCM:AESGCM",
    "ALL:-AES128:-AES256:AES",
    "ALL:-CHACHA20:-AESGCM:ALL",
    "AESGCM:!aRSA:aRSA",
    "AESGCM:!AESGCM:ALL",
    "!ALL",
    "ALL:-ALL",
    "ALL:-ALL:AESGCM",
    "CHACHA20:AESGCM:@STRENGTH",
    "AES128:AES256:@STRENGTH",
    "AES128:@STRENGTH:AES256",
    "ALL@STRENGTH",
    "DEFAULT@STRENGTH",
    "DEFAULT@SECLEVEL=0",
    "DEFAULT:@SECLEVEL=1",
    "DEFAULT:@SECLEVEL=5",
    "@SECLEVEL=2:ALL",
    "@SECLEVEL=2",
    "ALL:@SECLEVEL=6",
    "ALL:@SECLEVEL=",
    "ALL:@SECLEVEL=12",
    "ALL:@STRENGT",
    "ALL:@",
    "ALL:@STRENGTH+foo:AES",
    "DEFAULTxyz",
    "DEFAULT:-AESGCM:CHACHA20:AESGCM",
    "ALL:DEFAULT",
    "TLSv1.2+ECDHE+AESGCM",
    "TLSv1.2+TLSv1",
    "TLSv1.2+AES128-SHA",
    "AES128-SHA+AES",
    "AES128-SHA+CHACHA20",
    "AES128-SHA+AES256-SHA",
    "kRSA+ECDHE",
    "RC4+AES",
    "aRSA+aECDSA",
    "AES+CHACHA20:AESGCM",
    "AESGCM+",
    "AESGCM+:ECDHE",
    "+AESGCM",
    "-ALL:ECDHE",
    "AES128-SHA$",
    "AES128-SHA:$",
    "AES128-SHA\u{e9}",
    "!",
    "PROFILE=SYSTEM",
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:+AES",
    // The default of Node.
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:\
     ECDHE-ECDSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:\
     DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:DHE-RSA-AES256-SHA384:\
     ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256:HIGH:!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:\
     !PSK:!SRP:!CAMELLIA",
    // Mozilla's intermediate and old lists.
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
     ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
     DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305",
    "@SECLEVEL=0:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256:AES256-SHA:DES-CBC3-SHA",
    // nginx's, Apache's and Postfix' defaults.
    "HIGH:!aNULL:!MD5",
    "HIGH:MEDIUM:!aNULL:!SEED:!IDEA:!RC4",
    "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH",
];

#[test]
fn openssl_makes_the_same_of_every_list() {
    if !present() {
        return;
    }
    let encrypts = |name: &str| SUITES.iter().any(|suite| suite.name == name && suite.key_bits > 0);
    let random = random_lists(100);
    for list in LISTS.iter().copied().chain(random.iter().map(String::as_str)) {
        let theirs = openssl(list).map(|mut names| {
            names.retain(|name| encrypts(name));
            names
        });
        let ours = evaluate(list)
            .ok()
            .map(|evaluated| evaluated.suites.iter().map(|suite| suite.name).collect::<Vec<_>>());
        // No suite at all is an error there.
        let ours = ours.filter(|names| !names.is_empty()).map(|mut names| {
            names.retain(|name| encrypts(name));
            names
        });
        assert_eq!(
            ours.as_deref().unwrap_or_default(),
            theirs.as_deref().unwrap_or_default(),
            "{list:?}"
        );
        assert_eq!(ours.is_some(), theirs.is_some(), "{list:?}");
    }
}

/// Lists of one to eight rules, always the same ones.
fn random_lists(count: usize) -> Vec<String> {
    const WORDS: [&str; 24] = [
        "ALL",
        "HIGH",
        "ECDHE",
        "kECDHE",
        "aRSA",
        "aECDSA",
        "AESGCM",
        "AES128",
        "AES256",
        "AES",
        "CHACHA20",
        "SHA256",
        "SHA384",
        "SHA1",
        "TLSv1.2",
        "TLSv1",
        "kRSA",
        "DHE",
        "PSK",
        "CAMELLIA",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "AES256-SHA",
        "nope",
    ];
    let mut state = 0x5ea1_u64;
    let mut next = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut rule = move || match next(12) {
        0 => "@STRENGTH".to_owned(),
        kind => {
            let sign = ["", "", "", "", "-", "-", "+", "+", "!"][next(9)];
            let words: Vec<&str> = (0..=kind % 3).map(|_| WORDS[next(WORDS.len())]).collect();
            format!("{sign}{}", words.join("+"))
        }
    };
    (0..count).map(|n| (0..=n % 8).map(|_| rule()).collect::<Vec<_>>().join(":")).collect()
}

/// Whatever the text, it is a list or an error.
#[test]
fn no_text_is_too_strange() {
    proptest::proptest!(|(list in "[A-Z0-9a-z+!:@=,; \\-\u{e9}\u{0}]{0,40}")| {
        let _ = evaluate(&list);
    });
}

#[test]
fn every_suite_has_openssl_s_two_names_and_properties() {
    if !present() {
        return;
    }
    let output = Command::new("openssl")
        .args(["ciphers", "-stdname", "-v", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
        .output()
        .expect("openssl runs");
    let text = String::from_utf8(output.stdout).expect("it speaks ASCII");
    let mut compared = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().filter(|field| *field != "-").collect();
        let [iana, name, since, ..] = fields[..] else { panic!("{line}") };
        if since == "TLSv1.3" {
            continue;
        }
        let suite = SUITES.iter().find(|suite| suite.name == name).unwrap_or_else(|| {
            panic!("OpenSSL has {name}, the table has not");
        });
        assert_eq!(suite.iana, iana);
        let bits = format!("({})", suite.key_bits);
        assert!(suite.key_bits == 0 || line.contains(&bits), "{line}");
        compared += 1;
    }
    assert!(compared > 50, "openssl listed {compared} suites");
}

#[test]
fn the_security_level_is_read() {
    for (list, level) in
        [("ALL", None), ("DEFAULT@SECLEVEL=0", Some(0)), ("@SECLEVEL=1:ALL:@SECLEVEL=3", Some(3))]
    {
        assert_eq!(evaluate(list).unwrap().level, level, "{list}");
    }
    assert_eq!(evaluate("ALL:@SECLEVEL=7:AES").unwrap_err(), InvalidCommand("@SECLEVEL=7"));
    assert_eq!(evaluate("ALL:AES$:RSA").unwrap_err(), InvalidCommand("$"));
}
