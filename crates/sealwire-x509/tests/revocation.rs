//! Lists that are not simply all that an issuer has revoked: about some reasons, about other
//! issuers' certificates, signed by another key, added to another list. Made by `openssl`, which
//! judges them too; where its program cannot be shown all that is needed, RFC 5280 is the judge.

mod common;

use common::{INTERMEDIATE, LEAF, NOW, ROOT, Spec, Workshop, workshop};
use sealwire_x509::{
    Certificate, CertificatePolicies, Crl, Purpose, Request, TrustSet, error_name, verify,
};

/// A root and its list, and certificates below an intermediate whose lists are made as told.
struct Ca {
    workshop: Workshop,
    root_list: Crl,
    root: Certificate,
    int: Certificate,
}

impl Ca {
    fn new() -> Option<Self> {
        let workshop = workshop()?;
        let (root, int) = (workshop.make(ROOT), workshop.make(INTERMEDIATE));
        let root_list = workshop.crl("root", &[], common::CURRENT.0, common::CURRENT.1, "root");
        Some(Self { workshop, root_list, root, int })
    }

    fn leaf(&self, name: &str, extensions: &str) -> Certificate {
        let extensions = format!("{}\n{extensions}", LEAF.extensions);
        self.workshop.make(Spec { name, extensions: &extensions, ..LEAF })
    }

