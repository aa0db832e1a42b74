//! What other programs are given: a CBOM, SARIF and JUnit. The judges are the schemas, as packages of Python
//! carry them.

mod peers;

use std::process::Command;

use peers::served::Served;
use peers::{Folder, Ran};
use serde_json::Value;

/// Whether Python has this module, `.ci/run` installs it.
fn python_has(module: &str) -> bool {
    let ran = Command::new("python3").args(["-c", &format!("import {module}")]).output();
    let found = ran.is_ok_and(|ran| ran.status.success());
    sealwire_testing::required(found, &format!("python3 has no module {module}"))
}

fn python(dir: &Folder, script: &str) -> Ran {
    dir.run(Command::new("python3"), &["-c", script], b"")
}

/// A CA, certificates of several kinds by it and by themselves, with their keys in the same folder.
fn material() -> Folder {
    let dir = Folder::new();
    std::fs::create_dir(dir.path("all")).unwrap();
    for line in [
        "ca init --ca-dir ca",
        "ca issue --ca-dir ca localhost --cert-file all/ec.pem --key-file all/ec.key",
        "ca issue --ca-dir ca localhost --cert-file all/rsa.pem --key-file all/rsa.key --key-kind rsa:2048",
        "key new --ml-dsa-65 --out all/pq.key",
        "cert self-sign --key all/pq.key --name localhost --out all/pq.pem",
        "key new --ed25519 --out all/ed.key",
        "cert self-sign --key all/ed.key --name ed.test --out all/ed.pem",
    ] {
        dir.seal(line).ok();
    }
    let chain = [dir.read("all/rsa.pem"), dir.read("all/rsa.key"), dir.read("ca/ca.pem")].concat();
    dir.write("all/a&b \"c\" <d>.pem", chain);
    dir
}

#[test]
fn the_schema_of_cyclonedx_accepts_the_cbom() {
    if !python_has("cyclonedx, jsonschema") {
        return;
    }
    let dir = material();
    let server = Served::start(&dir, "--cert all/pq.pem --key all/pq.key");
    let port = server.port;
    dir.write("all/cut.der", [0x30, 0x82, 5, 0, 1]);
    dir.seal(&format!("inventory all localhost:{port} --posture --cbom bom.json"));
    let ran = python(
        &dir,
        "from cyclonedx.validation.json import JsonStrictValidator as V\n\
         from cyclonedx.schema import SchemaVersion as S\n\
         fault = V(S.V1_7).validate_str(open('bom.json').read())\n\
         assert fault is None, fault",
    );
    ran.ok();
    let bom: Value = serde_json::from_slice(&dir.read("bom.json")).unwrap();
    let components = bom["components"].as_array().unwrap();
    let of = |kind: &str| {
        components.iter().filter(|it| it["cryptoProperties"]["assetType"] == kind).count()
    };
    // The root's certificate and four leaves; a key of each.
    assert_eq!((of("certificate"), of("related-crypto-material"), of("protocol")), (5, 5, 1));
    let named = |name: &str| {
        let found = components.iter().find(|it| it["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {bom}"))["cryptoProperties"]["algorithmProperties"]
            .clone()
    };
    assert_eq!(named("ML-DSA-65")["nistQuantumSecurityLevel"], 3);
    assert_eq!(named("X25519MLKEM768")["nistQuantumSecurityLevel"], 3);
    assert_eq!(named("X25519")["nistQuantumSecurityLevel"], 0);
    assert_eq!(named("RSA 2048")["algorithmFamily"], "RSASSA-PKCS1");
    assert_eq!(bom["compositions"][0]["aggregate"], "incomplete");
    // References lead somewhere.
    let references: Vec<&str> =
        components.iter().map(|it| it["bom-ref"].as_str().unwrap()).collect();
    for component in components {
        for (_, properties) in component["cryptoProperties"].as_object().unwrap() {
            for related in properties["relatedCryptographicAssets"].as_array().into_iter().flatten()
            {
                assert!(references.contains(&related["ref"].as_str().unwrap()), "{related}");
            }
        }
    }
    let shown = dir.seal("inventory all/ec.pem --cbom -").ok();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["specVersion"], "1.7");
}

/// No part of a private key is in what is written, in whichever form.
#[test]
fn no_private_bytes_are_written() {
    let dir = material();
    dir.seal("inventory all --cbom bom.json --sarif i.sarif --junit i.xml");
    dir.seal("inspect all --sarif a.sarif --junit a.xml");
    let written: Vec<(&str, Vec<u8>)> = ["bom.json", "i.sarif", "i.xml", "a.sarif", "a.xml"]
        .into_iter()
        .map(|file| (file, dir.read(file)))
        .collect();
    for key in ["ec", "rsa", "pq", "ed"] {
        let key = sealwire::pki::PrivateKey::from_file(&dir.path(&format!("all/{key}.key")), None)
            .unwrap();
        let (pem, public) = (key.to_pem(), key.spki_der().to_vec());
        // Lines of PEM, and parts of the key in hexadecimal of either case, but those of its public half.
        let lines = pem.lines().filter(|line| line.len() >= 40 && !line.starts_with('-'));
        let mut secrets: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().to_vec()).collect();
        for part in key.to_pkcs8_der().chunks(16).filter(|part| part.len() == 16) {
            if public.windows(16).any(|known| known == part) {
                continue;
            }
            let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            secrets.extend([part.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()]);
        }
        for (file, text) in &written {
            for secret in &secrets {
                let is_in = text.windows(secret.len()).any(|part| part == secret);
                assert!(!is_in, "{file} has {}", String::from_utf8_lossy(secret));
            }
        }
    }
}

