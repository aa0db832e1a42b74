//! Making keys, requests, certificates and PFX files, judged by OpenSSL and Node.

mod peers;

use peers::{Folder, installed};

const KINDS: &[(&str, &str)] = &[
    ("--rsa 2048", "rsa"),
    ("--rsa", "rsa"),
    ("--rsa 3072", "rsa"),
    ("--ec p256", "ec"),
    ("--ec p384", "ec"),
    ("--ec p521", "ec"),
    ("--ed25519", "ed25519"),
    ("", "ec"),
];

#[test]
fn keys_of_every_kind_are_read_by_openssl_and_node() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "correct horse\n");
    for (kind, node_type) in KINDS {
        dir.seal(&format!("key new {kind} --out k.pem --force")).ok();
        dir.openssl("pkey -in k.pem -check -noout");
        dir.node(&format!(
            "const key = crypto.createPrivateKey(fs.readFileSync('k.pem'));
             assert.equal(key.asymmetricKeyType, '{node_type}')"
        ));
        dir.seal(&format!("key new {kind} --passphrase-file pass --out e.pem --force")).ok();
        assert!(dir.read("e.pem").starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        dir.openssl("pkey -in e.pem -passin file:pass -check -noout");
        dir.node(
            "const key = fs.readFileSync('e.pem');
             crypto.createPrivateKey({ key, passphrase: 'correct horse' });
             assert.throws(() => crypto.createPrivateKey({ key, passphrase: 'wrong' }))",
        );
    }
}

#[test]
fn keys_are_converted_to_every_form_and_stay_the_same_key() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret");
    let same = |file: &str| {
        let line = format!("key public --key {file} --passphrase-file pass");
        assert_eq!(dir.seal(&line).ok().text().as_bytes(), dir.read("pub.pem"), "{file}");
        let line = format!("pkey -in {file} -passin file:pass -pubout");
        assert_eq!(dir.openssl(&line).text().as_bytes(), dir.read("pub.pem"), "{file}");
        dir.node(&format!(
            "const key = fs.readFileSync('{file}'), pem = key.includes('-----BEGIN');
             crypto.createPrivateKey({{ key, passphrase: 'secret', format: pem ? 'pem' : 'der',
               type: 'pkcs8' }})"
        ));
    };
    for kind in ["--rsa 2048", "--ec p256", "--ec p521", "--ed25519"] {
        dir.seal(&format!("key new {kind} --out k.pem --force")).ok();
        dir.seal("key public --key k.pem --out pub.pem --force").ok();
        for form in [
            "",
            "--der",
            "--new-passphrase-file pass",
            "--new-passphrase-file pass --der",
            "--new-passphrase-file pass --scrypt",
            "--traditional",
        ] {
            let ran = dir.seal(&format!("key convert --key k.pem {form} --out n.pem --force"));
            if kind == "--ed25519" && form == "--traditional" {
                assert_eq!(ran.code, 2, "{ran:?}");
                assert!(ran.stderr.contains("Ed25519 keys exist as PKCS#8 only"), "{ran:?}");
            } else {
                ran.ok();
                same("n.pem");
            }
        }
        dir.seal("key convert --key n.pem --out back.pem --passphrase-file pass --force").ok();
        assert_eq!(dir.read("back.pem"), dir.read("k.pem"));
        let shown = dir.seal("key show --key k.pem").ok();
        let pin = dir.openssl("pkey -in k.pem -pubout -outform DER -out pub.der");
        assert!(pin.text().is_empty());
        let digest = dir.openssl("dgst -sha256 -binary -out pin pub.der");
        assert!(digest.text().is_empty());
        let pin = dir.openssl("base64 -in pin");
        assert!(shown.text().contains(pin.text().trim()), "{shown:?}");
    }
}

