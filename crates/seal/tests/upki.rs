//! Revocation of the public web from upki's data: filters made by their own builder, with upki as the judge.

mod peers;

use std::process::Command;

use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
use clubcard_crlite::builder::CRLiteBuilderItem;
use clubcard_crlite::{CRLiteClubcard, CRLiteCoverage, CRLiteQuery, Encoding, IssuerSpkiHash};
use peers::browser::{Opened, Scripts};
use peers::s_server::Openssl;
use peers::{Folder, Ran, installed};
use upki::revocation::{CertSerial, CtTimestamp, RevocationCheckInput, RevocationStatus, Store};

const LOG: [u8; 32] = [0xab; 32];
/// The same in base64.
const LOG_ID: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
const REVOKED: &[u8] = &[0x12, 0x34, 0x56];
const GOOD: &[u8] = &[0x12, 0x34, 0x57];
/// The filter knows of what the log has entered from here to there, in milliseconds.
const FROM: u64 = 1_700_000_000_000;
const TO: u64 = 1_800_000_000_000;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An extension with one timestamp of the log: what OpenSSL takes behind `DER:`.
fn timestamps(time: u64) -> String {
    let mut one = vec![0];
    one.extend(LOG);
    one.extend(time.to_be_bytes());
    // No extensions; an ECDSA signature, which nobody looks at here.
    one.extend([0, 0, 4, 3, 0, 4, 1, 2, 3, 4]);
    let mut list = u16::try_from(one.len()).unwrap().to_be_bytes().to_vec();
    list.extend(one);
    let mut all = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
    all.extend(list);
    format!("04{:02x}{}", all.len(), hex(&all))
}

/// A root, and the digest of its key.
fn root(dir: &Folder) -> [u8; 32] {
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root-key.pem -out root.pem -days 30 -subj /CN=Root",
    );
    dir.openssl("x509 -in root.pem -noout -pubkey -out key.pem");
    dir.openssl("pkey -pubin -in key.pem -outform DER -out key.der");
    dir.openssl("dgst -sha256 -binary -out digest key.der");
    dir.read("digest").try_into().expect("32 bytes")
}

fn leaf(dir: &Folder, name: &str, serial: &[u8], time: Option<u64>) {
    let mut extensions = "subjectAltName = DNS:a.test\n".to_owned();
    if let Some(time) = time {
        extensions += &format!("1.3.6.1.4.1.11129.2.4.2 = DER:{}\n", timestamps(time));
    }
    dir.write("extensions", extensions);
    dir.openssl(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}-key.pem -out csr.pem -subj /CN=a.test"
    ));
    dir.openssl(&format!(
        "x509 -req -in csr.pem -CA root.pem -CAkey root-key.pem -set_serial 0x{} -days 20 -extfile extensions -out {name}.pem",
        hex(serial)
    ));
}

