//! Certificates of many kinds, described by Node and by us, field by field.

use std::path::{Path, PathBuf};
use std::process::Command;

use sealwire::pki::{Certificate, LegacyCertificate};
use serde_json::{Map, Value, json};

use crate::peers::credentials::credentials;
use crate::peers::run;
use crate::rules::is_old;
use crate::{present, script};

/// Name, kind of key, subject, and extensions as OpenSSL's configuration has them.
type Made = (&'static str, &'static str, &'static str, &'static str);

const EC: &str = "EC -pkeyopt ec_paramgen_curve:";

const CERTIFICATES: &[Made] = &[
    (
        "names of all kinds",
        "P-256",
        "/C=DE/O=Sealwire, Inc./OU=a/OU=b/CN=K\u{e4}se/emailAddress=a@b.example",
        "subjectAltName=@s\n[s]\nDNS.1=a.example\nDNS.2=*.b.example\nIP.1=1.2.3.4\nIP.2=::1\n\
         IP.3=2001:db8::ff00:42:8329\nemail.1=me@a.example\nURI.1=https://a.example/x\n\
         RID.1=1.2.3.4\nRID.2=commonName\ndirName.1=d\ndirName.2=inner\n\
         otherName.1=1.3.6.1.4.1.311.20.2.3;UTF8:user@a.example\n\
         otherName.2=1.3.6.1.4.1.311.20.2.3;IA5:user@a.example\n\
         otherName.3=1.3.6.1.5.5.7.8.5;UTF8:x\u{e4}\\, y\n\
         otherName.4=1.3.6.1.5.5.7.8.7;IA5:_srv.a.example\n\
         otherName.5=1.3.6.1.5.5.7.8.9;UTF8:\u{e4}@a.example\n\
         otherName.6=1.2.3;UTF8:x\n\
         [d]\nC=DE\nO=x\\, y\nCN=\"a\\\"+b\"\n[inner]\nCN=inner\n",
    ),
    (
        "names that could be misread",
        "P-256",
        "/CN=q",
        "subjectAltName=@s\n[s]\nDNS.1=a\\, b.com\nURI.1=http://a.example/it's\n\
         email.1=a\\\\b@c.example\n",
    ),
    (
        "information access",
        "RSA 2048",
        "/CN=aia/UID=u/serialNumber=12/1.2.3.4=foo/DC=a/DC=b",
        "authorityInfoAccess=OCSP;URI:http://ocsp.example/,caIssuers;URI:http://ca.example/a,\
         caIssuers;URI:http://ca.example/b,1.3.6.1.5.5.7.48.3;URI:http://ts.example/,\
         OCSP;DNS:x.example,OCSP;IP:127.0.0.1,OCSP;email:a@b.example,1.2.3.9;URI:http://o.example/\n\
         extendedKeyUsage=serverAuth,clientAuth,1.2.3.4.5\nbasicConstraints=CA:TRUE\n\
         keyUsage=digitalSignature\n",
    ),
    ("a CA", "P-521", "/CN=ca", "basicConstraints=critical,CA:TRUE,pathlen:0\n"),
    (
        "a CA that may sign",
        "P-384",
        "/CN=ca",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
    ),
    ("no CA", "P-384", "/CN=leaf", "basicConstraints=CA:FALSE\n"),
    ("no basic constraints", "P-256", "/CN=leaf", "keyUsage=keyCertSign\n"),
    ("Ed25519", "ED25519", "/CN=ed", "subjectAltName=IP:10.0.0.1\n"),
    ("a small exponent", "RSA 1024 -pkeyopt rsa_keygen_pubexp:3", "/CN=rsa", "nsComment=x\n"),
    ("RSASSA-PSS only", "RSA-PSS 2048", "/CN=pss", "nsComment=x\n"),
    (
        "attributes of every kind",
        "P-256",
        "/businessCategory=b/jurisdictionC=DE/jurisdictionST=s/jurisdictionL=l/street=st\
         /postalCode=1/title=t/SN=s/GN=g/initials=i/pseudonym=p/dnQualifier=q/name=n\
         /generationQualifier=III/description=d/organizationIdentifier=o/role=r\
         /telephoneNumber=123/unstructuredName=u/ST=st/L=l/CN=one/CN=two",
        "nsComment=x\n",
    ),
    ("no subject", "P-256", "/", "subjectAltName=critical,DNS:a.example\n"),
];

