//! A context that follows its files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sealwire::live::{LoadError, Material, Unfit, WatchedBuilder};
use sealwire::pki::{ExtendedKeyUsage, Pfx, Purpose, Validity};
use sealwire::{Acceptor, ClientAuth, Connector, Live, Watched};

use super::support::{Ca, HOUR, Pair, connect, connector, replace, talks, told};

fn served(watched: &Watched) -> Vec<u8> {
    watched.context().identities()[0].leaf().der().to_vec()
}

fn pem(dir: &Path) -> WatchedBuilder {
    let watched = Watched::builder().purpose(Purpose::Server);
    watched.pem_files(dir.join("server.pem"), dir.join("server.key"))
}

#[test]
fn what_is_renewed_is_used_and_what_is_bad_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("CA");
    let first = ca.server();
    first.put(dir.path(), "server");
    let (builder, told) = told(pem(dir.path()));
    let watched = builder.start().unwrap();
    assert_eq!(served(&watched), first.certificate.der());
    let until = watched.status().valid_until.unwrap();
    assert!(until > SystemTime::now() && until < SystemTime::now() + 25 * HOUR);

    let now = SystemTime::now();
    let server = ExtendedKeyUsage::SERVER_AUTH;
    let old = Validity::between(now - 3 * HOUR, now - HOUR).unwrap();
    let early = Validity::between(now + HOUR, now + 2 * HOUR).unwrap();
    let other = Ca::new("other");
    let mut misled = ca.server().certificate.to_pem();
    misled.push_str(&other.certificate().to_pem());
    let certificate = dir.path().join("server.pem");
    let at = |what: &str| format!("{}: {what}", certificate.display());
    let (whole, another) = (first.certificate.to_pem(), ca.server().certificate.to_pem());
    let files = [
        ("garbage", at("")),
        (&whole[..200], at("")),
        (&another, "the private key does not belong".to_owned()),
    ];
    for (content, says) in files {
        replace(&certificate, content.as_bytes());
        let refused = told.refused();
        assert!(refused.contains(&says), "{refused} for {says}");
        assert_eq!(served(&watched), first.certificate.der());
    }
    let pairs = [
        (ca.issue_for("localhost", server, old), "CERT_HAS_EXPIRED"),
        (ca.issue_for("localhost", server, early), "CERT_NOT_YET_VALID"),
        (ca.client("localhost"), "INVALID_PURPOSE"),
    ];
    for (pair, says) in pairs {
        pair.put(dir.path(), "server");
        let refused = std::iter::repeat_with(|| told.refused()).find(|one| one.contains(says));
        assert!(refused.is_some());
        assert_eq!(served(&watched), first.certificate.der());
    }
    let failure = watched.status().last_failure.clone().expect("it is known");
    assert!(matches!(failure.error, LoadError::Unfit(Unfit::Identity { .. })), "{failure:?}");
    assert_eq!(watched.status().generation, 1);

    let renewed = ca.server();
    renewed.put(dir.path(), "server");
    assert_eq!(told.loaded(), 2);
    assert_eq!(served(&watched), renewed.certificate.der());
    assert!(watched.status().last_failure.is_none());
    // Those behind our own have to lead on from it.
    replace(&certificate, misled.as_bytes());
    assert!(told.refused().contains("the private key does not belong"));
    let mut chain = renewed.certificate.to_pem();
    chain.push_str(&other.certificate().to_pem());
    replace(&certificate, chain.as_bytes());
    assert!(told.refused().contains("none is its issuer, \"CN=CA\""));
    chain = renewed.certificate.to_pem();
    chain.push_str(&ca.certificate().to_pem());
    replace(&certificate, chain.as_bytes());
    assert_eq!(told.loaded(), 3);
}

#[test]
fn a_start_with_what_does_not_hold_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("CA");
    ca.client("alice").put(dir.path(), "server");
    let refused = pem(dir.path()).start().unwrap_err().to_string();
    assert!(refused.contains("\"CN=alice\": INVALID_PURPOSE"), "{refused}");
    let missing = pem(&dir.path().join("nowhere")).start().unwrap_err().to_string();
    assert!(missing.ends_with("server.pem: no such file"), "{missing}");
}