/// The data: one filter that knows one issuer, and an index.
fn data(dir: &Folder, issuer: [u8; 32]) {
    let issuer = IssuerSpkiHash(issuer);
    let others: Vec<Vec<u8>> = (0_u64..255).map(|n| n.to_be_bytes().to_vec()).collect();
    let mut builder = ClubcardBuilder::new();
    let mut approximate = builder.new_approx_builder(&issuer.0);
    approximate.insert(CRLiteBuilderItem::revoked(issuer, REVOKED.to_vec()));
    approximate.set_universe_size(others.len() + 2);
    builder.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
    let mut exact = builder.new_exact_builder(&issuer.0);
    exact.insert(CRLiteBuilderItem::revoked(issuer, REVOKED.to_vec()));
    for good in others.into_iter().chain([GOOD.to_vec()]) {
        exact.insert(CRLiteBuilderItem::not_revoked(issuer, good));
    }
    builder.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
    let logs = format!(
        "[{{\"LogID\":\"{LOG_ID}\",\"MinTimestamp\":{FROM},\"MaxTimestamp\":{TO},\"MMD\":0,\"MinEntry\":0}}]"
    );
    let coverage = CRLiteCoverage::from_mozilla_ct_logs_json(logs.as_bytes());
    let card = CRLiteClubcard::from(builder.build::<CRLiteQuery<'_>>(coverage, ()));
    std::fs::create_dir_all(dir.path("cache/revocation")).unwrap();
    dir.write("cache/revocation/one.filter", card.to_bytes(Encoding::V4).unwrap());

    let mut index = b"upkiidx1".to_vec();
    index.extend(1_u16.to_be_bytes());
    index.extend(1_u32.to_be_bytes());
    let mut name = b"one.filter".to_vec();
    name.resize(32, 0);
    index.extend(name);
    index.extend(LOG);
    let spans = index.len() as u64 + 8 + 2;
    index.extend(spans.to_be_bytes());
    index.extend(1_u16.to_be_bytes());
    index.extend(0_u16.to_be_bytes());
    index.extend(FROM.to_be_bytes());
    index.extend(TO.to_be_bytes());
    dir.write("cache/revocation/index.bin", index);
}

fn verify(dir: &Folder, name: &str) -> Ran {
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.env("SEAL_UPKI", dir.path("cache/revocation"));
    let file = format!("{name}.pem");
    dir.run(seal, &["cert", "verify", "--ca", "root.pem", &file], b"")
}

#[test]
fn a_verdict_says_what_upki_says() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    let issuer = root(&dir);
    data(&dir, issuer);
    let cache = dir.path("cache").display().to_string();
    dir.write(
        "upki.toml",
        format!("cache-dir = {cache:?}\n[revocation]\nfetch-url = \"https://a.test/\"\n"),
    );
    let config = upki::Config::from_file(&dir.path("upki.toml")).expect("a configuration");
    let store = Store::from_config(&config);
    let middle = (FROM + TO) / 2;
    for (name, serial, time, theirs, ours) in [
        ("revoked", REVOKED, Some(middle), RevocationStatus::CertainlyRevoked, "revoked"),
        ("good", GOOD, Some(middle), RevocationStatus::NotRevoked, "not revoked"),
        ("new", REVOKED, Some(TO + 1), RevocationStatus::NotCoveredByRevocationData, "not covered"),
        (
            "old",
            REVOKED,
            Some(FROM - 1),
            RevocationStatus::NotCoveredByRevocationData,
            "not covered",
        ),
        ("unlogged", REVOKED, None, RevocationStatus::NotCoveredByRevocationData, "not covered"),
    ] {
        leaf(&dir, name, serial, time);
        let stamps = time.map(|timestamp| CtTimestamp { log_id: LOG, timestamp });
        let input = RevocationCheckInput::new(
            CertSerial(serial.to_vec()),
            IssuerSpkiHash(issuer),
            stamps.into_iter().collect(),
        );
        assert_eq!(store.check(&input).unwrap(), theirs, "{name}");
        let ran = verify(&dir, name);
        let said = format!("(upki's data, 0 hours old): {ours}\n");
        assert!(ran.text().contains(&said), "{name}: {ran:?}");
        assert_eq!(ran.code, i32::from(ours == "revoked"), "{name}: {ran:?}");
        assert_eq!(ran.text().contains("CERT_REVOKED"), ours == "revoked", "{name}: {ran:?}");
    }
    // Whoever is refused already is not asked about, and without data nobody is.
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    seal.env("SEAL_UPKI", "off");
    let ran = dir.run(seal, &["cert", "verify", "--ca", "root.pem", "revoked.pem"], b"").ok();
    assert!(!ran.text().contains("upki"), "{ran:?}");
}

/// What looks at a server says the same of its certificate, and how old the data are.
#[test]
fn servers_are_asked_about_too() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    let issuer = root(&dir);
    data(&dir, issuer);
    let middle = (FROM + TO) / 2;
    for (name, serial, time, said) in [
        ("good", GOOD, Some(middle), "not revoked"),
        ("new", REVOKED, Some(TO + 1), "not covered"),
        ("revoked", REVOKED, Some(middle), "revoked"),
    ] {
        leaf(&dir, name, serial, time);
        let server = Openssl::start(&dir, &format!("-cert {name}.pem -key {name}-key.pem"));
        let at = format!("localhost:{} --ca root.pem --servername a.test", server.port);
        let said_of = |line: &str| {
            let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
            seal.env("SEAL_UPKI", dir.path("cache/revocation"));
            let line = format!("{line} {at}");
            let ran = dir.run(seal, &line.split(' ').collect::<Vec<_>>(), b"");
            assert_eq!(ran.code, i32::from(said == "revoked"), "{name}: {ran:?}");
            format!("{}{}", ran.text(), ran.stderr)
        };
        let card = said_of("inspect");
        let line = format!("revocation on the public web (upki's data, 0 hours old): {said}\n");
        assert!(card.contains(&line), "{name}: {card}");
        let facts = said_of("inspect --json");
        assert!(facts.contains(&format!("\"status\": \"{said}\"")), "{name}: {facts}");
        let told = said_of("connect");
        let line = match said {
            "revoked" => "CERT_REVOKED".to_owned(),
            _ => format!("revocation  on the public web (upki's data, 0 hours old): {said}\n"),
        };
        assert!(told.contains(&line), "{name}: {told}");
    }
}

