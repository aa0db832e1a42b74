//! The local CA, judged by OpenSSL and Node.

mod peers;

use std::process::Command;

use peers::https::Server;
use peers::{Folder, installed};

fn with_ca(options: &str) -> Folder {
    let dir = Folder::new();
    dir.seal(&format!("ca init --ca-dir ca --name Test-CA {options}")).ok();
    dir
}

#[test]
fn what_it_issues_is_accepted_and_what_it_revokes_is_not() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = with_ca("");
    dir.openssl("verify -x509_strict -CAfile ca/ca.pem ca/ca.pem");
    dir.seal("ca issue --ca-dir ca localhost 127.0.0.1 ::1 app.test *.app.test").ok();
    dir.seal("ca issue --ca-dir ca --client user@example.com").ok();
    assert_eq!(
        dir.files(),
        [
            "ca",
            "localhost+4-key.pem",
            "localhost+4.pem",
            "user@example.com-client-key.pem",
            "user@example.com-client.pem"
        ]
    );
    for (file, good, bad) in [
        ("localhost+4", "sslserver", "sslclient"),
        ("user@example.com-client", "sslclient", "sslserver"),
    ] {
        let verify = "verify -x509_strict -CAfile ca/ca.pem -purpose";
        dir.openssl(&format!("{verify} {good} {file}.pem"));
        assert_ne!(dir.try_openssl(&format!("{verify} {bad} {file}.pem")).code, 0);
        dir.node(&format!(
            "const [cert, key, ca] = ['{file}.pem', '{file}-key.pem', 'ca/ca.pem']
               .map(name => fs.readFileSync(name));
             tls.createSecureContext({{ cert, key, ca }});
             const leaf = new crypto.X509Certificate(cert), root = new crypto.X509Certificate(ca);
             assert(leaf.checkIssued(root) && leaf.verify(root.publicKey))"
        ));
    }
    dir.seal("ca crl --ca-dir ca --out first.pem").ok();
    dir.openssl("verify -crl_check_all -CAfile ca/ca.pem -CRLfile first.pem localhost+4.pem");
    dir.seal("ca revoke --ca-dir ca localhost+4.pem --reason keyCompromise").ok();
    let crl_check = "verify -crl_check_all -CAfile ca/ca.pem -CRLfile ca/crl.pem";
    let revoked = dir.try_openssl(&format!("{crl_check} localhost+4.pem"));
    assert!(revoked.stderr.contains("error 23 at 0 depth"), "{revoked:?}");
    dir.openssl(&format!("{crl_check} user@example.com-client.pem"));
    let text = dir.openssl("crl -in ca/crl.pem -noout -text");
    assert!(text.text().contains("Key Compromise"), "{text:?}");
    let number = dir.openssl("crl -in ca/crl.pem -noout -crlnumber");
    assert_eq!(number.text().trim(), "crlNumber=0x02", "each list has a greater number");
    let shown = dir.seal("crl show ca/crl.pem").ok();
    assert!(shown.text().starts_with("CN=Test-CA: list 02, current: "), "{shown:?}");
    let text = dir.seal("crl show --text ca/crl.pem").ok();
    assert!(text.text().contains("Key Compromise"), "{text:?}");
    let ours = dir.seal("cert verify localhost+4.pem --ca ca/ca.pem --crl ca/crl.pem");
    assert!(ours.code == 1 && ours.text().contains("CERT_REVOKED"), "{ours:?}");
    let again = dir.seal("ca revoke --ca-dir ca localhost+4.pem");
    assert!(again.code == 2 && again.stderr.contains("revoked already"), "{again:?}");
}

#[test]
fn curl_reads_from_a_server_with_its_certificate() {
    if !installed(&["curl", "node"]) {
        return;
    }
    let dir = with_ca("");
    dir.seal("ca intermediate --ca-dir ca --new-ca-dir mid --name Middle").ok();
    dir.seal("ca issue --ca-dir mid localhost").ok();
    let server = Server::start(&dir, "localhost.pem", "localhost-key.pem");
    let url = format!("https://localhost:{}/", server.port);
    let curl = |arguments: &[&str]| {
        let all: Vec<_> = ["-sS", &url].into_iter().chain(arguments.iter().copied()).collect();
        dir.run(Command::new("curl"), &all, b"")
    };
    assert_eq!(curl(&["--cacert", "ca/ca.pem"]).ok().text(), "<p>sealed</p>");
    let pin = dir.seal("key show --key localhost-key.pem").ok();
    let pin = pin.text().split_whitespace().last().unwrap();
    curl(&["--cacert", "ca/ca.pem", "--pinnedpubkey", &format!("sha256//{pin}")]).ok();
    assert_eq!(curl(&[]).code, 60, "curl does not know the CA");
}