#[test]
fn keys_that_openssl_made_are_read_in_every_form() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret");
    for make in [
        "genrsa -out k.pem 2048",
        "genrsa -traditional -out k.pem 2048",
        "genrsa -aes256 -traditional -passout file:pass -out k.pem 2048",
        "genrsa -des3 -passout file:pass -out k.pem 2048",
        "ecparam -name prime256v1 -genkey -out k.pem",
        "ecparam -name secp384r1 -genkey -noout -out k.pem",
        "genpkey -algorithm ed25519 -out k.pem",
        "genpkey -algorithm ed25519 -aes-256-cbc -pass file:pass -out k.pem",
        "genpkey -algorithm rsa -outform DER -out k.pem",
    ] {
        dir.openssl(make);
        dir.seal("csr new --key k.pem --passphrase-file pass --subject /CN=x --out c.pem --force")
            .ok();
        dir.openssl("req -in c.pem -verify -noout");
    }
    dir.openssl("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
    for form in [
        "-v2 aes-128-cbc",
        "-v2 aes-192-cbc -v2prf hmacWithSHA512",
        "-v2 aes-256-cbc -v2prf hmacWithSHA384",
        "-v2 des3",
        "-scrypt",
        "-scrypt -outform DER",
        "-v2 aes-256-cbc -outform DER",
        "-v1 PBE-SHA1-3DES",
        // PBES1, the default until OpenSSL 1.1.
        "-provider legacy -provider default -v1 PBE-MD5-DES",
        "-provider legacy -provider default -v1 PBE-SHA1-DES",
        "-provider legacy -provider default -v1 PBE-MD5-RC2-64",
        "-provider legacy -provider default -v1 PBE-SHA1-RC2-64",
    ] {
        dir.openssl(&format!("pkcs8 -topk8 -in k.pem -passout file:pass {form} -out e.pem"));
        dir.seal("csr new --key e.pem --passphrase-file pass --subject /CN=x --out c.pem --force")
            .ok();
        dir.openssl("req -in c.pem -verify -noout");
        dir.write("other", "other");
        let refused = dir.seal("key show --key e.pem --passphrase-file other");
        assert_eq!(refused.code, 1, "{form}: {refused:?}");
        assert!(refused.stderr.contains("passphrase"), "{form}: {}", refused.stderr);
    }
}

/// RSA signatures are deterministic, so ours and OpenSSL's request are equal to the last byte.
#[test]
fn a_request_is_byte_for_byte_the_one_of_openssl() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.seal("key new --rsa 2048 --out k.pem").ok();
    for subject in [
        "/C=SE/ST=Skåne/L=Lund/O=Acme & Co/OU=one/OU=two/CN=example.com/emailAddress=a@example.com",
        "/DC=com/DC=example/UID=u1/CN=x",
        "/CN=slash\\/plus\\+",
        "/CN=a+OU=b",
        "/serialNumber=12/title=Dr/SN=Ö/GN=Å",
    ] {
        let theirs = ["req", "-new", "-sha256", "-utf8", "-key", "k.pem", "-subj", subject];
        let theirs = dir.openssl_with(&theirs, b"");
        let ours = ["csr", "new", "--key", "k.pem", "--subject", subject];
        let ours = dir.seal_with(&ours, b"").ok();
        assert_eq!(ours.text(), theirs.text(), "{subject}");
    }
    for answers in [
        "SE\n.\nLund\nAcme\n.\nexample.com\na@example.com\nsecret12\nCompany\n",
        "\n\n\n\n\n\n\n\n\n",
        "GBR\nGB\n.\n.\n.\n.\nx\n.\n.\n.\n",
        "SE\n.\n.\n.\n.\nx\n.\nabc\nabcd\n.\n",
        "SE\r\n.\r\n.\r\n.\r\n.\r\nx\r\n.\r\n.\r\n.\r\n",
    ] {
        let theirs = ["req", "-new", "-sha256", "-utf8", "-key", "k.pem"];
        let ours = ["csr", "new", "--key", "k.pem"];
        // OpenSSL keeps the CR of a Windows line; we do not, so compare with the plain line.
        let theirs = dir.openssl_with(&theirs, answers.replace('\r', "").as_bytes());
        let ours = dir.seal_with(&ours, answers.as_bytes()).ok();
        assert_eq!(ours.text(), theirs.text(), "{answers:?}");
        assert!(ours.stderr.contains("Common Name"), "the questions are on standard error");
    }
}

