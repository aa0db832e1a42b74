//! Encrypted keys and PFX files as the `openssl` program writes them, and what they may cost.

mod peers;

use std::path::Path;
use std::process::Command;

use peers::present;
use sealwire::pki::{
    Certificate, KeyEncryption, Pfx, PfxContents, PrivateKey, Problem, self_signed,
};

/// A folder with a key, its certificate and one of another.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Option<Self> {
        if !present("openssl") {
            return None;
        }
        let files = Self(tempfile::tempdir().unwrap());
        for name in ["leaf", "other"] {
            files.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -subj /CN={name}"
            ));
        }
        Some(files)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn certificate(&self, name: &str) -> Certificate {
        Certificate::all_from_pem(&self.read(&format!("{name}.pem"))).unwrap().remove(0)
    }

    #[track_caller]
    fn openssl(&self, line: &str) -> Vec<u8> {
        run(self.0.path(), line).unwrap_or_else(|e| panic!("openssl {line}: {e}"))
    }

    #[track_caller]
    fn export(&self, arguments: &str) -> Vec<u8> {
        self.openssl(&format!("pkcs12 -export -inkey leaf.key -in leaf.pem {arguments}"))
    }
}

fn run(folder: &Path, line: &str) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output();
    let output = output.map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn keys_are_opened_however_openssl_encrypts_them() {
    let Some(files) = Files::new() else { return };
    let legacy = "-provider legacy -provider default";
    for kind in
        ["RSA -pkeyopt rsa_keygen_bits:2048", "EC -pkeyopt ec_paramgen_curve:P-256", "ED25519"]
    {
        files.openssl(&format!("genpkey -algorithm {kind} -out k.key"));
        let plain = files.openssl("pkcs8 -topk8 -nocrypt -in k.key -outform DER");
        for form in [
            "",
            "-v2 aes-128-cbc -iter 1",
            "-v2 aes-192-cbc",
            "-v2 des3 -v2prf hmacWithSHA1",
            "-v2 aes-256-cbc -v2prf hmacWithSHA384",
            "-v2 aes-256-cbc -v2prf hmacWithSHA512",
            "-scrypt",
            "-v1 PBE-SHA1-3DES",
            &format!("{legacy} -v1 PBE-SHA1-2DES"),
            &format!("{legacy} -v1 PBE-SHA1-RC4-128"),
            &format!("{legacy} -v1 PBE-SHA1-RC4-40"),
            &format!("{legacy} -v1 PBE-SHA1-RC2-128"),
            &format!("{legacy} -v1 PBE-SHA1-RC2-40"),
            &format!("{legacy} -v1 PBE-MD5-DES"),
            &format!("{legacy} -v1 PBE-SHA1-DES"),
            &format!("{legacy} -v1 PBE-SHA1-RC2-64"),
            &format!("{legacy} -v2 des-cbc"),
            &format!("{legacy} -v2 rc2-cbc"),
            &format!("{legacy} -v2 rc2-40-cbc"),
            &format!("{legacy} -v2 rc2-64-cbc"),
        ] {
            let der = files.openssl(&format!(
                "pkcs8 -topk8 -in k.key -outform DER {form} -passout pass:secret"
            ));
            let key = PrivateKey::from_der(&der, Some(b"secret"));
            let key = key.unwrap_or_else(|e| panic!("{form}: {e}"));
            assert_eq!(key.to_pkcs8_der(), plain, "{form}");
            let problem =
                |passphrase| PrivateKey::from_der(&der, passphrase).unwrap_err().problem();
            assert_eq!(problem(None), Problem::PassphraseNeeded, "{form}");
            assert_eq!(problem(Some(b"wrong")), Problem::WrongPassphrase, "{form}");
        }
    }
}

#[test]
fn a_passphrase_that_is_wrong_is_always_called_wrong() {
    let Some(files) = Files::new() else { return };
    files.openssl("ecparam -name prime256v1 -genkey -noout -out k.key");
    let pem = files.openssl("pkcs8 -topk8 -in k.key -iter 1 -passout pass:secret");
    // One in 256 passes the padding check and decrypts to noise.
    for attempt in 0..1500 {
        let error = PrivateKey::from_pem(&pem, Some(format!("{attempt}").as_bytes())).unwrap_err();
        assert_eq!(error.problem(), Problem::WrongPassphrase, "{attempt}: {error}");
    }
}