#[test]
fn it_signs_for_private_names_only_unless_told() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("--permit corp.example.com --permit 203.0.113.0/24");
    for good in [
        "localhost",
        "a.test",
        "host.local",
        "10.1.2.3",
        "fd00::1",
        "corp.example.com",
        "x.corp.example.com",
        "203.0.113.7",
    ] {
        dir.seal(&format!(
            "ca issue --ca-dir ca {good} --cert-file c.pem --key-file k.pem --force"
        ))
        .ok();
        dir.openssl("verify -CAfile ca/ca.pem c.pem");
    }
    let index = dir.read("ca/index.txt");
    for (bad, said) in [
        ("example.com", "seal: the CA's name constraints do not permit "),
        ("bank.com", "seal: the CA's name constraints do not permit "),
        ("localhost.com", "seal: the CA's name constraints do not permit "),
        ("8.8.8.8", "seal: 8.8.8.8 is not permitted by ca/addresses.txt"),
        ("2001:db8::1", "seal: 2001:db8::1 is not permitted by ca/addresses.txt"),
    ] {
        let ran = dir.seal(&format!("ca issue --ca-dir ca {bad}"));
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.starts_with(said), "{ran:?}");
    }
    assert_eq!(dir.read("ca/index.txt"), index, "what was refused is not noted");
    assert!(!dir.files().contains(&"bank.com.pem".to_owned()));

    // What BoringSSL cannot read is not in the certificate, unless it is asked for.
    let constraints = |dir: &Folder| {
        dir.openssl("x509 -in ca/ca.pem -noout -ext nameConstraints").text().to_owned()
    };
    assert!(!constraints(&dir).contains("IP:"), "{}", constraints(&dir));
    let narrow = with_ca("--limit-addresses --permit 203.0.113.0/24");
    assert!(constraints(&narrow).contains("IP:203.0.113.0/255.255.255.0"));
    narrow.seal("ca issue --ca-dir ca 203.0.113.7").ok();
    narrow.openssl("verify -CAfile ca/ca.pem 203.0.113.7.pem");
    let ran = narrow.seal("ca issue --ca-dir ca 8.8.8.8");
    assert!(
        ran.stderr.starts_with("seal: the CA's name constraints do not permit IP:8.8.8.8"),
        "{ran:?}"
    );

    // Below it, the same holds.
    let below = "ca intermediate --ca-dir ca --new-ca-dir below --name Below";
    dir.seal(below).ok();
    let ran = dir.seal("ca issue --ca-dir below 8.8.8.8");
    assert_eq!(ran.code, 1, "{ran:?}");
    dir.write("below/addresses.txt", "# ours\n8.8.8.0/24\n");
    dir.seal("ca issue --ca-dir below 8.8.8.8").ok();
    dir.write("below/addresses.txt", "example.com\n");
    let ran = dir.seal("ca issue --ca-dir below 10.0.0.1");
    assert!(ran.stderr.contains("below/addresses.txt, line 1: "), "{ran:?}");

    let free = with_ca("--unconstrained");
    free.seal("ca issue --ca-dir ca bank.com").ok();
    free.openssl("verify -CAfile ca/ca.pem bank.com.pem");
}

#[test]
fn a_certificate_for_an_address_has_a_subject() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    dir.seal("ca issue --ca-dir ca 127.0.0.1 ::1 --cert-file c.pem").ok();
    let shown = dir.openssl("x509 -in c.pem -noout -subject -ext subjectAltName").text().to_owned();
    assert!(shown.contains("O = Sealwire certificate"), "{shown}");
    // Erlang/OTP 25 does not know a critical one that holds addresses alone.
    assert!(shown.contains("Alternative Name: \n"), "{shown}");
}

