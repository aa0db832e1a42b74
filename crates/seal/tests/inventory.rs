//! What is there, in files of every kind and on servers: openssl, keytool, tar and gzip make them.

mod peers;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use peers::s_server::Openssl;
use peers::{Folder, Ran, installed};
use serde_json::Value;

/// A CA and a server's certificate for 90 days.
fn material() -> Folder {
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 \
         -subj /CN=root",
    );
    issue(&dir, "leaf", "90", "serverAuth");
    dir
}

fn issue(dir: &Folder, name: &str, days: &str, purpose: &str) {
    dir.write("ext", format!("subjectAltName=DNS:localhost\nextendedKeyUsage={purpose}\n"));
    dir.openssl(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
    ));
    dir.openssl(&format!(
        "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile ext -out {name}.pem"
    ));
}

fn shell(dir: &Folder, script: &str) -> Ran {
    dir.run(Command::new("sh"), &["-euc", script], b"").ok()
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(rows: &'a [Value], kind: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

#[test]
fn one_certificate_in_files_of_every_kind_is_one_row() {
    if !installed(&["openssl", "keytool", "tar", "gzip", "base64"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"mkdir all all/deeper
        cp leaf.pem all/deeper/leaf.pem
        cat leaf.pem ca.pem leaf.key > all/chain.pem
        openssl x509 -in leaf.pem -outform DER -out all/leaf.der
        openssl crl2pkcs7 -nocrl -certfile leaf.pem -outform DER -out all/bundle.p7b
        openssl crl2pkcs7 -nocrl -certfile leaf.pem -out all/bundle.p7c
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -certfile ca.pem -name mine -passout pass:of-the-file -out all/id.pfx
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -name mine -passout pass:changeit -out java.p12
        for kind in jks jceks; do
          keytool -importkeystore -srckeystore java.p12 -srcstoretype PKCS12 -srcstorepass changeit \
            -destkeystore all/store.$kind -deststoretype $kind -deststorepass changeit >/dev/null 2>&1
        done
        value=$(base64 -w0 leaf.pem)
        printf 'apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\ndata:\n  tls.crt: %s\n' "$value" > all/secret.yaml
        printf '{"kind":"List","items":[{"data":{"tls.crt":"%s"}}]}' "$value" > all/secrets.json
        printf 'users:\n- name: me\n  user:\n    client-certificate-data: %s\n' "$value" > all/kubeconfig
        { printf 'stringData:\n  tls.crt: |\n'; sed 's/^/    /' leaf.pem; } > all/string.yaml
        { printf '{"cert":"'; sed 's/$/\\n/' leaf.pem | tr -d '\n'; printf '"}'; } > all/string.json
        mkdir -p image/etc/ssl
        cp leaf.pem image/etc/ssl/leaf.pem
        tar -C image -cf layer.tar etc
        gzip -k layer.tar
        tar -cf all/image.tar layer.tar layer.tar.gz
        printf 'no certificate here' > all/notes.txt
        head -c 100000 /dev/urandom > all/noise.bin
        ln -s . all/circle
        mkfifo all/pipe
        printf 'another\nof-the-file\n' > passwords"#,
    );
    let ran = dir.seal("inventory all --passwords passwords --ca ca.pem --json").ok();
    let rows = rows(&ran);
    assert_eq!(rows.len(), 2, "{}", ran.text());
    let leaf = of_kind(&rows, "leaf")[0];
    let places: Vec<&str> =
        leaf["places"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        places,
        [
            "all/bundle.p7b",
            "all/bundle.p7c",
            "all/chain.pem",
            "all/deeper/leaf.pem",
            "all/id.pfx (mine)",
            "all/image.tar!layer.tar!etc/ssl/leaf.pem",
            "all/image.tar!layer.tar.gz!etc/ssl/leaf.pem",
            "all/kubeconfig: client-certificate-data",
            "all/leaf.der",
            "all/secret.yaml: tls.crt",
            "all/secrets.json: tls.crt",
            "all/store.jceks (mine)",
            "all/store.jks (mine)",
            "all/string.json",
            "all/string.yaml",
        ]
    );
    let openssl = dir.openssl("x509 -in leaf.pem -noout -fingerprint -sha256");
    let fingerprint = openssl.text().trim().rsplit('=').next().unwrap().to_owned();
    assert_eq!(leaf["fingerprint_sha256"], fingerprint);
    assert_eq!(leaf["trusted"], true);
    assert_eq!(of_kind(&rows, "root")[0]["subject"], "CN=root");
}

#[test]
fn what_ends_first_comes_first_and_scripts_hear_of_it() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    issue(&dir, "soon", "10", "serverAuth");
    issue(&dir, "client", "200", "clientAuth");
    let listed = dir.seal("inventory leaf.pem soon.pem client.pem --ca ca.pem --json");
    assert_eq!(listed.code, 1);
    let all = rows(&listed);
    let told: Vec<_> = all
        .iter()
        .map(|row| (row["subject"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("CN=soon", "ends"), ("CN=leaf", "good"), ("CN=client", "good")]);
    assert_eq!(dir.seal("inventory leaf.pem soon.pem --within 5d").code, 0);
    assert_eq!(dir.seal("inventory leaf.pem soon.pem --within 100d").code, 1);
    // The verdict counts where it was said whom to trust.
    let stranger =
        "req -x509 -newkey rsa:2048 -nodes -keyout o.key -out other.pem -days 90 -subj /CN=other";
    dir.openssl(stranger);
    assert_eq!(dir.seal("inventory leaf.pem").code, 0);
    let judged = dir.seal("inventory leaf.pem --ca other.pem --json");
    assert_eq!(judged.code, 1);
    assert_eq!(rows(&judged)[0]["code"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    let table = dir.seal("inventory leaf.pem soon.pem --ca ca.pem");
    let lines: Vec<_> = table.text().lines().collect();
    assert!(lines[0].starts_with("ENDS"), "{}", table.text());
    assert!(lines[1].contains("days left") && lines[1].ends_with("soon.pem"), "{}", table.text());
}

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

#[test]
fn what_stands_beside_a_fault_is_read() {
    if !installed(&["openssl", "keytool", "base64"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"one=$(sed 's/$/\\n/' leaf.pem | tr -d '\n' | sed 's/\\n$//')
        two=$(sed 's/$/\\n/' ca.pem | tr -d '\n' | sed 's/\\n$//')
        printf '[{"c":"%s"},{"c":"%s"}]' "$one" "$two" > one-line.json
        sed 's/+/\\u002B/g; s/=/\\u003D/g' one-line.json > net.json
        keytool -importcert -noprompt -alias a -file leaf.pem -keystore two.jks -storetype JKS \
          -storepass changeit 2>/dev/null
        keytool -importcert -noprompt -alias b -file ca.pem -keystore two.jks -storetype JKS \
          -storepass changeit 2>/dev/null
        size=$(wc -c < two.jks)
        head -c $((size - 100)) two.jks > cut.jks
        printf 'a:\n  tls.crt: %s\n' "$(base64 -w0 leaf.pem | head -c 301)" > cut.yaml
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:x -out whole.pfx
        head -c 300 whole.pfx > cut.pfx
        openssl x509 -in leaf.pem -outform DER -out leaf.der
        head -c 200 leaf.der > cut.der
        cp cut.der cut.bin
        { cat leaf.der; echo; } > more.der"#,
    );
    for file in ["one-line.json", "net.json"] {
        let all = rows(&dir.seal(&format!("inventory {file} --json")).ok());
        assert_eq!((of_kind(&all, "leaf").len(), of_kind(&all, "root").len()), (1, 1), "{file}");
    }
    let all = rows(&dir.seal("inventory cut.jks cut.yaml cut.pfx cut.der cut.bin more.der --json"));
    let certificates = of_kind(&all, "leaf").len() + of_kind(&all, "root").len();
    assert_eq!(certificates, 1, "{all:?}");
    let faults: Vec<_> = of_kind(&all, "unreadable")
        .iter()
        .map(|row| (row["places"][0].as_str().unwrap(), row["note"].as_str().unwrap()))
        .collect();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert_eq!(faults[0], ("cut.der", "DER that ends too early"));
    assert_eq!(faults[1], ("cut.jks", "Java key store: it ends too early"));
    assert_eq!(faults[2], ("cut.pfx", "PFX: the PFX is broken: it ends too early"));
    assert_eq!(faults[3], ("cut.yaml: tls.crt", "PEM in base64 that is broken or was cut off"));
    assert!(faults[4].0 == "more.der" && faults[4].1.contains("more bytes follow the DER"));
}

/// Files that a kubeconfig names, base64 in lines, what follows a gzip file, and what is left out.
#[test]
fn what_lies_elsewhere_or_in_lines_is_found_and_what_is_excluded_is_not() {
    if !installed(&["openssl", "gzip", "base64", "tar"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"mkdir -p conf pki all/vendor/deep
        cp leaf.pem pki/client.crt
        cp ca.pem pki/ca.crt
        { printf 'apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority: ../pki/ca.crt\n'
          printf 'users:\n- user:\n    client-certificate: "../pki/client.crt"\n    client-key: none.key\n'
          printf -- '- user:\n    client-certificate: gone.crt\n'; } > conf/config
        { printf 'data:\n  tls.crt: |\n'; base64 leaf.pem | sed 's/^/    /'; printf '  b: 1\n'; } > all/lines.yaml
        { gzip -c leaf.pem; gzip -c ca.pem; printf 'and a signature'; } > all/two.pem.gz
        cp leaf.pem all/vendor/deep/one.pem
        cp leaf.pem all/old.bak"#,
    );
    let all = rows(&dir.seal("inventory conf --json"));
    let leaf = of_kind(&all, "leaf")[0];
    assert_eq!(leaf["places"], serde_json::json!(["conf/../pki/client.crt"]));
    assert_eq!(of_kind(&all, "root")[0]["places"], serde_json::json!(["conf/../pki/ca.crt"]));
    let unreadable = of_kind(&all, "unreadable");
    assert_eq!(unreadable.len(), 1, "{all:?}");
    assert_eq!(unreadable[0]["places"], serde_json::json!(["conf/config: gone.crt"]));
    let all = rows(&dir.seal("inventory all --exclude vendor --exclude *.bak --json").ok());
    let places = serde_json::json!(["all/lines.yaml: tls.crt", "all/two.pem.gz"]);
    assert_eq!(of_kind(&all, "leaf")[0]["places"], places, "{all:?}");
    assert_eq!(of_kind(&all, "root")[0]["places"], serde_json::json!(["all/two.pem.gz"]));
    let all = rows(&dir.seal("inventory all --exclude all/**/deep --exclude all/l* --json").ok());
    let places = serde_json::json!(["all/old.bak", "all/two.pem.gz"]);
    assert_eq!(of_kind(&all, "leaf")[0]["places"], places, "{all:?}");
}

/// `inspect` and `cert check` take files, folders and servers together.
#[test]
fn several_targets_are_looked_at_by_inspect_and_cert_check() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    issue(&dir, "soon", "10", "serverAuth");
    let server = Openssl::start(&dir, "-cert leaf.pem -key leaf.key -cert_chain ca.pem");
    let at = format!("localhost:{}", server.port);
    shell(
        &dir,
        "mkdir -p all/deeper; cp soon.pem all/deeper/; cp leaf.pem all/; printf x > all/notes",
    );
    let ran = dir.seal(&format!("inspect all {at} leaf.key --ca ca.pem --exclude *.key")).ok();
    for part in ["all/deeper/soon.pem", "all/leaf.pem", "CN=soon", "speaks     TLSv1."] {
        assert!(ran.text().contains(part), "{part} in {}", ran.text());
    }
    let ran = dir.seal(&format!("inspect none.pem {at} --ca ca.pem"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("none.pem") && ran.text().contains("speaks"), "{ran:?}");
    dir.seal("inspect leaf.pem soon.pem --scan")
        .err_is("it is a file, and --scan is about a server");
    let ran = dir.seal(&format!("cert check all leaf.pem {at} --within 5d")).ok();
    assert_eq!(ran.text().lines().count(), 5, "{}", ran.text());
    let ran = dir.seal(&format!("cert check all {at} --within 20d --json"));
    assert_eq!(ran.code, 1);
    let lines: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let bad: Vec<&Value> =
        lines.as_array().unwrap().iter().filter(|line| line["good"] == false).collect();
    assert_eq!(bad.len(), 1, "{lines}");
    assert_eq!(bad[0]["subject"], "CN=soon");
    assert_eq!(dir.seal("cert check localhost:1").code, 1);
}

/// A server has a row of its own: what its handshake agreed on, and with --posture what it knows.
#[test]
fn servers_have_a_row_about_their_posture() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let server = Openssl::start(&dir, "-cert leaf.pem -key leaf.key -groups P-256:P-384");
    let at = format!("localhost:{}", server.port);
    let all = rows(&dir.seal(&format!("inventory {at} --ca ca.pem --json")).ok());
    let row = of_kind(&all, "server")[0];
    assert_eq!(row["places"], serde_json::json!([at]));
    assert_eq!(row["posture"]["key_exchange"]["selected"]["name"], "prime256v1");
    assert_eq!(row["posture"]["key_exchange"]["verdict"], "not_selected");
    let all = rows(&dir.seal(&format!("inventory {at} --ca ca.pem --posture --json")).ok());
    let exchange = &of_kind(&all, "server")[0]["posture"]["key_exchange"];
    assert_eq!(exchange["verdict"], "classical");
    assert_eq!(exchange["asked"]["known"].as_array().unwrap().len(), 2, "{exchange}");
    let table = dir.seal(&format!("inventory {at} --ca ca.pem --posture"));
    assert!(table.text().contains("classical; proof classical"), "{}", table.text());
}

#[test]
fn cells_that_are_too_long_keep_the_columns() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let name = format!("{}.example.org", "long-".repeat(12));
    dir.openssl(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out long.pem -days 90 \
         -subj /CN=x -addext subjectAltName=DNS:{name} -addext basicConstraints=CA:FALSE"
    ));
    let table = dir.seal("inventory long.pem leaf.pem");
    let columns: Vec<usize> = table
        .text()
        .lines()
        .map(|line| line.chars().count() - line.rsplit(' ').next().unwrap().chars().count())
        .collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "{}", table.text());
    assert!(table.text().contains('…'), "{}", table.text());
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
fn lists_come_with_their_freshness() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.write("index.txt", "");
    dir.write("conf", "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n");
    for (name, days) in [("fresh", "40"), ("due", "3")] {
        dir.openssl(&format!(
            "ca -config conf -gencrl -crldays {days} -cert ca.pem -keyfile ca.key -out {name}.crl"
        ));
    }
    let all = rows(&dir.seal("inventory fresh.crl due.crl --json"));
    let told: Vec<_> = all
        .iter()
        .map(|row| (row["places"][0].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("due.crl", "ends"), ("fresh.crl", "good")]);
    assert!(all.iter().all(|row| row["kind"] == "crl" && row["issuer"] == "CN=root"));
}

#[test]
fn servers_are_judged_by_their_name_and_their_silence_is_told() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let serving = "-cert leaf.pem -key leaf.key -cert_chain ca.pem";
    let (plain, asking) = (
        Openssl::start(&dir, serving),
        Openssl::start(&dir, &format!("{serving} -Verify 1 -CAfile ca.pem")),
    );
    let (plain, asking) = (plain.port, asking.port);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = dir.seal(&format!(
        "inventory localhost:{plain} 127.0.0.1:{plain} localhost:{asking} localhost:{free} --ca ca.pem --json"
    ));
    assert_eq!(ran.code, 1);
    let all = rows(&ran);
    let at = |place: String, kind: &str| {
        let row = all.iter().find(|row| {
            row["kind"] == kind
                && row["places"].as_array().unwrap().contains(&Value::from(place.as_str()))
        });
        row.unwrap_or_else(|| panic!("{place} {kind}: {}", ran.text()))
    };
    assert_eq!(at(format!("localhost:{plain}"), "leaf")["trusted"], true);
    assert_eq!(at(format!("127.0.0.1:{plain}"), "leaf")["code"], "ERR_TLS_CERT_ALTNAME_INVALID");
    assert_eq!(at(format!("localhost:{asking}"), "leaf")["note"], "asks for a client certificate");
    let note = at(format!("localhost:{free}"), "unreadable")["note"].as_str().unwrap().to_owned();
    assert!(note.contains("nothing listens there"), "{note}");
    // A server that speaks something else: the code is said once.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = other.local_addr().unwrap().to_string();
    let talk = std::thread::spawn(move || {
        use std::io::Write;
        other.accept().unwrap().0.write_all(b"SSH-2.0-x\r\n")
    });
    let note = rows(&dir.seal(&format!("inventory {place} --json")))[0]["note"].to_string();
    talk.join().unwrap().unwrap();
    assert_eq!(note.matches("[ERR_SSL_WRONG_VERSION_NUMBER]").count(), 1, "{note}");
    assert_eq!(dir.seal(&format!("inventory localhost:{plain} --ca ca.pem")).code, 0);
}

#[test]
fn standard_input_and_metrics() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    let pem = dir.read("leaf.pem");
    let ran =
        dir.seal_with(&["inventory", "-", "--ca", "ca.pem", "--metrics", "m.prom"], &pem).ok();
    assert!(ran.text().contains("standard input"), "{}", ran.text());
    let metrics = String::from_utf8(dir.read("m.prom")).unwrap();
    let ends = dir.openssl("x509 -in leaf.pem -noout -enddate -dateopt iso_8601");
    let ends = ends.text().trim().trim_start_matches("notAfter=").replace(' ', "T");
    let line = metrics
        .lines()
        .find(|line| line.starts_with("seal_inventory_not_after_timestamp_seconds{"));
    let line = line.unwrap_or_else(|| panic!("{metrics}"));
    assert!(
        line.contains("place=\"standard input\"") && line.contains("subject=\"CN=leaf\""),
        "{line}"
    );
    let seconds: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(sealwire::pki::Moment::from_seconds(seconds).to_string(), ends);
    assert!(metrics.contains("seal_inventory_trusted{") && metrics.trim_end().ends_with("# EOF"));
}

#[test]
fn metrics_over_http_follow_the_files() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    let dir = material();
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["inventory", "leaf.pem", "--listen", "127.0.0.1:0", "--every", "1s"])
        .current_dir(dir.root())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(seal.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let url = said.trim().trim_start_matches("metrics at ").to_owned();
    let ask =
        || dir.run(Command::new("curl"), &["-sS", "-D", "head", &url], b"").ok().text().to_owned();
    let first = ask();
    assert!(first.contains("subject=\"CN=leaf\""), "{said}: {first}");
    let head = String::from_utf8(dir.read("head")).unwrap();
    assert!(
        head.to_ascii_lowercase().contains("content-type: application/openmetrics-text"),
        "{head}"
    );
    issue(&dir, "newer", "50", "serverAuth");
    std::fs::copy(dir.path("newer.pem"), dir.path("leaf.pem")).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !ask().contains("subject=\"CN=newer\"") {
        assert!(Instant::now() < until, "the new certificate is not seen");
    }
    let other = dir.run(
        Command::new("curl"),
        &["-s", "-o", "x", "-w", "%{http_code}", &url.replace("/metrics", "/")],
        b"",
    );
    assert_eq!(other.text(), "404");
    seal.kill().unwrap();
    seal.wait().unwrap();
}