#[test]
fn an_rsa_key_without_its_null_is_read_and_never_called_a_wrong_passphrase() {
    let (_, key) = self_signed(["localhost"]).unwrap();
    assert!(!key.to_pkcs8_der().is_empty());
    let Some(files) = Files::new() else { return };
    let pkcs1 = files.openssl("rsa -in leaf.key -traditional -outform DER");
    // PrivateKeyInfo { 0, { rsaEncryption }, PKCS#1 }
    let rsa = [0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
    let inner = [&[0x02, 0x01, 0x00][..], &rsa, &[0x04, 0x82], &length(&pkcs1), &pkcs1].concat();
    let der = [&[0x30, 0x82][..], &length(&inner), &inner].concat();
    std::fs::write(files.path("odd.der"), &der).unwrap();
    let plain = PrivateKey::from_der(&der, None).unwrap();
    assert!(plain.matches(&files.certificate("leaf")));
    // OpenSSL's pkcs8 copies what is inside as it is.
    let made = run(
        files.0.path(),
        "pkcs8 -topk8 -in odd.der -inform DER -outform DER -passout pass:secret -iter 1",
    );
    let encrypted = made.unwrap();
    let opened = PrivateKey::from_der(&encrypted, Some(b"secret")).unwrap();
    assert_eq!(opened.spki_der(), plain.spki_der());
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_be_bytes()
}

#[test]
fn pfx_files_are_opened_however_openssl_writes_them() {
    let Some(files) = Files::new() else { return };
    for form in [
        "",
        "-certfile other.pem",
        // The leaf twice, as the tutorials have it.
        "-certfile leaf.pem",
        "-certpbe NONE",
        "-keypbe NONE -certpbe NONE",
        "-nomac",
        "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        "-certpbe AES-128-CBC -iter 1 -macalg sha512",
        "-certfile other.pem -legacy -descert",
        "-legacy -certpbe PBE-SHA1-RC4-128",
        "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-RC4-40",
        "-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-2DES",
        "-name friendly -CSP x -nomaciter -noiter",
    ] {
        let file = files.export(&format!("{form} -passout pass:secret"));
        let pfx = Pfx::from_der(&file, Some("secret"));
        let pfx = pfx.unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(*pfx.certificate(), files.certificate("leaf"), "{form}");
        assert!(pfx.key().matches(pfx.certificate()), "{form}");
        let others =
            if form.contains("other.pem") { vec![files.certificate("other")] } else { vec![] };
        assert_eq!(pfx.chain(), others, "{form}");
        let problem = |passphrase| Pfx::from_der(&file, passphrase).unwrap_err().problem();
        assert_eq!(problem(Some("wrong")), Problem::WrongPassphrase, "{form}");
    }
    for form in ["", "-nomac"] {
        let file = files.export(&format!("{form} -passout pass:"));
        for passphrase in [None, Some("")] {
            assert!(Pfx::from_der(&file, passphrase).is_ok(), "{form} {passphrase:?}");
        }
    }
    std::fs::write(files.path("pass"), "pässwörd 鍵 🔑\n").unwrap();
    let file = files.export("-passout file:pass");
    assert!(Pfx::from_der(&file, Some("pässwörd 鍵 🔑")).is_ok());
    for cut in [1, 100, file.len() / 2] {
        let cut = &file[..file.len() - cut];
        let error = Pfx::from_der(cut, Some("pässwörd 鍵 🔑")).unwrap_err();
        assert_eq!(error.problem(), Problem::Malformed, "{error}");
    }
}

#[test]
fn a_mac_by_pbmac1_is_checked() {
    let Some(files) = Files::new() else { return };
    // Since OpenSSL 3.4.
    let line = "pkcs12 -export -inkey leaf.key -in leaf.pem -pbmac1_pbkdf2 -passout pass:secret";
    let Ok(file) = run(files.0.path(), line) else {
        eprintln!("\n!!! SKIPPED: this openssl writes no PBMAC1 !!!\n");
        return;
    };
    assert!(Pfx::from_der(&file, Some("secret")).is_ok());
    let wrong = Pfx::from_der(&file, Some("wrong")).unwrap_err();
    assert_eq!(wrong.problem(), Problem::WrongPassphrase);
}

#[test]
fn certificates_and_keys_alone_are_shown_and_are_no_identity() {
    let Some(files) = Files::new() else { return };
    let pass = "-passout pass:changeit";
    let trust = files.openssl(&format!(
        "pkcs12 -export -nokeys -in leaf.pem -certfile other.pem -caname x {pass}"
    ));
    let contents = PfxContents::from_der(&trust, Some("changeit")).unwrap();
    assert_eq!(contents.certificates.len(), 2);
    assert!(contents.entries.is_empty() && contents.lone_keys.is_empty());
    let error = Pfx::from_der(&trust, Some("changeit")).unwrap_err();
    assert_eq!(error.problem(), Problem::NoPrivateKey);
    assert_eq!(error.to_string(), "the PFX contains no private key (2 certificates)");
    let key = files.openssl(&format!("pkcs12 -export -nocerts -inkey leaf.key {pass}"));
    let contents = PfxContents::from_der(&key, Some("changeit")).unwrap();
    assert_eq!((contents.lone_keys.len(), contents.certificates.len()), (1, 0));
    let error = Pfx::from_der(&key, Some("changeit")).unwrap_err();
    assert_eq!(error.problem(), Problem::KeyMismatch);
}

/// One element, DER.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, contents].concat()
}