#[test]
fn cas_of_others_are_taken_over_as_they_are() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = Folder::new();
    dir.write("pass", "secret");
    dir.write("new", "other");
    // As easy-rsa and tutorials make it; as mkcert does (keyUsage without cRLSign); as step does
    // (P-256, encrypted in the traditional form); an old one of version 1.
    let make = [
        (
            "openssl",
            "req -x509 -newkey rsa:2048 -days 90 -passout file:pass -subj /O=Å/OU=a/OU=b/CN=r \
           -utf8 -keyout KEY -out CERT",
            "",
        ),
        (
            "mkcert",
            "req -x509 -newkey rsa:3072 -days 90 -nodes -subj /O=mkcert/CN=dev -keyout KEY \
           -addext keyUsage=critical,keyCertSign -out CERT",
            "",
        ),
        (
            "step",
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 90 -nodes -subj /CN=s \
           -addext keyUsage=critical,keyCertSign,cRLSign -keyout plain -out CERT",
            "ec -in plain -aes256 -passout file:pass -out KEY",
        ),
        (
            "v1",
            "req -new -newkey rsa:2048 -nodes -subj /CN=old -keyout KEY -out csr",
            "x509 -req -in csr -signkey KEY -days 90 -out CERT",
        ),
    ];
    for (name, first, second) in make {
        for line in [first, second].into_iter().filter(|line| !line.is_empty()) {
            let line = line.replace("KEY", &format!("{name}.key"));
            dir.openssl(&line.replace("CERT", &format!("{name}.pem")));
        }
        let import = format!("ca import --ca-dir {name} --ca {name}.pem --ca-key {name}.key");
        dir.seal(&format!("{import} --passphrase-file pass --new-passphrase-file new")).ok();
        let pass = "--passphrase-file new";
        let files = "--cert-file c.pem --key-file k.pem --force";
        dir.seal(&format!("ca issue --ca-dir {name} bank.com {pass} {files}")).ok();
        dir.openssl(&format!("verify -CAfile {name}.pem -purpose sslserver c.pem"));
        let crl = dir.seal(&format!("ca crl --ca-dir {name} {pass} --out crl.pem --force"));
        if name == "mkcert" {
            assert_eq!(crl.code, 2, "{crl:?}");
            assert!(crl.stderr.contains("cRLSign is missing"), "{crl:?}");
        } else {
            crl.ok();
            let check = "-crl_check_all -CRLfile crl.pem";
            dir.openssl(&format!("verify {check} -CAfile {name}.pem c.pem"));
        }
        let wrong = dir.seal(&format!("ca issue --ca-dir {name} x.com --passphrase-file pass"));
        assert_eq!(wrong.code, 1, "{wrong:?}");
    }
    let twice = dir.seal("ca init --ca-dir v1");
    assert_eq!(
        (twice.code, twice.stderr.as_str()),
        (2, "seal: v1: this folder already contains a CA (--ca-dir names another folder)\n")
    );
}

/// The store's files are those of `openssl ca`, which can go on with them.
#[test]
fn openssl_ca_works_on_the_same_folder() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    for _ in 0..2 {
        dir.seal("ca issue --ca-dir ca a.test --cert-file a.pem --key-file k.pem --force").ok();
    }
    dir.seal("ca revoke --ca-dir ca a.pem --reason superseded").ok();
    dir.write(
        "ca.cnf",
        "[ca]\ndefault_ca = d\n[d]\ndatabase = ca/index.txt\ncrlnumber = ca/crlnumber\n\
         certificate = ca/ca.pem\nprivate_key = ca/ca-key.pem\ndefault_md = sha256\n\
         default_crl_days = 3\n",
    );
    dir.openssl("ca -config ca.cnf -gencrl -out theirs.pem");
    let text = dir.openssl("crl -in theirs.pem -noout -text");
    assert!(
        text.text().contains("Superseded")
            && text.text().contains("CRL Number: \n                2"),
        "{}",
        text.text()
    );
    // And back: what OpenSSL revokes, we list.
    dir.seal("ca issue --ca-dir ca b.test").ok();
    dir.openssl("ca -config ca.cnf -revoke b.test.pem -crl_reason keyCompromise");
    let list = dir.seal("ca list --ca-dir ca").ok();
    assert_eq!(list.text().matches("revoked").count(), 2, "{list:?}");
    dir.seal("ca crl --ca-dir ca --out ours.pem").ok();
    let check = "verify -crl_check_all -CAfile ca/ca.pem -CRLfile ours.pem b.test.pem";
    assert!(dir.try_openssl(check).stderr.contains("error 23"));
    let number = dir.openssl("crl -in ours.pem -noout -crlnumber");
    assert_eq!(number.text().trim(), "crlNumber=0x03");
}