#[test]
fn requests_of_every_kind_of_key_and_name_are_read_by_openssl() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    for (kind, _) in KINDS {
        dir.seal(&format!("key new {kind} --out k.pem --force")).ok();
        dir.seal(
            "csr new --key k.pem --name bücher.example --name 127.0.0.1 --name ::1 \
             --name a@example.com --name https://example.com/ --out c.pem --force",
        )
        .ok();
        let text = dir.openssl("req -in c.pem -verify -noout -text");
        let names = "DNS:xn--bcher-kva.example, IP Address:127.0.0.1, \
                     IP Address:0:0:0:0:0:0:0:1, email:a@example.com, URI:https://example.com/";
        assert!(text.text().contains(names), "{}", text.text());
        assert!(dir.seal("key matches --key k.pem c.pem").ok().text().contains("is the key of"));
        assert!(dir.seal("csr verify c.pem").ok().text().contains("signature is valid"));
    }
}

#[test]
fn the_tutorials_certificate_is_the_one_of_openssl() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.openssl("genrsa -out k.pem 2048");
    dir.openssl("req -new -sha256 -key k.pem -subj /C=SE/O=Acme/CN=localhost -out c.pem");
    dir.openssl("x509 -req -in c.pem -signkey k.pem -out theirs.pem");
    dir.seal("cert self-sign --csr c.pem --key k.pem --openssl-compat --out ours.pem").ok();
    let shape = |file: &str| {
        let hidden = "no_serial,no_validity,no_sigdump";
        let text = dir.openssl(&format!("x509 -in {file} -noout -text -certopt {hidden}"));
        text.text().to_owned()
    };
    assert_eq!(shape("ours.pem"), shape("theirs.pem"));
    assert!(shape("ours.pem").contains("Version: 1 (0x0)"));
    assert_eq!(dir.read("ours.pem").len(), dir.read("theirs.pem").len());
    dir.openssl("verify -CAfile ours.pem ours.pem");
    dir.openssl("x509 -in ours.pem -checkend 2591990 -noout");
    assert_eq!(dir.try_openssl("x509 -in ours.pem -checkend 2592010 -noout").code, 1);
}

#[test]
fn a_modern_self_signed_certificate_says_what_clients_look_for() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = Folder::new();
    for (kind, _) in KINDS {
        dir.seal(&format!("key new {kind} --out k.pem --force")).ok();
        dir.seal(
            "cert self-sign --key k.pem --name localhost --name 127.0.0.1 --days 90 \
             --out cert.pem --force",
        )
        .ok();
        let text = dir.openssl("x509 -in cert.pem -noout -text");
        for part in [
            "Version: 3 (0x2)",
            "CN = localhost",
            "DNS:localhost, IP Address:127.0.0.1",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "CA:FALSE",
            "Digital Signature",
            "X509v3 Subject Key Identifier",
        ] {
            assert!(text.text().contains(part), "{part} is not in {}", text.text());
        }
        dir.openssl("verify -x509_strict -purpose sslserver -CAfile cert.pem cert.pem");
        dir.node(
            "const c = new crypto.X509Certificate(fs.readFileSync('cert.pem'));
             assert(c.checkPrivateKey(crypto.createPrivateKey(fs.readFileSync('k.pem'))));
             assert.equal(c.checkHost('localhost'), 'localhost');
             assert.equal(c.checkIP('127.0.0.1'), '127.0.0.1');
             assert(c.verify(c.publicKey));
             tls.createSecureContext({ key: fs.readFileSync('k.pem'), cert: c.toString() })",
        );
        let shown = dir.seal("cert show --text cert.pem").ok();
        assert!(shown.text().contains("DNS:localhost, IP Address:127.0.0.1"));
    }
}