/// The same with a length that ends with its contents.
fn indefinite(tag: u8, contents: &[u8]) -> Vec<u8> {
    [&[tag, 0x80][..], contents, &[0, 0]].concat()
}

/// A PFX with so many encrypted parts, each of so many iterations, and a MAC of as many.
fn costly(parts: usize, iterations: u32, element: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    const DATA: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
    const ENCRYPTED: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06];
    const PBE_3DES: &[u8] =
        &[0x06, 0x0A, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x03];
    const SHA1: &[u8] = &[0x30, 0x07, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A];
    let bytes = iterations.to_be_bytes();
    // Without bytes that say nothing, and positive.
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
    let first = if bytes[first] >= 0x80 { first - 1 } else { first };
    let number = [&[0x02, (4 - first) as u8][..], &bytes[first..]].concat();
    let salt = [0x04, 0x01, 0x07];
    let parameters = element(0x30, &[&salt[..], &number].concat());
    let algorithm = element(0x30, &[PBE_3DES, &parameters].concat());
    let info = element(0x30, &[DATA, &algorithm, &[0x80, 0x08], &[9; 8]].concat());
    let data = element(0x30, &[&[0x02, 0x01, 0x00][..], &info].concat());
    let part = element(0x30, &[ENCRYPTED, &element(0xA0, &data)].concat());
    let safes = element(0x30, &part.repeat(parts));
    let octets = [&[0x04, 0x84][..], &u32::try_from(safes.len()).unwrap().to_be_bytes(), &safes];
    let content = element(0x30, &[DATA, &element(0xA0, &octets.concat())].concat());
    let digest = [&[0x04, 0x14][..], &[0; 20]].concat();
    let mac = element(0x30, &[SHA1, &digest].concat());
    let mac = element(0x30, &[&mac, &salt[..], &number].concat());
    element(0x30, &[&[0x02, 0x01, 0x03][..], &content, &mac].concat())
}

#[test]
fn the_sum_of_all_work_is_bounded_before_it_is_begun() {
    for shape in [element, indefinite] {
        // Each part alone is within what a file may cost.
        let file = costly(10, 2_000_000, shape);
        let error = Pfx::from_der(&file, Some("x")).unwrap_err();
        assert_eq!(error.problem(), Problem::Unsupported, "{error}");
        assert!(error.to_string().contains("too much work"), "{error}");
        // Within the bounds the passphrase is tried.
        let error = Pfx::from_der(&costly(2, 10, shape), Some("x")).unwrap_err();
        assert_eq!(error.problem(), Problem::WrongPassphrase, "{error}");
    }
}

#[test]
fn a_key_that_costs_too_much_is_refused() {
    let (_, key) = self_signed(["localhost"]).unwrap();
    let mut der =
        key.to_encrypted_der(b"x", KeyEncryption::Pbkdf2 { iterations: 0x0012_D687 }).unwrap();
    let at = der.windows(3).position(|bytes| bytes == [0x12, 0xD6, 0x87]).unwrap();
    // 8 million can be had, 12 million not: the count of three bytes goes up to 8,388,607, so the
    // digest is made the dear one.
    der[at..at + 3].copy_from_slice(&[0x7F, 0xFF, 0xFF]);
    let sha256 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x09];
    let at = der.windows(8).position(|bytes| bytes == sha256).unwrap();
    der[at + 7] = 0x0B;
    let error = PrivateKey::from_der(&der, Some(b"x")).unwrap_err();
    assert_eq!(error.problem(), Problem::Unsupported);
    assert!(error.to_string().contains("too much work"), "{error}");
}

#[test]
fn mutated_files_are_survived() {
    let Some(files) = Files::new() else { return };
    let pfx = files.export("-iter 1 -passout pass:x");
    let key = files.openssl("pkcs8 -topk8 -in leaf.key -iter 1 -outform DER -passout pass:x");
    let mut random = 0x0BAD_5EED_u64;
    let mut next = move |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 16).unwrap() % bound
    };
    let mut mutate = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            bytes[at] = u8::try_from(next(256)).unwrap();
        }
        bytes
    };
    let leaf = files.certificate("leaf");
    for _ in 0..2000 {
        match Pfx::from_der(&mutate(&pfx), Some("x")) {
            Ok(read) => assert_eq!(*read.certificate(), leaf),
            Err(error) => assert_ne!(error.problem(), Problem::Internal, "{error}"),
        }
        if let Err(error) = PrivateKey::from_der(&mutate(&key), Some(b"x")) {
            assert_ne!(error.problem(), Problem::Internal, "{error}");
        }
    }
}
