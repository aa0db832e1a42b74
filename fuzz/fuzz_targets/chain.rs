//! A chain and its revocation list, changed on the way, before the verifier: no change may make a
//! certificate trusted that was not signed so, nor bring back one that is revoked.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use sealwire::pki::{Certificate, CertificateBuilder, Crl, CrlBuilder, Issuer, KeyAlgorithm, PrivateKey, Purpose, RevocationReason, Revoked, Subject};
use sealwire_fuzz::{Input, edit};
use sealwire_x509::{Request, TrustSet, verify};

struct World {
    trust: TrustSet,
    inter: Certificate,
    leaves: [Certificate; 2],
    /// The second leaf is on the second list, and nobody else on any.
    lists: [Crl; 2],
    time: i64,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = || PrivateKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let authority = |name: &str| {
        let subject = Subject::from_common_name(name).expect("a name");
        CertificateBuilder::new(subject).authority(None)
    };
    let root_key = key();
    let root = authority("root").self_signed(&root_key).expect("a root");
    let root = Issuer::new(root, root_key).expect("its key");
    let inter_key = key();
    let inter = authority("inter")
        .name_constraints(["localhost".parse().expect("a name")], [])
        .signed_by(&root, inter_key.spki_der())
        .expect("an intermediate");
    let inter = Issuer::new(inter, inter_key).expect("its key");
    let leaf = || {
        CertificateBuilder::for_names(vec!["localhost".parse().expect("a name")])
            .expect("a subject")
            .signed_by(&inter, key().spki_der())
            .expect("a leaf")
    };
    let leaves = [leaf(), leaf()];
    let list = |issuer: &Issuer, revoked| {
        let this_update = SystemTime::now();
        let next_update = this_update + Duration::from_secs(86_400);
        let list = CrlBuilder { number: 1.into(), this_update, next_update, revoked };
        list.signed_by(issuer).expect("a list")
    };
    let revoked = Revoked::now(&leaves[1], RevocationReason::KeyCompromise);
    let lists = [list(&root, Vec::new()), list(&inter, vec![revoked])];
    let time = leaves[0].not_before() + 60;
    let trust = TrustSet::new([root.certificate().clone()]).expect("a root");
    World { trust, inter: inter.certificate().clone(), leaves, lists, time }
});

fuzz_target!(|data: &[u8]| {
    let world = &*WORLD;
    let mut input = Input(data);
    let choice = input.byte();
    let original = &world.leaves[usize::from(choice & 1)];
    let changed = |der: &[u8], input: &mut Input<'_>| {
        let mut der = der.to_vec();
        edit(&mut der, input);
        der
    };
    let Ok(leaf) = Certificate::from_der(&changed(original.der(), &mut input)) else { return };
    let Ok(inter) = Certificate::from_der(&changed(world.inter.der(), &mut input)) else { return };
    let mut lists = Vec::new();
    if choice & 2 != 0 {
        let list = Crl::from_der(&changed(world.lists[1].der(), &mut input));
        lists.extend([Ok(world.lists[0].clone()), list].into_iter().flatten());
    }
    let intermediates = [inter.clone(), leaf.clone(), world.inter.clone()];
    let purpose = [Purpose::Server, Purpose::Client, Purpose::Any][usize::from(choice >> 2) % 3];
    let verdict = verify(&Request {
        leaf: &leaf,
        intermediates: &intermediates[usize::from(choice >> 4) % 3..],
        trust: &world.trust,
        crls: &lists,
        purpose,
        time: world.time,
        partial_chain: choice & 128 != 0,
        policies: sealwire_x509::CertificatePolicies::NONE,
    })
    .expect("memory");
    assert_eq!(verdict.trusted(), verdict.errors.is_empty());
    if verdict.trusted() {
        assert_eq!(leaf, *original, "{}", leaf.to_pem());
        assert!(lists.is_empty() || choice & 1 == 0, "a revoked certificate is trusted");
    }
});