#[test]
fn a_request_with_names_keeps_them_when_it_is_self_signed() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.openssl("genrsa -out k.pem 2048");
    dir.openssl(
        "req -new -key k.pem -subj /CN=x -addext subjectAltName=DNS:a.test,otherName:1.2.3.4;UTF8:o \
         -addext extendedKeyUsage=serverAuth -out c.pem",
    );
    dir.seal("cert self-sign --csr c.pem --key k.pem --name b.test --out cert.pem").ok();
    let text = dir.openssl("x509 -in cert.pem -noout -ext subjectAltName,extendedKeyUsage");
    assert!(text.text().contains("DNS:b.test, DNS:a.test, othername: 1.2.3.4::o"), "{text:?}");
    assert!(!text.text().contains("Client"), "{text:?}");
}

/// The four steps of the tutorial, each by either program on what the other made.
#[test]
fn the_tutorial_works_in_every_mix_with_openssl() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret\n");
    dir.seal("key new --rsa 2048 --out key-ours.pem").ok();
    dir.openssl("genrsa -out key-openssl.pem 2048");
    for key in ["ours", "openssl"] {
        for mix in 0..8 {
            dir.write("key.pem", dir.read(&format!("key-{key}.pem")));
            let subject = "/C=SE/O=Acme/CN=localhost";
            match mix & 1 {
                0 => dir
                    .seal(&format!(
                        "csr new --key key.pem --subject {subject} --out csr.pem --force"
                    ))
                    .ok(),
                _ => dir.openssl(&format!(
                    "req -new -sha256 -key key.pem -subj {subject} -out csr.pem"
                )),
            };
            match mix & 2 {
                0 => dir.seal(
                    "cert self-sign --csr csr.pem --key key.pem --openssl-compat --out cert.pem --force",
                )
                .ok(),
                _ => dir.openssl("x509 -req -in csr.pem -signkey key.pem -out cert.pem"),
            };
            match mix & 4 {
                0 => dir
                    .seal(
                        "pfx export --cert cert.pem --key key.pem --chain cert.pem \
                         --passphrase-file pass --out id.pfx --force",
                    )
                    .ok(),
                _ => dir.openssl(
                    "pkcs12 -export -in cert.pem -inkey key.pem -certfile cert.pem \
                     -passout file:pass -out id.pfx",
                ),
            };
            dir.openssl("verify -CAfile cert.pem cert.pem");
            let out = dir.openssl("pkcs12 -in id.pfx -passin file:pass -nodes");
            assert!(out.text().contains("BEGIN PRIVATE KEY"), "{key} {mix}");
            dir.node(
                "const pfx = fs.readFileSync('id.pfx');
                 tls.createSecureContext({ pfx, passphrase: 'secret' });
                 assert.throws(() => tls.createSecureContext({ pfx, passphrase: 'no' }), /mac verify/);
                 tls.createSecureContext({
                   key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem'),
                   ca: [fs.readFileSync('cert.pem')] })",
            );
        }
    }
}

#[test]
fn a_pfx_has_the_chain_the_name_and_strong_encryption() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
         -subj /CN=root -out ca.pem",
    );
    dir.seal("key new --out k.pem").ok();
    dir.seal("csr new --key k.pem --name leaf.test --out c.pem").ok();
    dir.openssl("x509 -req -in c.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem");
    for (passphrase, name) in [("secret", "my id"), ("", "Zoë"), ("pässwörd€😀", "x")] {
        dir.write("pass", passphrase);
        let export = [
            "pfx",
            "export",
            "--cert",
            "leaf.pem",
            "--key",
            "k.pem",
            "--chain",
            "ca.pem",
            "--friendly-name",
            name,
            "--passphrase-file",
            "pass",
            "--out",
            "id.pfx",
            "--force",
        ];
        dir.seal_with(&export, b"").ok();
        let pass = format!("pass:{passphrase}");
        let info = ["pkcs12", "-in", "id.pfx", "-passin", &pass, "-info", "-nodes"];
        let info = dir.openssl_with(&info, b"");
        // OpenSSL 3.0 writes a friendlyName that is not ASCII in Latin-1.
        let text: String = info.stdout.iter().copied().map(char::from).collect();
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(text.matches("localKeyID").count(), 2);
        assert!(text.contains(&format!("friendlyName: {name}")), "{text}");
        for part in [
            "MAC: sha256, Iteration 600000",
            "PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256",
        ] {
            assert!(info.stderr.contains(part), "{part} is not in {}", info.stderr);
        }
    }
}