#[test]
fn an_intermediate_signs_in_place_of_the_root() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = with_ca("");
    dir.write("pass", "x");
    dir.seal(
        "ca intermediate --ca-dir ca --new-ca-dir mid --name Middle --permit app.test \
         --exclude secret.app.test --new-passphrase-file pass",
    )
    .ok();
    dir.seal("ca issue --ca-dir mid --passphrase-file pass x.app.test").ok();
    let pem = String::from_utf8(dir.read("x.app.test.pem")).unwrap();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "leaf and intermediate, no root");
    dir.openssl("verify -x509_strict -CAfile ca/ca.pem -untrusted x.app.test.pem x.app.test.pem");
    let below = dir.seal(
        "ca intermediate --ca-dir mid --passphrase-file pass --new-ca-dir below --name Lower",
    );
    assert!(below.code == 1 && below.stderr.contains("allows no CA below it"), "{below:?}");
    let outside = dir.seal("ca issue --ca-dir mid --passphrase-file pass other.test");
    assert_eq!(outside.code, 1, "{outside:?}");
    let excluded = dir.seal("ca issue --ca-dir mid --passphrase-file pass a.secret.app.test");
    assert_eq!(excluded.code, 1, "{excluded:?}");
}

/// A list that is not about everything says so, or a reader takes what is missing for good.
#[test]
fn the_scope_of_a_list_is_shown() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    dir.write(
        "openssl.cnf",
        "[ca]\ndefault_ca = d\n[d]\ndatabase = ca/index.txt\ndefault_md = sha256\n\
         default_crl_days = 1\n[x]\nissuingDistributionPoint = critical, @p\n\
         2.5.29.27 = critical, ASN1:INTEGER:5\n[p]\nonlyCA = TRUE\nindirectCRL = TRUE\n\
         onlysomereasons = keyCompromise, CACompromise\n",
    );
    dir.openssl(
        "ca -gencrl -config openssl.cnf -cert ca/ca.pem -keyfile ca/ca-key.pem -crlexts x \
         -out scope.pem",
    );
    let shown = dir.seal("crl show scope.pem").ok();
    for line in [
        "  delta list: only what has changed since list 05\n",
        "  indirect list: certificates of other issuers too\n",
        "  only about CAs\n",
        "  only about these reasons: keyCompromise, cACompromise\n",
    ] {
        assert!(shown.text().contains(line), "{shown:?}");
    }
    let json = dir.seal("crl show scope.pem --json").ok();
    let lists: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(lists[0]["only"], "CAs", "{lists}");
}

/// A client's certificate is for a person or a program, who need not have a host name.
#[test]
fn a_client_goes_by_a_name_that_is_no_host_name() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    dir.seal("ca issue --ca-dir ca ops1 --client").ok();
    dir.seal("ca issue --ca-dir ca --client --subject /O=Example/OU=ops/CN=Alice").ok();
    dir.seal("ca issue --ca-dir ca --subject /O=Example/CN=App app.test").ok();
    for (file, subject, name, purpose) in [
        ("ops1-client", "CN = ops1", None, "sslclient"),
        ("Alice-client", "O = Example, OU = ops, CN = Alice", None, "sslclient"),
        ("app.test", "O = Example, CN = App", Some("DNS:app.test"), "sslserver"),
    ] {
        dir.openssl(&format!(
            "verify -x509_strict -purpose {purpose} -CAfile ca/ca.pem {file}.pem"
        ));
        let text = dir.openssl(&format!("x509 -in {file}.pem -noout -text")).text().to_owned();
        assert!(text.contains(&format!("Subject: {subject}\n")), "{text}");
        match name {
            Some(name) => assert!(text.contains(name), "{text}"),
            None => assert!(!text.contains("Subject Alternative Name"), "{text}"),
        }
    }
    for (arguments, fact) in [
        ("ops1 ops2 --client", "a certificate has one common name"),
        ("ops1 --client --subject /CN=other", "names the user already"),
        ("--subject /CN=server", "needs a host name or an address"),
    ] {
        let refused = dir.seal(&format!("ca issue --ca-dir ca {arguments}"));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(fact), "{refused:?}");
    }
}