    /// A list signed by the key of `signer`, with extensions of its own; `revoked` are lines of an
    /// index: serial number and reason.
    fn list(&self, signer: &str, revoked: &[(&Certificate, &str)], extensions: &str) -> Crl {
        let index: String = revoked
            .iter()
            .map(|(certificate, reason)| {
                let serial = certificate.serial_hex();
                let reason = if reason.is_empty() { String::new() } else { format!(",{reason}") };
                format!("R\t450101000000Z\t250601000000Z{reason}\t{serial}\tunknown\t/CN=x\n")
            })
            .collect();
        self.workshop.write("index.txt", index);
        self.workshop.write("crlnumber", "05\n");
        let config = String::from_utf8(self.workshop.read("ca.cnf")).unwrap();
        let config = config.split("[list_ext]").next().unwrap().to_owned();
        let section = format!("{config}\n[list_ext]\n{extensions}\n");
        self.workshop.write("list.cnf", section);
        let (pem, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let arguments = [
            "ca",
            "-config",
            "list.cnf",
            "-gencrl",
            "-cert",
            &pem,
            "-keyfile",
            &key,
            "-crlexts",
            "list_ext",
            "-crl_lastupdate",
            "20250101000000Z",
            "-crl_nextupdate",
            "20450101000000Z",
            "-out",
            "made.crl",
        ];
        self.workshop.openssl(&arguments);
        Crl::all_from_pem(&self.workshop.read("made.crl")).unwrap().remove(0)
    }

    fn codes(&self, leaf: &Certificate, others: &[Certificate], lists: &[Crl]) -> Vec<String> {
        let told = self.told(leaf, others, lists);
        told.into_iter().map(|(code, _)| code).collect()
    }

    fn told(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        lists: &[Crl],
    ) -> Vec<(String, Option<String>)> {
        let trust = TrustSet::new([self.root.clone()]).unwrap();
        let intermediates: Vec<_> =
            std::iter::once(self.int.clone()).chain(others.iter().cloned()).collect();
        let crls: Vec<_> = std::iter::once(self.root_list.clone()).chain(lists.to_vec()).collect();
        let request = Request {
            leaf,
            intermediates: &intermediates,
            trust: &trust,
            policies: CertificatePolicies::NONE,
            crls: &crls,
            purpose: Purpose::Server,
            time: NOW,
            partial_chain: false,
        };
        let verdict = verify(&request).unwrap();
        let errors = verdict.errors.iter();
        errors.map(|error| (error_name(error.code).to_owned(), error.detail.clone())).collect()
    }
}

#[test]
fn a_delta_list_is_added_to_its_base() {
    let Some(ca) = Ca::new() else { return };
    let [good, revoked, held] = ["good", "revoked", "held"].map(|name| ca.leaf(name, ""));
    let delta = |number: u8, base: u8, revoked: &[(&Certificate, &str)]| {
        let extensions =
            format!("2.5.29.20=ASN1:INTEGER:{number}\n2.5.29.27=critical,ASN1:INTEGER:{base}");
        ca.list("int", revoked, &extensions)
    };
    let later = delta(6, 5, &[(&revoked, ""), (&held, "removeFromCRL")]);
    let with = |leaf, lists: &[Crl]| ca.codes(leaf, &[], lists);

    let base = ca.list("int", &[(&held, "certificateHold")], "2.5.29.20=ASN1:INTEGER:5");
    assert!(with(&good, std::slice::from_ref(&base)).is_empty());
    assert!(with(&revoked, std::slice::from_ref(&base)).is_empty(), "nobody said so yet");
    let both = [base.clone(), later.clone()];
    assert!(with(&good, &both).is_empty());
    assert_eq!(with(&revoked, &both), ["CERT_REVOKED"]);
    assert_eq!(with(&held, std::slice::from_ref(&base)), ["CERT_REVOKED"]);
    assert!(with(&held, &both).is_empty(), "the delta list took it off");

    // One that belongs to another base changes nothing, and is no list by itself.
    let early = delta(5, 4, &[(&good, "")]);
    assert!(with(&good, &[base.clone(), early]).is_empty());
    let for_later_base = delta(9, 8, &[(&good, "")]);
    assert!(with(&good, &[base, for_later_base]).is_empty());
    let alone = ca.told(&good, &[], &[later]);
    let (code, detail) = &alone[0];
    assert_eq!(code, "UNABLE_TO_GET_CRL");
    assert!(detail.as_ref().unwrap().contains("is a delta list"), "{detail:?}");
}

#[test]
fn lists_by_reason_have_to_cover_all_reasons() {
    let Some(ca) = Ca::new() else { return };
    let [good, revoked] = ["good", "revoked"]
        .map(|name| ca.leaf(name, "crlDistributionPoints=URI:http://a.test/1,URI:http://a.test/2"));
    // onlySomeReasons: [3] of the issuing distribution point.
    let by = |reasons: &str, revoked: &[(&Certificate, &str)]| {
        ca.list(
            "int",
            revoked,
            &format!(
                "issuingDistributionPoint=critical,@point\n[point]\nonlysomereasons={reasons}"
            ),
        )
    };
    let compromise = by("keyCompromise,CACompromise", &[(&revoked, "keyCompromise")]);
    let rest = by(
        "affiliationChanged,superseded,cessationOfOperation,certificateHold,privilegeWithdrawn,\
         AACompromise",
        &[],
    );
    let both = [compromise.clone(), rest.clone()];
    assert!(ca.codes(&good, &[], &both).is_empty());
    assert_eq!(ca.codes(&revoked, &[], &both), ["CERT_REVOKED"]);
    let half = ca.told(&good, &[], &[compromise]);
    assert_eq!(half[0].0, "UNABLE_TO_GET_CRL");
    assert!(half[0].1.as_ref().unwrap().contains("do not cover all reasons"), "{half:?}");
}

#[test]
fn lists_are_for_the_certificates_that_they_name() {
    let Some(ca) = Ca::new() else { return };
    let leaf = ca.leaf("leaf", "crlDistributionPoints=URI:http://a.test/1");
    let relative = ca.leaf(
        "relative",
        "crlDistributionPoints=point\n[point]\nrelativename=relative\n[relative]\nOU=shard",
    );
    let point = |lines: &str| {
        ca.list("int", &[], &format!("issuingDistributionPoint=critical,@point\n[point]\n{lines}"))
    };
    let here = point("fullname=URI:http://a.test/1");
    assert!(ca.codes(&leaf, &[], &[here]).is_empty());
    let shard = point("relativename=relative\n[relative]\nOU=shard");
    assert!(ca.codes(&relative, &[], std::slice::from_ref(&shard)).is_empty());
    for elsewhere in [
        point("fullname=URI:http://a.test/2"),
        point("onlyCA=TRUE"),
        point("onlyAA=TRUE"),
        shard,
        point("relativename=relative\n[relative]\nOU=other"),
    ] {
        let told = ca.told(&leaf, &[], &[elsewhere]);
        assert_eq!(told[0].0, "DIFFERENT_CRL_SCOPE", "{told:?}");
    }
    let users = point("onlyuser=TRUE");
    assert!(ca.codes(&leaf, &[], &[users]).is_empty());
}

#[test]
fn another_key_of_the_ca_may_sign_its_lists() {
    let Some(ca) = Ca::new() else { return };
    let [good, revoked] = ["good", "revoked"].map(|name| ca.leaf(name, ""));
    // The same name as the CA's, another key, and only lists to sign.
    let signer = Spec {
        name: "signer",
        subject: INTERMEDIATE.subject,
        extensions: "basicConstraints=CA:FALSE\n\
                     keyUsage=critical,cRLSign\n\
                     subjectKeyIdentifier=hash\n\
                     authorityKeyIdentifier=keyid",
        ..INTERMEDIATE
    };
    let signer = ca.workshop.make(signer);
    let stranger = ca.workshop.make(Spec { name: "other", issuer: None, ..INTERMEDIATE });
    let list = ca.list("signer", &[(&revoked, "")], "authorityKeyIdentifier=keyid");
    let others = std::slice::from_ref(&signer);
    assert!(ca.codes(&good, others, std::slice::from_ref(&list)).is_empty());
    assert_eq!(ca.codes(&revoked, others, std::slice::from_ref(&list)), ["CERT_REVOKED"]);
    // Without the signer's certificate, its list is named and is none.
    let told = ca.told(&good, &[], std::slice::from_ref(&list));
    assert_eq!(told[0].0, "UNABLE_TO_GET_CRL");
    assert!(told[0].1.as_ref().unwrap().contains("authorityKeyIdentifier"), "{told:?}");
    // One of the same name that nobody trusts signs nothing.
    let forged = ca.list("other", &[], "authorityKeyIdentifier=keyid");
    let codes = ca.codes(&good, std::slice::from_ref(&stranger), &[forged]);
    assert!(codes.iter().any(|code| code == "CRL_PATH_VALIDATION_ERROR"), "{codes:?}");
    // Nor does a signer that is revoked itself.
    let root_list =
        ca.workshop.crl("root", &["signer"], common::CURRENT.0, common::CURRENT.1, "r2");
    let ca = Ca { root_list, ..ca };
    let codes = ca.codes(&good, others, &[list]);
    assert!(codes.iter().any(|code| code == "CRL_PATH_VALIDATION_ERROR"), "{codes:?}");
}

#[test]
fn an_indirect_list_speaks_for_other_issuers() {
    let Some(ca) = Ca::new() else { return };
    let issuer = Spec {
        name: "lists",
        subject: "/CN=Lists",
        extensions: "basicConstraints=CA:FALSE\n\
                     keyUsage=critical,cRLSign\n\
                     subjectKeyIdentifier=hash\n\
                     authorityKeyIdentifier=keyid",
        ..INTERMEDIATE
    };
    let lists = ca.workshop.make(issuer);
    let point = "crlDistributionPoints=point\n[point]\nfullname=URI:http://a.test/1\n\
                 CRLissuer=dirName:issuer\n[issuer]\nCN=Lists";
    let [good, other] = ["good", "other"].map(|name| ca.leaf(name, point));
    // No entry says of whom it speaks: they are the list issuer's own certificates.
    let indirect = |revoked: &[(&Certificate, &str)]| {
        ca.list(
            "lists",
            revoked,
            "authorityKeyIdentifier=keyid\nissuingDistributionPoint=critical,@point\n[point]\n\
             fullname=URI:http://a.test/1\nindirectCRL=TRUE",
        )
    };
    let others = std::slice::from_ref(&lists);
    assert!(ca.codes(&good, others, &[indirect(&[])]).is_empty());
    assert!(ca.codes(&other, others, &[indirect(&[(&other, "")])]).is_empty());
    // A list of that issuer that is not indirect is not about them.
    let plain = ca.list("lists", &[], "authorityKeyIdentifier=keyid");
    assert_eq!(ca.codes(&good, others, &[plain])[0], "UNABLE_TO_GET_CRL");
    // A certificate that names no other issuer of lists is not covered by one.
    let own = ca.leaf("own", "");
    assert!(!ca.codes(&own, others, &[indirect(&[])]).is_empty());
}
