//! Every artifact both ways: what we make is read and verified by OpenSSL, Node, NSS, Java and
//! curl, and what they make by us.

mod peers;

use std::process::Command;

use peers::served::Served;
use peers::{Folder, Ran, installed};

/// The kinds of keys, as `seal key new` and `openssl genpkey` call them.
const KINDS: [(&str, &str); 6] = [
    ("--rsa 2048", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ("--rsa 3072", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072"),
    ("--ec p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    ("--ec p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
    ("--ec p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
    ("--ed25519", "-algorithm ED25519"),
];

#[track_caller]
fn run(dir: &Folder, program: &str, line: &str) -> Ran {
    dir.run(Command::new(program), &line.split_whitespace().collect::<Vec<_>>(), b"").ok()
}

/// One chain of ours for a kind of key: a CA, an intermediate, a leaf, in every form of file.
fn ours(kind: &str) -> Folder {
    let dir = Folder::new();
    dir.write("pass", "secret");
    let ca_kind = match kind {
        "--ed25519" => "ed25519".to_owned(),
        _ => kind.trim_start_matches("--").replace("rsa ", "rsa:").replace("ec ", ""),
    };
    for line in [
        &*format!("key new {kind} --out k.pem"),
        "key convert --key k.pem --der --out k.der",
        "key convert --key k.pem --new-passphrase-file pass --out e.pem",
        "key public --key k.pem --out pub.pem",
        "csr new --key k.pem --subject /O=Åcme/CN=localhost --name localhost --name 127.0.0.1 --out r.pem",
        &*format!("ca init --ca-dir ca --name Matrix-Root --key-kind {ca_kind}"),
        &*format!(
            "ca intermediate --ca-dir ca --new-ca-dir ca2 --name Matrix-CA --key-kind {ca_kind}"
        ),
        "ca issue --ca-dir ca2 --csr r.pem --copy-names --both --cert-file c.pem",
        "cert self-sign --csr r.pem --key k.pem --openssl-compat --out v1.pem",
        "cert self-sign --name localhost --key k.pem --out self.pem",
        "pfx export --cert c.pem --key k.pem --passphrase-file pass --friendly-name leaf --out id.pfx",
        "pfx export --cert c.pem --key k.pem --passphrase-file pass --friendly-name leaf --legacy --out old.pfx",
        "ca crl --ca-dir ca --out root.crl",
        "ca crl --ca-dir ca2 --out ca2.crl",
        "ca crl --ca-dir ca2 --der --out ca2.crl.der",
    ] {
        dir.seal(line).ok();
    }
    dir
}

#[test]
fn what_we_make_is_read_by_openssl() {
    if !installed(&["openssl"]) {
        return;
    }
    for (kind, _) in KINDS {
        let dir = ours(kind);
        for line in [
            "pkey -in k.pem -check -noout",
            "pkey -in k.der -inform DER -check -noout",
            "pkey -in e.pem -passin file:pass -check -noout",
            "pkey -pubin -in pub.pem -noout",
            "req -in r.pem -verify -noout",
            "asn1parse -in r.pem -noout",
            "asn1parse -in c.pem -noout",
            "x509 -in c.pem -noout -checkhost localhost",
            "verify -x509_strict -purpose sslserver -verify_hostname localhost -CAfile ca/ca.pem -untrusted c.pem c.pem",
            "verify -purpose sslclient -CAfile ca/ca.pem -untrusted c.pem c.pem",
            "verify -CAfile v1.pem v1.pem",
            "verify -CAfile self.pem self.pem",
            "crl -in root.crl -noout -CAfile ca/ca.pem",
            "crl -in ca2.crl.der -inform DER -noout",
            "pkcs12 -in id.pfx -passin file:pass -noout",
            "pkcs12 -in old.pfx -passin file:pass -noout",
        ] {
            dir.openssl(line);
        }
        dir.write("crls.pem", [dir.read("root.crl"), dir.read("ca2.crl")].concat());
        dir.openssl(
            "verify -crl_check_all -CRLfile crls.pem -CAfile ca/ca.pem -untrusted c.pem c.pem",
        );
        dir.seal("ca revoke --ca-dir ca2 c.pem").ok();
        dir.write("crls.pem", [dir.read("root.crl"), dir.read("ca2/crl.pem")].concat());
        let revoked = dir.try_openssl(
            "verify -crl_check_all -CRLfile crls.pem -CAfile ca/ca.pem -untrusted c.pem c.pem",
        );
        assert!(revoked.stderr.contains("certificate revoked"), "{kind}: {revoked:?}");
    }
}

#[test]
fn what_we_make_is_read_by_node() {
    if !installed(&["node"]) {
        return;
    }
    for (kind, _) in KINDS {
        let dir = ours(kind);
        let said = dir.node(
            "const fs = require('fs'), tls = require('tls'), crypto = require('crypto');
             const read = name => fs.readFileSync(name), passphrase = 'secret';
             tls.createSecureContext({ cert: read('c.pem'), key: read('k.pem'), ca: read('ca/ca.pem') });
             tls.createSecureContext({ cert: read('c.pem'), key: read('e.pem'), passphrase });
             tls.createSecureContext({ cert: read('v1.pem'), key: read('k.pem') });
             tls.createSecureContext({ pfx: read('id.pfx'), passphrase });
             tls.createSecureContext({ pfx: read('old.pfx'), passphrase });
             tls.createSecureContext({ ca: read('ca/ca.pem'), crl: [read('root.crl'), read('ca2.crl')] });
             const [leaf, root, ca2] = ['c.pem', 'ca/ca.pem', 'ca2/ca.pem']
               .map(name => new crypto.X509Certificate(read(name)));
             const key = crypto.createPrivateKey({ key: read('k.der'), format: 'der', type: 'pkcs8' });
             console.log(leaf.checkHost('localhost'), leaf.checkIP('127.0.0.1'),
               leaf.checkPrivateKey(key), leaf.checkIssued(ca2), leaf.verify(ca2.publicKey),
               ca2.verify(root.publicKey), root.ca,
               crypto.createPublicKey(read('pub.pem')).equals(leaf.publicKey));",
        );
        let expected = "localhost 127.0.0.1 true true true true true true\n";
        assert_eq!(said.text(), expected, "{kind}");
    }
}

#[test]
fn what_we_make_is_read_by_nss() {
    if !installed(&["certutil", "pk12util"]) {
        return;
    }
    for (kind, _) in KINDS {
        // NSS of Debian 12 has no Ed25519 certificates.
        if kind == "--ed25519" {
            continue;
        }
        let dir = ours(kind);
        for pfx in ["id.pfx", "old.pfx"] {
            let db = format!("sql:{pfx}.db");
            std::fs::create_dir(dir.path(&format!("{pfx}.db"))).unwrap();
            run(&dir, "certutil", &format!("-N -d {db} --empty-password"));
            run(&dir, "certutil", &format!("-A -d {db} -t C,C, -n root -i ca/ca.pem"));
            run(&dir, "pk12util", &format!("-i {pfx} -d {db} -w pass"));
            let valid = run(&dir, "certutil", &format!("-V -u V -d {db} -n leaf"));
            assert!(valid.text().contains("certificate is valid"), "{kind} {pfx}: {valid:?}");
        }
    }
}

#[test]
fn what_we_make_is_read_by_java() {
    if !installed(&["keytool"]) {
        return;
    }
    // Each call starts a virtual machine: one kind of each family.
    for kind in ["--rsa 2048", "--ec p256", "--ed25519"] {
        let dir = ours(kind);
        let listed =
            run(&dir, "keytool", "-list -v -keystore id.pfx -storetype PKCS12 -storepass secret");
        let text = listed.text();
        assert!(text.contains("Alias name: leaf") && text.contains("PrivateKeyEntry"), "{text}");
        assert!(text.contains("Certificate chain length: 2"), "{kind}: {text}");
        run(&dir, "keytool", "-list -keystore old.pfx -storetype PKCS12 -storepass secret");
        let printed = run(&dir, "keytool", "-printcert -file c.pem");
        assert!(printed.text().contains("DNSName: localhost"), "{kind}: {}", printed.text());
        let request = run(&dir, "keytool", "-printcertreq -file r.pem");
        assert!(request.text().contains("CN=localhost"), "{kind}: {}", request.text());
        let list = run(&dir, "keytool", "-printcrl -file ca2.crl");
        assert!(list.text().contains("CN=Matrix-CA"), "{kind}: {}", list.text());
        run(
            &dir,
            "keytool",
            "-importcert -noprompt -keystore store -storepass secret -alias root -file ca/ca.pem",
        );
    }
}

#[test]
fn servers_with_what_we_make_are_believed_by_curl() {
    if !installed(&["curl"]) {
        return;
    }
    for (kind, _) in KINDS {
        let dir = ours(kind);
        std::fs::create_dir(dir.path("site")).unwrap();
        dir.write("site/x", "sealed");
        for identity in [
            "--cert c.pem --key k.pem",
            "--cert c.pem --key e.pem --passphrase-file pass",
            "--pfx id.pfx --passphrase-file pass",
            "--pfx old.pfx --passphrase-file pass",
        ] {
            let server = Served::start(&dir, &format!("site {identity} --ca ca/ca.pem"));
            let url = format!("https://localhost:{}/x", server.port);
            // Mutual: curl shows the same certificate, from PEM files.
            let line = format!("-s --cacert ca/ca.pem --cert c.pem --key k.pem {url}");
            assert_eq!(run(&dir, "curl", &line).text(), "sealed", "{kind} {identity}");
        }
    }
}

#[test]
fn what_openssl_makes_is_read_by_us() {
    if !installed(&["openssl", "curl"]) {
        return;
    }
    for (_, kind) in KINDS {
        let dir = Folder::new();
        dir.write("pass", "secret");
        dir.write(
            "leaf.ext",
            "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
        );
        dir.write(
            "ca.ext",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
        );
        dir.write("index.txt", "");
        dir.write("crlnumber", "01\n");
        dir.write(
            "ca.cnf",
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=default\ndefault_crl_days=30\n",
        );
        for line in [
            &*format!("genpkey {kind} -out ca.key"),
            &*format!("genpkey {kind} -out k.pem"),
            "pkey -in k.pem -outform DER -out k.der",
            "pkey -in k.pem -aes-256-cbc -passout file:pass -out e.pem",
            "pkey -in k.pem -pubout -out pub.pem",
            "req -new -x509 -key ca.key -subj /CN=Their-Root -days 30 -out ca.pem",
            "req -new -key k.pem -subj /CN=localhost -out r.pem",
            "x509 -req -in r.pem -CA ca.pem -CAkey ca.key -extfile leaf.ext -days 20 -out c.pem",
            "ca -gencrl -config ca.cnf -keyfile ca.key -cert ca.pem -out crl.pem",
            "crl -in crl.pem -outform DER -out crl.der",
            "x509 -in c.pem -outform DER -out c.der",
            "pkcs12 -export -in c.pem -inkey k.pem -certfile ca.pem -name leaf -passout file:pass -out id.pfx",
            "pkcs12 -export -legacy -in c.pem -inkey k.pem -name leaf -passout file:pass -out old.pfx",
        ] {
            dir.openssl(line);
        }
        for line in [
            "key show --key k.pem",
            "key show --key k.der",
            "key show --key e.pem --passphrase-file pass",
            "key matches --key k.pem c.pem",
            "key matches --key k.pem r.pem",
            "csr verify r.pem",
            "cert show c.der",
            "crl show crl.pem",
            "crl show crl.der",
            "cert verify c.pem --ca ca.pem --crl crl.pem --name localhost --purpose server",
            "pfx show id.pfx --passphrase-file pass",
            "pfx show old.pfx --passphrase-file pass",
            "pfx import id.pfx --passphrase-file pass --cert-file ic.pem --key-file ik.pem",
            "cert sign --csr r.pem --ca ca.pem --ca-key ca.key --name localhost --out ours.pem",
            "cert renew --cert c.pem --ca ca.pem --ca-key ca.key --out renewed.pem",
        ] {
            dir.seal(line).ok();
        }
        dir.openssl("verify -CAfile ca.pem ours.pem renewed.pem ic.pem");
        assert_eq!(dir.seal("key public --key k.pem").ok().stdout, dir.read("pub.pem"), "{kind}");
        // And all of it in a connection of both.
        let server = Served::start(&dir, "--cert c.pem --key k.pem --ca ca.pem");
        let target = format!("localhost:{}", server.port);
        let line = [
            "connect",
            &target,
            "--ca",
            "ca.pem",
            "--pfx",
            "id.pfx",
            "--passphrase-file",
            "pass",
            "--quiet",
        ];
        assert_eq!(dir.seal_with(&line, b"x").ok().text(), "Hello World !\nx");
    }
}

#[test]
fn what_node_makes_is_read_by_us() {
    if !installed(&["node"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret");
    dir.node(
        "const fs = require('fs'), crypto = require('crypto');
         const kinds = [['rsa', { modulusLength: 2048 }], ['ec', { namedCurve: 'P-256' }],
           ['ec', { namedCurve: 'P-384' }], ['ec', { namedCurve: 'P-521' }], ['ed25519', {}]];
         kinds.forEach(([kind, options], i) => {
           const { privateKey: key } = crypto.generateKeyPairSync(kind, options);
           const write = (name, how) => fs.writeFileSync(`${i}-${name}`, key.export(how));
           write('pkcs8.pem', { type: 'pkcs8', format: 'pem' });
           write('pkcs8.der', { type: 'pkcs8', format: 'der' });
           write('enc.pem', { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' });
           if (kind === 'rsa') write('old.pem', { type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' });
           if (kind === 'ec') write('old.pem', { type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' });
         });",
    );
    let mut read = 0;
    for file in dir.files().iter().filter(|name| name.as_bytes()[0].is_ascii_digit()) {
        dir.seal(&format!("key show --key {file} --passphrase-file pass")).ok();
        read += 1;
    }
    assert_eq!(read, 19);
}

#[test]
fn what_java_and_nss_make_is_read_by_us() {
    if !installed(&["keytool", "certutil", "pk12util"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret");
    for (alias, kind) in [
        ("rsa", "-keyalg RSA -keysize 2048"),
        ("p256", "-keyalg EC -groupname secp256r1"),
        ("p384", "-keyalg EC -groupname secp384r1"),
        ("ed25519", "-keyalg Ed25519"),
    ] {
        let at = format!("-keystore {alias}.p12 -storepass secret -alias {alias}");
        run(
            &dir,
            "keytool",
            &format!("-genkeypair {kind} -dname CN=localhost -ext SAN=dns:localhost {at}"),
        );
        run(&dir, "keytool", &format!("-certreq -file {alias}.csr {at}"));
        run(&dir, "keytool", &format!("-exportcert -rfc -file {alias}.pem {at}"));
        for line in [
            format!("pfx show {alias}.p12 --passphrase-file pass"),
            format!("csr verify {alias}.csr"),
            format!("cert verify {alias}.pem --ca {alias}.pem --name localhost"),
        ] {
            dir.seal(&line).ok();
        }
    }
    std::fs::create_dir(dir.path("db")).unwrap();
    run(&dir, "certutil", "-N -d sql:db --empty-password");
    dir.write("noise", [7; 2048]);
    for (name, kind) in [("nssrsa", "-k rsa -g 2048"), ("nssec", "-k ec -q nistp256")] {
        run(
            &dir,
            "certutil",
            &format!(
                "-S -d sql:db -n {name} -s CN=localhost -8 localhost -x -t C,, {kind} -z noise -v 3"
            ),
        );
        run(
            &dir,
            "certutil",
            &format!("-R -d sql:db -s CN={name} -a -o {name}.csr {kind} -z noise"),
        );
        run(&dir, "pk12util", &format!("-o {name}.p12 -n {name} -d sql:db -w pass"));
        dir.seal(&format!("pfx show {name}.p12 --passphrase-file pass")).ok();
        dir.seal(&format!("csr verify {name}.csr")).ok();
    }
}