#[test]
fn models_of_the_schema_accept_sarif_and_a_reader_accepts_junit() {
    if !python_has("pydantic_sarif.model, junitparser") {
        return;
    }
    let dir = material();
    let server = Served::start(&dir, "--cert all/pq.pem --key all/pq.key");
    let port = server.port;
    dir.openssl(
        "req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.pem -days 9000 -subj /CN=w -sha1",
    );
    dir.openssl("rsa -in weak.key -traditional -aes128 -passout pass:x -out old.key");
    for (line, findings, tests) in [
        ("cert lint weak.pem all/ec.pem", 1, 2),
        ("key lint old.key", 0, 1),
        (&format!("inspect all localhost:{port} --posture"), 1, 10),
        (&format!("inventory all weak.pem localhost:{port} no/such --posture"), 2, 7),
    ] {
        dir.seal(&format!("{line} --sarif f.sarif --junit f.xml"));
        let ran = python(
            &dir,
            "import json\n\
             from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as M\n\
             from junitparser import JUnitXml\n\
             text = open('f.sarif').read()\n\
             M.model_validate_json(text)\n\
             run = json.loads(text)['runs'][0]\n\
             rules = [rule['id'] for rule in run['tool']['driver']['rules']]\n\
             assert all(rules[r['ruleIndex']] == r['ruleId'] for r in run['results'])\n\
             levels = [r['level'] for r in run['results']]\n\
             xml = JUnitXml.fromfile('f.xml')\n\
             cases = [case for suite in xml for case in suite]\n\
             failed = [case for case in cases if any(r.__class__.__name__ == 'Failure' for r in case.result)]\n\
             assert xml.tests == len(cases) and xml.failures == len(failed), (xml.tests, xml.failures)\n\
             assert bool(failed) == any(level != 'note' for level in levels), levels\n\
             print(len(levels), len(cases))",
        )
        .ok();
        let counts: Vec<usize> =
            ran.text().split_whitespace().map(|count| count.parse().unwrap()).collect();
        assert!(counts[0] >= findings && counts[1] >= tests, "{line}: {counts:?}");
    }
    let sarif = String::from_utf8(dir.read("f.sarif")).unwrap();
    assert!(sarif.contains("\"uri\": \"no/such\""), "{sarif}");
    dir.seal("inventory all --sarif -").err_is("give a file");
}

/// What `inspect` says of a file that is good for nothing, under one code in both forms.
#[test]
fn what_is_wrong_with_a_file_has_a_code() {
    if !peers::installed(&["openssl"]) {
        return;
    }
    let dir = material();
    // A list of one ECH configuration, of a version that is a draft's.
    dir.write("ech.pem", "-----BEGIN ECHCONFIG-----\nAAb+CgACAAA=\n-----END ECHCONFIG-----\n");
    dir.openssl("req -new -key all/rsa.key -subj /CN=a -outform DER -out request.der");
    let mut request = dir.read("request.der");
    *request.last_mut().unwrap() ^= 1;
    dir.write("request.der", request);
    dir.openssl("req -new -key all/rsa.key -subj /CN=a -out a.csr");
    dir.openssl("x509 -req -in a.csr -signkey all/rsa.key -days -1 -out over.pem");
    for (file, code) in [
        ("ech.pem", "NO_ECH_CONFIG"),
        ("request.der", "BAD_SIGNATURE"),
        ("over.pem", "NOT_VALID_NOW"),
    ] {
        let ran = dir.seal(&format!("inspect {file} --sarif f.sarif --junit f.xml"));
        assert_eq!(ran.code, 1, "{file}: {ran:?}");
        let sarif: Value = serde_json::from_slice(&dir.read("f.sarif")).unwrap();
        let results = &sarif["runs"][0]["results"];
        let found: Vec<_> = results.as_array().unwrap().iter().map(|one| &one["ruleId"]).collect();
        assert_eq!(found, [code], "{file}: {sarif:#}");
        assert_eq!(results[0]["level"], "error", "{file}: {sarif:#}");
        let uri = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(uri, file, "{sarif:#}");
        let junit = String::from_utf8(dir.read("f.xml")).unwrap();
        assert!(junit.contains("failures=\"1\"") && junit.contains(code), "{file}: {junit}");
    }
}
