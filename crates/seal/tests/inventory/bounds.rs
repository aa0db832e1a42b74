//! What cannot be read, holds nothing, or is made to take memory or time.

use std::time::{Duration, Instant};

use super::peers::{Folder, installed};
use super::{material, of_kind, rows, shell};

#[test]
fn what_cannot_be_read_is_a_row_with_its_cause() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.openssl("pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:secret -out closed.pfx");
    let pem = String::from_utf8(dir.read("leaf.pem")).unwrap();
    dir.write("broken.pem", pem.replacen('M', "*", 1));
    dir.write("cut.jks", b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01");
    dir.write("cut.tar.gz", b"\x1f\x8b\x08\0\0");
    let ran =
        dir.seal("inventory closed.pfx broken.pem cut.jks cut.tar.gz none.pem leaf.pem --json");
    // What is not there is taken for the name of a server.
    assert_eq!(ran.code, 1, "{ran:?}");
    let all = rows(&ran);
    let why = |place: &str| {
        let row = all.iter().find(|row| row["places"][0].as_str().unwrap().starts_with(place));
        row.unwrap_or_else(|| panic!("{place}: {ran:?}"))["note"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        why("closed.pfx").contains("no passphrase of --passwords opens it"),
        "{}",
        why("closed.pfx")
    );
    assert!(why("broken.pem").contains("line 1"), "{}", why("broken.pem"));
    assert!(why("cut.jks").contains("it ends too early"));
    assert!(!why("cut.tar.gz").is_empty() && !why("none.pem").is_empty());
    assert_eq!(of_kind(&all, "leaf").len(), 1);
    assert_eq!(dir.seal("inventory no/such.pem").code, 1);
    let twice = dir.seal("inventory broken.pem broken.pem cut.jks cut.jks --json");
    assert_eq!(rows(&twice).len(), 2, "{}", twice.text());
}

/// Files of the kernel that never end are empty by their length.
#[test]
#[cfg(target_os = "linux")]
fn the_kernels_files_keep_nobody_waiting() {
    let dir = Folder::new();
    let ran = dir.seal("inventory /proc/kmsg /proc/sys/kernel --json");
    assert!((0..=1).contains(&ran.code), "{ran:?}");
}

/// Small files that are made to take memory or time.
#[test]
fn what_is_made_to_grow_is_ended() {
    if !installed(&["openssl", "gzip"]) {
        return;
    }
    let dir = material();
    let pem = String::from_utf8(dir.read("leaf.pem")).unwrap();
    // An entry whose name does not end; the same behind one that is read.
    let mut tar = tar_entry("leaf.pem", b'0', pem.len() as u64, pem.as_bytes());
    tar.extend(tar_entry("././@LongLink", b'L', 1 << 40, &vec![b'a'; 3 << 20]));
    dir.write("name.tar", tar);
    let all = rows(&dir.seal("inventory name.tar --json"));
    assert_eq!(of_kind(&all, "leaf").len(), 1);
    let note = of_kind(&all, "unreadable")[0]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("what stands before an entry is longer than 1 MB"), "{note}");
    // The same fault over and over.
    let fault = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    dir.write("faults.pem", fault.repeat(10_000));
    let all = rows(&dir.seal("inventory faults.pem --json"));
    assert_eq!(all.len(), 100);
    assert!(
        all.iter().any(|row| row["note"] == "100 things of it cannot be read: not read further")
    );
    // One line with many secrets, and one file with many certificates.
    shell(
        &dir,
        r#"value=$(base64 -w0 leaf.pem)
        { printf '['; yes "{\"tls.crt\":\"$value\"}," | head -n 5000 | tr -d '\n'; printf '0]'; } > line.json"#,
    );
    let started = Instant::now();
    let all = rows(&dir.seal("inventory line.json --json").ok());
    assert_eq!(all[0]["places"], serde_json::json!(["line.json: tls.crt"]));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// An entry of a tar, with so long a body as is given, whatever length it says.
fn tar_entry(name: &str, kind: u8, length: u64, body: &[u8]) -> Vec<u8> {
    let mut head = [0u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(&[&[0x80, 0, 0, 0][..], &length.to_be_bytes()].concat());
    head[148..156].fill(b' ');
    head[156] = kind;
    head[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = [&head[..], body].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

#[test]
fn what_was_named_and_holds_nothing_is_told() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    shell(&dir, "mkdir folder; : > folder/empty.pem; mkfifo folder/pipe; ln -s gone folder/link");
    let ran = dir.seal("inventory folder").ok();
    assert_eq!(ran.text(), "");
    assert!(ran.stderr.contains("no certificate and no revocation list was found"), "{ran:?}");
    let pipe = dir.seal("inventory folder/pipe --json");
    assert_eq!(pipe.code, 1);
    let note = rows(&pipe)[0]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("neither a file nor a folder"), "{note}");
    // Longer than what is read: a log that is met is passed over, what was named is not.
    shell(&dir, "yes text | head -c 67108865 > folder/log");
    assert_eq!(dir.seal("inventory folder").code, 0);
    let named = dir.seal("inventory folder/log --json");
    assert_eq!(named.code, 1);
    assert!(named.text().contains("longer than 64 MB"), "{}", named.text());
    dir.seal_with(&["inventory", "folder", ""], b"").err_is("a target is empty");
}