fn key_options(kind: &str) -> String {
    match kind.split_once(' ') {
        Some((algorithm, size)) => {
            format!("-algorithm {algorithm} -pkeyopt rsa_keygen_bits:{size}")
        }
        None if kind == "ED25519" => "-algorithm ED25519".to_owned(),
        None => format!("-algorithm {EC}{kind}"),
    }
}

fn make(folder: &Path, (name, key, subject, extensions): &Made, more: &[&str]) -> PathBuf {
    let path = |extension: &str| folder.join(format!("{name}.{extension}"));
    let openssl = || Command::new("openssl");
    std::fs::write(path("ext"), format!("[e]\n{extensions}")).unwrap();
    run(openssl().arg("genpkey").args(key_options(key).split(' ')).arg("-out").arg(path("key")));
    let mut request = openssl();
    request.args(["req", "-new", "-utf8", "-subj", subject, "-key"]).arg(path("key"));
    run(request.arg("-out").arg(path("csr")));
    let mut sign = openssl();
    sign.args(["x509", "-req", "-days", "30", "-extensions", "e", "-extfile"]).arg(path("ext"));
    sign.arg("-in").arg(path("csr")).arg("-signkey").arg(path("key")).args(more);
    run(sign.arg("-out").arg(path("pem")));
    path("pem")
}

/// An object of arrays as Node has it: one value stands for itself.
fn object(all: &[(String, Vec<String>)], alone: bool) -> Value {
    let value = |values: &Vec<String>| match &values[..] {
        [one] if alone => json!(one),
        all => json!(all),
    };
    Value::Object(all.iter().map(|(name, values)| (name.clone(), value(values))).collect())
}

fn described(certificate: &Certificate) -> Map<String, Value> {
    let ours = LegacyCertificate::of(certificate);
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let all = json!({
        "subject": object(&ours.subject, true),
        "issuer": object(&ours.issuer, true),
        "subjectaltname": ours.subject_alt_name,
        "infoAccess": ours.info_access.map(|all| object(&all, false)),
        "ca": ours.ca,
        "modulus": ours.modulus,
        "exponent": ours.exponent,
        "pubkey": ours.public_key.map(hex),
        "bits": ours.bits,
        "asn1Curve": ours.asn1_curve,
        "nistCurve": ours.nist_curve,
        "valid_from": ours.valid_from,
        "valid_to": ours.valid_to,
        "fingerprint": ours.fingerprint,
        "fingerprint256": ours.fingerprint256,
        "fingerprint512": ours.fingerprint512,
        "ext_key_usage": ours.ext_key_usage,
        "serialNumber": ours.serial_number,
    });
    let Value::Object(all) = all else { unreachable!("it is written as one") };
    all.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

#[test]
fn node_describes_certificates_in_the_same_words() {
    if !present() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> =
        CERTIFICATES.iter().map(|made| make(folder.path(), made, &[])).collect();
    let again = |name, serial| {
        let (_, key, subject, extensions) = CERTIFICATES[3];
        make(folder.path(), &(name, key, subject, extensions), &["-set_serial", serial])
    };
    files.extend([again("a leading zero", "0x00ff"), again("negative", "-5")]);
    files.extend(["tutorial", "v1-leaf", "expired", "early"].map(|n| credentials().files(n).cert));
    let said = run(script("legacy.js").args(&files));
    assert_eq!(said.lines().count(), files.len(), "{said}");
    for (file, line) in files.iter().zip(said.lines()) {
        let Value::Object(nodes) = serde_json::from_str(line).unwrap() else {
            panic!("no object: {line}")
        };
        let pem = std::fs::read(file).unwrap();
        let ours = described(&Certificate::all_from_pem(&pem).unwrap()[0]);
        let pss = file.ends_with("RSASSA-PSS only.pem");
        if pss && is_old() {
            continue; // it does not know such keys
        }
        for name in nodes.keys().chain(ours.keys()) {
            if pss && name == "pubkey" {
                continue; // we show the key as it is in the certificate
            }
            assert_eq!(ours.get(name), nodes.get(name), "{name} of {}", file.display());
        }
    }
}