/// python's `cryptography` judges: OpenSSL before 3.5 and Node before 24 have no such keys.
fn python(dir: &Folder, script: &str) {
    dir.run(std::process::Command::new("python3"), &["-c", script], b"").ok();
}

#[test]
fn ml_dsa_keys_lead_from_form_to_form_as_far_as_that_can_be() {
    let dir = Folder::new();
    let has = "from cryptography import __version__ as it; assert int(it.split('.')[0]) >= 50";
    let ran = std::process::Command::new("python3").args(["-c", has]).output();
    let has = ran.is_ok_and(|ran| ran.status.success());
    if !sealwire_testing::required(has, "python3 has no cryptography 50, with ML-DSA") {
        return;
    }
    for kind in ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] {
        dir.seal(&format!("key new --{kind} --out seed.pem --force")).ok();
        dir.seal("key public --key seed.pem --out pub.pem --force").ok();
        python(
            &dir,
            "from cryptography.hazmat.primitives import serialization as s
key = s.load_pem_private_key(open('seed.pem', 'rb').read(), None)
spki = (s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
assert key.public_key().public_bytes(*spki) == open('pub.pem', 'rb').read()
open('sig', 'wb').write(key.sign(b'x'))",
        );
        let convert = |from: &str, form: &str, to: &str| {
            let line = format!("key convert --key {from} --ml-dsa-form {form} --out {to} --force");
            dir.seal(&line)
        };
        convert("seed.pem", "both", "both.pem").ok();
        convert("both.pem", "expanded", "expanded.pem").ok();
        convert("both.pem", "seed", "back.pem").ok();
        assert_eq!(dir.read("back.pem"), dir.read("seed.pem"), "{kind}");
        for wanted in ["seed", "both"] {
            let ran = convert("expanded.pem", wanted, "never.pem");
            assert_eq!(ran.code, 2, "{kind}: {ran:?}");
            assert!(ran.stderr.contains("the expanded form only"), "{kind}: {ran:?}");
        }
        let pin = |file: &str| {
            let shown = dir.seal(&format!("key show --key {file} --json")).ok();
            let shown: serde_json::Value = serde_json::from_str(shown.text()).unwrap();
            (shown["pin_sha256"].clone(), shown["form"].as_str().map(str::to_owned))
        };
        for form in ["seed", "expanded", "both"] {
            let file = format!("{form}.pem");
            assert_eq!(pin(&file), (pin("seed.pem").0, Some(form.to_owned())), "{kind}");
            // Each signs; the verdict and python's are the same.
            dir.seal(&format!(
                "cert self-sign --key {file} --name localhost --out cert.pem --force"
            ))
            .ok();
            dir.seal("cert verify cert.pem --ca cert.pem --name localhost").ok();
            python(
                &dir,
                "from cryptography import x509
cert = x509.load_pem_x509_certificate(open('cert.pem', 'rb').read())
cert.verify_directly_issued_by(cert)",
            );
        }
    }
    let ran = dir.seal("key new --ec p256 --ml-dsa-form seed --out never.pem");
    assert!(ran.code == 2 && ran.stderr.contains("only ML-DSA keys do"), "{ran:?}");
}

