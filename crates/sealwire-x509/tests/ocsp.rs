//! OCSP responses that the `openssl` program makes.

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{INTERMEDIATE, LEAF, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{Certificate, OcspResponder, OcspResponse, OcspSigner, OcspStatus, Problem};

/// One who may answer for the intermediate, and one who may not.
const DELEGATE: Spec<'_> = Spec {
    name: "delegate",
    subject: "/CN=Responder",
    extensions: "extendedKeyUsage=OCSPSigning\nsubjectKeyIdentifier=hash",
    ..LEAF
};
const STRANGER: Spec<'_> = Spec { name: "stranger", subject: "/CN=Stranger", ..LEAF };

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// What `signer` answers about the leaf, if `index` is what it knows.
fn answer(workshop: &Workshop, index: &str, signer: &str, options: &str) -> Vec<u8> {
    workshop.write("index.txt", index);
    workshop.line(&format!("ocsp {options} -issuer int.pem -cert leaf.pem -reqout req.der"));
    workshop.line(&format!(
        "ocsp -index index.txt -CA int.pem -rsigner {signer}.pem -rkey {signer}.key -ndays 7 \
         -reqin req.der -respout resp.der {}",
        if options.contains("sha256") { "-resp_key_id" } else { "" }
    ));
    workshop.read("resp.der")
}

fn good(leaf: &Certificate) -> String {
    format!("V\t450101000000Z\t\t{}\tunknown\t/CN=localhost\n", leaf.serial_hex())
}

#[test]
fn answers_are_read_and_their_signers_judged() {
    let Some(workshop) = workshop() else { return };
    let root = workshop.make(ROOT);
    let issuer = workshop.make(INTERMEDIATE);
    let leaf = workshop.make(LEAF);
    let delegate = workshop.make(DELEGATE);
    workshop.make(STRANGER);
    let now = now();

    let by_issuer =
        OcspResponse::from_der(&answer(&workshop, &good(&leaf), "int", "-no_nonce")).unwrap();
    assert_eq!(by_issuer.refusal(), None);
    let told = by_issuer.answer(&leaf, &issuer).unwrap();
    assert_eq!(told.status, OcspStatus::Good);
    assert!((now - 60..=now + 60).contains(&told.this_update), "{told:?}");
    assert_eq!(told.next_update, Some(told.this_update + 7 * 86_400));
    assert!(told.is_current(now) && told.is_current(now - 120));
    assert!(!told.is_current(now + 8 * 86_400) && !told.is_current(now - 3_600));
    assert_eq!(by_issuer.verify(&leaf, &issuer, now).unwrap(), OcspSigner::Issuer);
    assert!(
        matches!(by_issuer.responder(), Some(OcspResponder::Name(n)) if *n == issuer.subject())
    );
    // It is about nobody else, and nobody else's word.
    assert_eq!(by_issuer.answer(&delegate, &issuer), None);
    assert_eq!(by_issuer.answer(&leaf, &root), None);
    assert!(
        by_issuer.verify(&leaf, &root, now).is_err()
            && by_issuer.verify(&delegate, &issuer, now).is_err()
    );
    assert!(by_issuer.verify(&leaf, &issuer, 2_400_000_000).is_err(), "its signer has expired");

    let serial = leaf.serial_hex();
    let index = format!(
        "R\t450101000000Z\t250601000000Z,keyCompromise\t{serial}\tunknown\t/CN=localhost\n"
    );
    let revoked = answer(&workshop, &index, "delegate", "-sha256");
    let response = OcspResponse::from_der(&revoked).unwrap();
    let status = OcspStatus::Revoked { since: 1_748_736_000, reason: Some("keyCompromise") };
    assert_eq!(response.answer(&leaf, &issuer).unwrap().status, status);
    assert_eq!(response.verify(&leaf, &issuer, now).unwrap(), OcspSigner::Delegate);
    assert!(matches!(response.responder(), Some(OcspResponder::Key(digest)) if digest.len() == 40));

    let stranger = answer(&workshop, &good(&leaf), "stranger", "");
    let refused =
        OcspResponse::from_der(&stranger).unwrap().verify(&leaf, &issuer, now).unwrap_err();
    assert!(refused.detail().contains("OCSPSigning"), "{refused}");
    let unknown = OcspResponse::from_der(&answer(&workshop, "", "int", "")).unwrap();
    assert_eq!(unknown.answer(&leaf, &issuer).unwrap().status, OcspStatus::Unknown);
}

#[test]
fn what_is_changed_or_cut_is_never_verified() {
    let Some(workshop) = workshop() else { return };
    workshop.make(ROOT);
    let issuer = workshop.make(INTERMEDIATE);
    let leaf = workshop.make(LEAF);
    let der = answer(&workshop, &good(&leaf), "int", "-no_nonce");
    let whole = OcspResponse::from_der(&der).unwrap();
    for at in 0..der.len() {
        assert!(OcspResponse::from_der(&der[..at]).is_err(), "cut at {at}");
        let mut changed = der.clone();
        changed[at] ^= 1;
        let Ok(response) = OcspResponse::from_der(&changed) else { continue };
        let _ = response.answer(&leaf, &issuer);
        if response.verify(&leaf, &issuer, now()).is_ok() {
            // Outside of what is signed, such as the certificates that come along, it may change.
            assert_eq!(response.answer(&leaf, &issuer), whole.answer(&leaf, &issuer), "at {at}");
        }
    }
    let more = OcspResponse::from_der(&[&der[..], b"x"].concat()).unwrap_err();
    assert_eq!(more.problem(), Problem::Malformed);
    // OCSPResponse { responseStatus tryLater }
    let later = OcspResponse::from_der(&[0x30, 0x03, 0x0A, 0x01, 0x03]).unwrap();
    assert_eq!((later.refusal(), later.responder()), (Some("tryLater"), None));
    assert!(later.answer(&leaf, &issuer).is_none() && later.verify(&leaf, &issuer, now()).is_err());
}