#[test]
fn kubernetes_swaps_a_link_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("mount");
    let ca = Ca::new("CA");
    let swap = |version: usize, pair: &Pair| {
        let folder = mount.join(format!("..v{version}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("server.pem"), pair.certificate.to_pem()).unwrap();
        fs::write(folder.join("server.key"), pair.key.to_pem().as_bytes()).unwrap();
        symlink(format!("..v{version}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
        if version > 0 {
            fs::remove_dir_all(mount.join(format!("..v{}", version - 1))).unwrap();
        }
    };
    swap(0, &ca.server());
    for file in ["server.pem", "server.key"] {
        symlink(format!("..data/{file}"), mount.join(file)).unwrap();
    }
    let (builder, told) = told(pem(&mount));
    let watched = builder.start().unwrap();
    for version in 1..5 {
        let pair = ca.server();
        swap(version, &pair);
        assert_eq!(told.next(), Ok(version as u64 + 1), "no half is seen");
        assert_eq!(served(&watched), pair.certificate.der());
    }
}

#[test]
fn pfx_trust_lists_and_the_program_are_followed_too() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (ca, other) = (Ca::new("CA"), Ca::new("other"));
    let put = |pair: &Pair| {
        let key = pair.key.clone();
        let pfx = Pfx::new(key, pair.certificate.clone(), Vec::new()).unwrap();
        // Few rounds: each look at the file takes all of them, and what they cost is not asked here.
        let der = pfx.to_der_with_iterations("secret", 2048).unwrap();
        replace(&at("server.p12"), &der);
    };
    put(&ca.server());
    replace(&at("ca.pem"), ca.certificate().to_pem().as_bytes());
    replace(&at("crl.pem"), ca.list(&[]).to_pem().as_bytes());
    let (builder, told) = told(
        Watched::builder()
            .pkcs12_file(at("server.p12"), "secret")
            .trust_file(at("ca.pem"))
            .crl_file(at("crl.pem")),
    );
    let extra = std::sync::Arc::new(std::sync::Mutex::new(Material::default()));
    let asked = extra.clone();
    let watched = builder
        .material(move || Ok::<_, std::io::Error>(asked.lock().unwrap().clone()))
        .start()
        .unwrap();
    let renewed = ca.server();
    put(&renewed);
    assert_eq!(told.loaded(), 2);
    assert_eq!(served(&watched), renewed.certificate.der());
    let both = ca.certificate().to_pem() + &other.certificate().to_pem();
    replace(&at("ca.pem"), both.as_bytes());
    assert_eq!(told.loaded(), 3);
    assert_eq!(watched.context().trust().certificates().len(), 2);
    let old = ca.list_until(&[], SystemTime::now() - HOUR);
    replace(&at("crl.pem"), old.to_pem().as_bytes());
    assert!(told.refused().contains("the revocation list of \"CN=CA\" was valid until"));
    let ours = ca.list(&[&renewed.certificate]);
    replace(&at("crl.pem"), ours.to_pem().as_bytes());
    assert!(told.refused().contains("names our own certificate, \"CN=localhost\""));
    replace(&at("crl.pem"), ca.list(&[]).to_pem().as_bytes());
    // As it was before: there is nothing to load but what is used already, or it is loaded anew.
    assert_eq!(told.loaded(), 4);
    // Nobody tells of the program's: it is asked.
    extra.lock().unwrap().trust = Some(Ca::new("third").trust());
    assert!(watched.reload().unwrap());
    assert_eq!(watched.context().trust().certificates().len(), 3);
    assert!(!watched.reload().unwrap(), "nothing new");
}

#[test]
fn a_bad_certificate_holds_back_no_list() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let ca = Ca::new("CA");
    let first = ca.server();
    first.put(dir.path(), "server");
    let alice = ca.client("alice");
    replace(&at("crl.pem"), ca.list(&[]).to_pem().as_bytes());
    let (builder, told) = told(pem(dir.path()).trust(ca.trust()).crl_file(at("crl.pem")));
    let watched = builder.start().unwrap();
    replace(&at("server.pem"), b"garbage");
    assert!(told.refused().contains("server.pem"));
    replace(&at("crl.pem"), ca.list(&[&alice.certificate]).to_pem().as_bytes());
    assert_eq!(told.next(), Ok(2), "the list is used");
    assert!(told.next().unwrap_err().contains("server.pem"), "and the certificate is not");
    assert_eq!(served(&watched), first.certificate.der());
    assert!(watched.status().last_failure.is_some());
}

#[tokio::test]
async fn acceptor_and_connector_follow_and_open_connections_are_judged() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("CA");
    ca.server().put(dir.path(), "server");
    let at = |name: &str| dir.path().join(name);
    replace(&at("ca.pem"), ca.certificate().to_pem().as_bytes());
    replace(&at("crl.pem"), ca.list(&[]).to_pem().as_bytes());
    let live = Live::default();
    let (builder, told) = told(pem(dir.path()));
    let builder = builder.trust_file(at("ca.pem")).crl_file(at("crl.pem")).live(&live);
    let server = builder.start().unwrap();
    let acceptor = Acceptor::new(&server).client_auth(ClientAuth::Require).live(live.clone());
    drop(server);
    let (alice, bob) = (ca.client("alice"), ca.client("bob"));
    alice.put(dir.path(), "client");
    let watched = Watched::builder()
        .pem_files(at("client.pem"), at("client.key"))
        .trust(ca.trust())
        .purpose(Purpose::Client)
        .look_every(Duration::from_secs(3600))
        .start()
        .unwrap();
    let following = Connector::new(&watched);
    let (mut for_alice, mut alices) = connect(&acceptor, &following).await;
    assert_eq!(for_alice.peer().certificate().unwrap().der(), alice.certificate.der());
    // The client's key changes: the same connector has the new one.
    bob.put(dir.path(), "client");
    assert!(watched.reload().unwrap() || served(&watched) == bob.certificate.der());
    let (mut for_bob, mut bobs) = connect(&acceptor, &following).await;
    assert_eq!(for_bob.peer().certificate().unwrap().der(), bob.certificate.der());
    assert!(talks(&mut for_alice, &mut alices).await, "the old connection goes on");
    // A list comes: who is on it is out, and the file did it.
    replace(&at("crl.pem"), ca.list(&[&alice.certificate]).to_pem().as_bytes());
    assert_eq!(told.loaded(), 2);
    let mut room = [0; 1];
    let read = tokio::io::AsyncReadExt::read(&mut for_alice, &mut room);
    assert!(super::support::in_time(read).await.is_err());
    assert!(talks(&mut for_bob, &mut bobs).await);
    let refused = {
        let (here, there) = tokio::io::duplex(1 << 16);
        let alices = connector(&ca, &alice);
        let name = "localhost".parse().unwrap();
        tokio::join!(acceptor.accept(here), alices.connect(name, there)).0
    };
    assert_eq!(refused.unwrap_err().code(), "CERT_REVOKED");
}