/// Key files that some programs refuse: who they are is told, and `key convert` leads to a file that
/// nobody refuses.
#[test]
fn a_key_file_that_some_refuse_is_named_and_mended() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret\n");
    let codes = |line: &str| -> Vec<String> {
        let ran = dir.seal(&format!("key lint {line} --json"));
        let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        let found: Vec<String> = told["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["code"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ran.code, i32::from(!found.is_empty()), "{ran:?}");
        found
    };
    dir.seal("key new --out k.pem").ok();
    assert!(codes("k.pem").is_empty());
    dir.openssl("ec -in k.pem -no_public -out half.pem");
    dir.openssl("pkcs8 -topk8 -nocrypt -in half.pem -out half8.pem");
    for half in ["half.pem", "half8.pem"] {
        assert_eq!(codes(half), ["no-public-half"], "{half}");
        dir.seal(&format!("key convert --key {half} --out whole.pem --force")).ok();
        assert_eq!(dir.read("whole.pem"), dir.read("k.pem"), "{half}");
    }
    for (options, code) in [
        ("-scrypt", "scrypt"),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA512", "pbkdf2-sha512"),
        ("-v2 des3", "3des"),
        ("-v1 PBE-SHA1-3DES", "pbes1"),
    ] {
        dir.openssl(&format!("pkcs8 -topk8 -in k.pem -passout file:pass {options} -out e.pem"));
        assert_eq!(codes("e.pem"), [code]);
        dir.seal(
            "key convert --key e.pem --passphrase-file pass --new-passphrase-file pass --out n.pem \
             --force",
        )
        .ok();
        assert!(codes("n.pem").is_empty(), "{code}");
    }
    // Ed25519 as ring and aws-lc-rs write it: PKCS#8 of version 2, 83 bytes.
    dir.seal("key new --ed25519 --der --out v1").ok();
    dir.openssl("pkey -in v1 -inform DER -pubout -outform DER -out pub");
    let (v1, public) = (dir.read("v1"), dir.read("pub"));
    let mut v2 = vec![0x30, 81, 2, 1, 1];
    v2.extend(&v1[5..]);
    v2.extend([0x81, 33, 0]);
    v2.extend(&public[public.len() - 32..]);
    dir.write("v2", &v2);
    assert_eq!((v2.len(), codes("v2")), (83, vec!["ed25519-version-2".to_owned()]));
    dir.seal("key convert --key v2 --der --out back").ok();
    assert_eq!(dir.read("back"), v1);
}

/// What other programs keep keys in is named, with the way out of it.
#[test]
fn keys_in_the_forms_of_other_programs_are_named() {
    let dir = Folder::new();
    dir.write("putty", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n");
    dir.write("jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
    dir.write("jceks", b"\xce\xce\xce\xce\0\0\0\x02");
    dir.write("ssh.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me@here\n");
    for (file, label) in [("ssh", "OPENSSH PRIVATE KEY"), ("tpm", "TSS2 PRIVATE KEY")] {
        dir.write(file, format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n"));
    }
    for (file, told, way) in [
        ("putty", "a key in PuTTY's form (.ppk)", "puttygen"),
        ("jks", "a Java key store (JKS)", "keytool -importkeystore"),
        ("jceks", "a Java key store (JCEKS)", "keytool -importkeystore"),
        ("ssh", "a private key in OpenSSH's own form", "ssh-keygen -p -m PKCS8"),
        ("ssh.pub", "a public key of SSH", "ssh-keygen -e -m PKCS8"),
        ("tpm", "a key that only a TPM can use", "give one in a file"),
    ] {
        for line in [format!("key show --key {file}"), format!("inspect ./{file}")] {
            let ran = dir.seal(&line);
            assert_eq!(ran.code, 1, "{line}: {ran:?}");
            assert!(ran.stderr.contains(told) && ran.stderr.contains(way), "{line}: {ran:?}");
        }
    }
    let ran = dir.seal("key show --key pkcs11:object=x");
    assert!(ran.code == 2 && ran.stderr.contains("PKCS#11 tokens are not supported"), "{ran:?}");
}