#[test]
fn certificates_are_renewed_in_place() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    dir.seal("ca issue --ca-dir ca soon.test --days 10").ok();
    dir.seal("ca issue --ca-dir ca later.test --days 100").ok();
    let serial =
        |file: &str| dir.openssl(&format!("x509 -in {file}.pem -noout -serial")).text().to_owned();
    let modulus =
        |file: &str| dir.openssl(&format!("x509 -in {file}.pem -noout -pubkey")).text().to_owned();
    let before = (serial("soon.test"), serial("later.test"), modulus("soon.test"));

    let ran = dir.seal("ca renew --ca-dir ca soon.test.pem later.test.pem --within 30d").ok();
    assert!(ran.text().contains("later.test.pem: not due"), "{ran:?}");
    assert_ne!(serial("soon.test"), before.0);
    assert_eq!(serial("later.test"), before.1);
    assert_eq!(modulus("soon.test"), before.2, "the key stays");
    dir.openssl("verify -x509_strict -purpose sslserver -CAfile ca/ca.pem soon.test.pem");
    let listed = dir.seal("ca list --ca-dir ca --json").ok();
    assert_eq!(listed.text().matches("\"/CN=soon.test\"").count(), 2, "{listed:?}");

    dir.seal("ca renew --ca-dir ca soon.test.pem --new-key soon.test-key.pem --days 20").ok();
    assert_ne!(modulus("soon.test"), before.2);
    dir.seal("key matches --key soon.test-key.pem soon.test.pem").ok();

    // What is not this CA's, and what it has taken back, is not renewed.
    dir.seal("ca init --ca-dir other --name Other").ok();
    let foreign = dir.seal("ca renew --ca-dir other soon.test.pem");
    assert_eq!(foreign.code, 1, "{foreign:?}");
    assert!(foreign.stderr.contains("did not issue this certificate"), "{foreign:?}");
    dir.seal("ca revoke --ca-dir ca later.test.pem").ok();
    let revoked = dir.seal("ca renew --ca-dir ca soon.test.pem later.test.pem");
    assert!(revoked.stderr.contains("later.test.pem: the certificate is revoked"), "{revoked:?}");
    let now = serial("soon.test");
    assert_eq!(dir.seal("ca renew --ca-dir ca soon.test.pem later.test.pem").code, 1);
    assert_eq!(serial("soon.test"), now, "all are looked at before the first is signed");
}

#[test]
fn several_files_are_verified_at_once() {
    let dir = with_ca("");
    dir.seal("ca issue --ca-dir ca one.test").ok();
    dir.seal("ca issue --ca-dir ca two.test").ok();
    let good = dir.seal("cert verify --ca ca/ca.pem one.test.pem two.test.pem --json").ok();
    let lines: Vec<serde_json::Value> =
        good.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{good:?}");
    assert!(lines.iter().all(|line| line["trusted"] == true), "{good:?}");
    dir.seal("ca init --ca-dir other --name Other").ok();
    let mixed = dir.seal("cert verify --ca ca/ca.pem other/ca.pem two.test.pem");
    assert_eq!(mixed.code, 1, "{mixed:?}");
    assert!(mixed.text().contains("two.test.pem: trusted"), "{mixed:?}");
}

#[test]
fn a_request_is_signed_without_seeing_its_key() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = with_ca("");
    dir.openssl(
        "req -new -newkey rsa:2048 -nodes -keyout k.pem -subj /CN=a.test -out c.pem \
                 -addext subjectAltName=DNS:a.test,DNS:b.test",
    );
    dir.seal("ca issue --ca-dir ca --csr c.pem c.test").ok();
    assert!(!dir.files().contains(&"c.test-key.pem".to_owned()));
    let names = dir.openssl("x509 -in c.test.pem -noout -ext subjectAltName");
    assert!(names.text().contains("DNS:c.test") && !names.text().contains("b.test"), "{names:?}");
    dir.seal("ca issue --ca-dir ca --csr c.pem --copy-names --cert-file copied.pem").ok();
    let names = dir.openssl("x509 -in copied.pem -noout -ext subjectAltName");
    assert!(names.text().contains("DNS:a.test, DNS:b.test"), "{names:?}");
}

