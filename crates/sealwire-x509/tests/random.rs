//! Chains with random properties: whatever they are, our verdict is OpenSSL's.

mod common;

use common::{CURRENT, EXPIRED, FUTURE, Key, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{Certificate, Purpose, Request, TrustSet, error_name, verify};

/// As many as take a few seconds. (4500 agreed when this was written.)
const ROUNDS: u64 = 50;

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// One of these; mostly the first.
    fn mostly<T: Copy>(&mut self, of: &[T]) -> T {
        if self.below(5) > 0 { of[0] } else { of[self.below(of.len())] }
    }
}

fn ca_extensions(random: &mut Random) -> String {
    [
        random.mostly(&[
            "basicConstraints=critical,CA:TRUE",
            "basicConstraints=CA:FALSE",
            "basicConstraints=CA:TRUE,pathlen:0",
            "basicConstraints=CA:TRUE,pathlen:1",
        ]),
        random.mostly(&["keyUsage=keyCertSign,cRLSign", "", "keyUsage=cRLSign"]),
        random.mostly(&[
            "",
            "extendedKeyUsage=serverAuth",
            "extendedKeyUsage=clientAuth",
            "extendedKeyUsage=anyExtendedKeyUsage",
        ]),
        random.mostly(&["subjectKeyIdentifier=hash", "", "subjectKeyIdentifier=01:02:03"]),
        random.mostly(&["authorityKeyIdentifier=keyid", ""]),
        random.mostly(&[
            "",
            "nameConstraints=permitted;DNS:example",
            "nameConstraints=critical,permitted;DNS:.example",
            "nameConstraints=critical,excluded;DNS:b.test",
            "nameConstraints=permitted;IP:10.0.0.0/255.0.0.0",
            "nameConstraints=permitted;email:a.example",
            "nameConstraints=permitted;URI:a.example",
            "nameConstraints=excluded;email:.example",
        ]),
        random.mostly(&[
            "",
            "1.2.3.4=critical,DER:0500",
            "certificatePolicies=critical,1.2.3.5",
            "policyConstraints=critical,requireExplicitPolicy:0",
            "issuerAltName=critical,DNS:x",
        ]),
    ]
    .join("\n")
}

fn leaf_extensions(random: &mut Random) -> String {
    [
        random.mostly(&["basicConstraints=CA:FALSE", "", "basicConstraints=CA:TRUE"]),
        random.mostly(&[
            "",
            "keyUsage=digitalSignature",
            "keyUsage=keyEncipherment",
            "keyUsage=keyAgreement",
            "keyUsage=critical,keyCertSign",
        ]),
        random.mostly(&[
            "",
            "extendedKeyUsage=serverAuth",
            "extendedKeyUsage=clientAuth",
            "extendedKeyUsage=anyExtendedKeyUsage",
            "nsCertType=server",
            "nsCertType=client",
        ]),
        random.mostly(&[
            "subjectAltName=DNS:a.example",
            "",
            "subjectAltName=DNS:b.test",
            "subjectAltName=IP:10.0.0.1",
            "subjectAltName=email:x@a.example",
            "subjectAltName=URI:http://a.example/",
            "subjectAltName=DNS:*.a.example",
        ]),
        random.mostly(&["", "1.2.3.4=critical,DER:0500", "tlsfeature=critical,status_request"]),
    ]
    .join("\n")
}

/// A root, up to three intermediates and a leaf, each the issuer of the next.
fn make(workshop: &Workshop, random: &mut Random) -> Vec<Certificate> {
    let length = 2 + random.below(4);
    let name = |index: usize| format!("c{index}");
    let certificates = (0..length).map(|index| {
        let is_leaf = index + 1 == length;
        let extensions = if is_leaf { leaf_extensions(random) } else { ca_extensions(random) };
        // One in twelve is X.509 v1.
        let extensions = if random.below(12) == 0 { String::new() } else { extensions };
        let subject = if is_leaf {
            random.mostly(&["/CN=a.example", "/CN=b.test", "/CN=Leaf"]).to_owned()
        } else {
            format!("/O=Org/CN=CA {index}")
        };
        let (start, end) = random.mostly(&[CURRENT, CURRENT, EXPIRED, FUTURE]);
        let issuer = index.checked_sub(1).map(name);
        workshop.make(Spec {
            name: &name(index),
            subject: &subject,
            issuer: issuer.as_deref(),
            extensions: &extensions,
            start,
            end,
            key: random.mostly(&[Key::P256, Key::Rsa(1024)]),
            ..ROOT
        })
    });
    certificates.collect()
}

#[test]
fn our_verdict_is_openssls() {
    let Some(workshop) = workshop() else { return };
    let (mut accepted, mut refused) = (0, 0);
    for round in 1..=ROUNDS {
        let mut random = Random(round.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let chain = make(&workshop, &mut random);
        let [root, intermediates @ .., leaf] = &chain[..] else { unreachable!() };
        let sent: String = intermediates.iter().map(Certificate::to_pem).collect();
        workshop.write("sent.pem", sent + &leaf.to_pem());
        let trust = TrustSet::new([root.clone()]).unwrap();
        for (purpose, name) in
            [(Purpose::Server, "sslserver"), (Purpose::Client, "sslclient"), (Purpose::Any, "")]
        {
            let (time, file) = (NOW.to_string(), format!("c{}.pem", chain.len() - 1));
            let mut arguments = vec!["verify", "-attime", &time, "-no-CApath", "-no-CAstore"];
            arguments.extend(["-CAfile", "c0.pem", "-untrusted", "sent.pem"]);
            if purpose != Purpose::Any {
                arguments.extend(["-purpose", name]);
            }
            arguments.push(&file);
            let output = workshop.run(&arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let request = Request {
                leaf,
                intermediates,
                trust: &trust,
                crls: &[],
                purpose,
                time: NOW,
                partial_chain: false,
                policies: sealwire_x509::CertificatePolicies::NONE,
            };
            let verdict = verify(&request).unwrap();
            let errors = &verdict.errors;
            let names: Vec<_> = errors.iter().map(|error| error_name(error.code)).collect();
            let what = format!("round {round}, {purpose:?}: {names:?}, openssl: {said}");
            assert_eq!(verdict.trusted(), output.status.success(), "{what}");
            *if verdict.trusted() { &mut accepted } else { &mut refused } += 1;
        }
    }
    assert!(accepted > 20 && refused > 20, "{accepted} accepted, {refused} refused");
}