#[test]
fn data_that_are_not_whole_refuse_or_are_told_of() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    let issuer = root(&dir);
    data(&dir, issuer);
    leaf(&dir, "good", GOOD, Some((FROM + TO) / 2));
    verify(&dir, "good").ok();
    // A file that the index names is not what it should be, or not there.
    dir.write("cache/revocation/one.filter", "no filter");
    let ran = verify(&dir, "good");
    assert_eq!((ran.code, ran.text().contains("UNABLE_TO_GET_CRL")), (1, true), "{ran:?}");
    std::fs::remove_file(dir.path("cache/revocation/one.filter")).unwrap();
    let ran = verify(&dir, "good");
    assert!(ran.code == 1 && ran.text().contains("one.filter"), "{ran:?}");
    // Without an index there are no data.
    let whole = dir.read("cache/revocation/index.bin");
    for broken in [&b"upkiidx9"[..], &whole[..20], &whole[..whole.len() - 60], b""] {
        dir.write("cache/revocation/index.bin", broken);
        let ran = verify(&dir, "good").ok();
        assert!(ran.stderr.contains("revocation on the public web cannot be checked"), "{ran:?}");
    }
    // Spans that are cut off are found when they are looked at.
    dir.write("cache/revocation/index.bin", &whole[..whole.len() - 4]);
    let ran = verify(&dir, "good");
    assert!(ran.code == 1 && ran.text().contains("index.bin"), "{ran:?}");
}

/// The debugging proxy says it of each origin: in the terminal, to programs, and of what it has recorded.
#[test]
fn the_proxy_says_it_of_origins() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = Folder::new();
    let issuer = root(&dir);
    data(&dir, issuer);
    let middle = (FROM + TO) / 2;
    for (name, serial, time, said) in [
        ("good", GOOD, Some(middle), "not revoked"),
        ("new", REVOKED, Some(TO + 1), "not covered"),
        ("revoked", REVOKED, Some(middle), "revoked"),
    ] {
        leaf(&dir, name, serial, time);
        let server = Openssl::start(&dir, &format!("-cert {name}.pem -key {name}-key.pem -www"));
        let to = format!("a.test:443:localhost:{}", server.port);
        let session = format!("{name}.db");
        let through = |options: &[&str]| {
            let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
            seal.env("SEAL_UPKI", dir.path("cache/revocation"));
            let curl = ["--", "curl", "-sS", "-o", "page", "--connect-to", &to, "https://a.test/"];
            let options = [&["proxy", "run", "--ca", "root.pem"], options, &curl].concat();
            dir.run(seal, &options, b"").ok()
        };
        let line = format!(
            "tls a.test: revocation on the public web (upki's data, 0 hours old): {said}\n"
        );
        let ran = through(&["--session", &session]);
        assert!(ran.stderr.contains(&line), "{name}: {ran:?}");
        let ran = through(&["--no-session", "--json"]);
        let events = ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let events: Vec<serde_json::Value> = events.collect();
        let of = |leg: &str| {
            let mut shakes = events.iter().filter(|event| event["type"] == "handshake");
            shakes.find(|event| event["leg"] == leg).expect("a handshake")["public_revocation"]
                .clone()
        };
        assert_eq!(of("origin"), serde_json::json!({ "status": said, "hours": 0 }), "{name}");
        assert!(of("client").is_null(), "{name}");
        // What the page shows, an agent gets, too.
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"show_tls","arguments":{"id":1}}}"#;
        let told = dir.seal_with(&["proxy", "mcp", &session], call.as_bytes()).ok();
        let told: serde_json::Value = serde_json::from_str(told.text()).expect("JSON");
        let told = told["result"]["content"][0]["text"].as_str().expect("a text");
        let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
        let shakes = told["handshakes"].as_array().expect("handshakes");
        let shake = shakes.iter().find(|shake| shake["leg"] == "origin").expect("the origin's");
        assert_eq!(shake["public_revocation"]["status"], said, "{name}");
    }
    // And so does the page itself.
    let Some(scripts) = Scripts::found(&[]) else { return };
    for (session, said) in [("good.db", "not revoked"), ("revoked.db", "revoked")] {
        let opened = Opened::start(&dir, session);
        let said = format!("{said}, by upki’s data, 0 hours old");
        let asked = [&opened.page, "/", "3", "Revocation on the public web", &said];
        let ran = scripts.run(&dir, "shows.mjs", &asked).ok();
        assert!(ran.text().ends_with("done\n"), "{session}: {ran:?}");
    }
}