#[test]
fn a_pfx_comes_along_when_wanted() {
    if !installed(&["openssl", "node"]) {
        return;
    }
    let dir = with_ca("");
    dir.write("pass", "secret");
    dir.seal("ca issue --ca-dir ca localhost --pfx id.pfx --pfx-passphrase-file pass").ok();
    dir.openssl("pkcs12 -in id.pfx -passin file:pass -nodes");
    dir.node("tls.createSecureContext({ pfx: fs.readFileSync('id.pfx'), passphrase: 'secret' })");
}

#[test]
fn a_failure_leaves_no_file_and_no_note() {
    let dir = with_ca("");
    dir.seal("ca issue --ca-dir ca a.test").ok();
    let before = (
        dir.files(),
        dir.read("ca/index.txt"),
        std::fs::read_dir(dir.path("ca/issued")).unwrap().count(),
    );
    for line in [
        "ca issue --ca-dir ca a.test",
        "ca issue --ca-dir ca b.test --cert-file no/b.pem",
        "ca issue --ca-dir ca b.test --key-file no/b.pem",
        "ca issue --ca-dir ca b.test --days 4000000",
        "ca issue --ca-dir ca b.test --csr none.pem",
        "ca revoke --ca-dir ca 1234",
        "ca revoke --ca-dir ca none.pem",
        "ca crl --ca-dir ca --out no/crl.pem",
    ] {
        let ran = dir.seal(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    let after = (
        dir.files(),
        dir.read("ca/index.txt"),
        std::fs::read_dir(dir.path("ca/issued")).unwrap().count(),
    );
    assert_eq!(after, before);
    let none = dir.seal("ca issue --ca-dir none a.test");
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (
            2,
            "seal: none: no CA in this folder (create one with `seal ca init`, or name its folder with --ca-dir)\n"
        )
    );
}

#[test]
fn a_garbled_index_is_named_and_not_overwritten() {
    let dir = with_ca("");
    dir.write("ca/index.txt", "V\tgarbage\n");
    let ran = dir.seal("ca issue --ca-dir ca a.test");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("ca/index.txt: line 1"), "{ran:?}");
    assert_eq!(dir.read("ca/index.txt"), b"V\tgarbage\n");
}

#[test]
fn many_processes_at_once_lose_nothing() {
    let dir = with_ca("");
    let children: Vec<_> = (0..12)
        .map(|i| {
            Command::new(env!("CARGO_BIN_EXE_seal"))
                .args(["ca", "issue", "--ca-dir", "ca", &format!("host{i}.test")])
                .current_dir(dir.root())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let index = String::from_utf8(dir.read("ca/index.txt")).unwrap();
    for i in 0..12 {
        assert_eq!(index.matches(&format!("/CN=host{i}.test\n")).count(), 1, "{index}");
    }
}

/// Killed at any moment, the store can still be read, and whatever certificate got out is in it.
#[test]
fn a_process_that_is_killed_leaves_a_store_that_works() {
    let dir = with_ca("");
    for i in 0..16 {
        let name = format!("kill{i}.test");
        let before = dir.read("ca/index.txt");
        let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
            .args(["ca", "issue", "--ca-dir", "ca", &name])
            .current_dir(dir.root())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Half are killed as soon as the index changes, the others as soon as a file is made.
        let watched = dir.path(&format!("{name}-key.pem"));
        loop {
            let changed =
                if i % 2 == 0 { dir.read("ca/index.txt") != before } else { watched.exists() };
            if changed || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        let list = dir.seal("ca list --ca-dir ca").ok();
        if dir.path(&format!("{name}.pem")).exists() {
            assert!(list.text().contains(&name), "{name} is out but not in the index: {list:?}");
        }
    }
    dir.seal("ca issue --ca-dir ca after.test").ok();
    dir.seal("ca revoke --ca-dir ca after.test.pem").ok();
}
