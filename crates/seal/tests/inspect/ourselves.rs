//! What a server that refuses us may mean by it: the facts about our own certificate.

use super::json;
use super::peers::s_server::Openssl;
use super::peers::{Folder, installed};

/// A CA of clients, and certificates of every kind by it.
fn clients() -> Folder {
    let dir = Folder::new();
    for line in [
        "ca init --ca-dir ca",
        "ca issue --ca-dir ca localhost --cert-file ec.pem --key-file ec.key",
        "ca init --ca-dir clients --subject /CN=Clients",
        "ca init --ca-dir others --subject /CN=Others",
        "ca issue --ca-dir clients --client amit --cert-file good.pem --key-file good.key",
        "ca issue --ca-dir others --client amit --cert-file other.pem --key-file other.key",
        "ca issue --ca-dir clients --client eve --cert-file gone.pem --key-file gone.key",
        "ca revoke --ca-dir clients gone.pem",
    ] {
        dir.seal(line).ok();
    }
    // For servers only, and over: as OpenSSL makes them.
    dir.write("server.ext", "extendedKeyUsage=serverAuth");
    let by = "-CA clients/ca.pem -CAkey clients/ca-key.pem";
    for (name, how) in [("server", "-days 9 -extfile server.ext"), ("over", "-days -1")] {
        dir.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key \
             -out {name}.csr -subj /CN={name}"
        ));
        dir.openssl(&format!("x509 -req -in {name}.csr {by} {how} -out {name}.pem"));
    }
    dir
}

struct Case {
    /// Our certificate, without `.pem`; none when empty.
    ours: &'static str,
    /// What else is said on the command line.
    with: &'static str,
    /// How the server judges.
    server: &'static str,
    says: &'static str,
}

#[test]
fn a_refusal_is_explained_by_our_own_certificate() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = clients();
    let case = |ours, with, server, says| Case { ours, with, server, says };
    // With -CAfile it names them, too.
    let named = "-CAfile clients/ca.pem";
    let lists = "-CAfile clients/ca.pem -crl_check -CRL clients/crl.pem";
    let nobody = "-verifyCAfile clients/ca.pem";
    let revoked = "our certificate is at fault: CERT_REVOKED: ";
    let another =
        "the server accepts certificates issued by CN=Clients, and ours is issued by CN=Others";
    for it in [
        case("server", "", named, "our certificate is at fault: INVALID_PURPOSE: "),
        case("over", "", named, "our certificate is at fault: CERT_HAS_EXPIRED: "),
        case("gone", "--own-crl clients/crl.pem", lists, revoked),
        case("gone", "", lists, "no fault found in our certificate"),
        case("other", "", named, another),
        case("other", "", nobody, "the server may not trust our certificate's"),
        case(
            "",
            "",
            named,
            "the server requests a client certificate issued by CN=Clients, and none is configured",
        ),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            it.is_told(&dir, version);
        }
    }
}

impl Case {
    #[track_caller]
    fn is_told(&self, dir: &Folder, version: &str) {
        let Self { ours, with, server, says } = self;
        let options = "-cert ec.pem -key ec.key -Verify 3 -verify_return_error";
        let server = Openssl::start(dir, &format!("{options} {server} {version}"));
        let ours = match *ours {
            "" => String::new(),
            ours => format!("--cert {ours}.pem --key {ours}.key"),
        };
        let at =
            format!("localhost:{} --ca ca/ca.pem --ca clients/ca.pem {ours} {with}", server.port);
        let ran = dir.seal(&format!("connect {at}"));
        assert_eq!(ran.code, 1, "{version}: {ran:?}");
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert!(
            last.contains("the peer refused with") && last.contains(says),
            "{version} {says}: {ran:?}"
        );
        let ran = dir.seal(&format!("inspect {at} --json"));
        let facts = json(&ran);
        // In TLS 1.3 the refusal comes after the handshake, which has not failed.
        let told = match version {
            "-tls1_2" => &facts["failure"]["reason"],
            _ => &facts["our_certificate"],
        };
        assert!(told.as_str().unwrap_or_default().contains(says), "{version} {says}: {facts:#}");
        if says.contains("accepts certificates issued by") {
            assert!(facts["our_certificate"].as_str().unwrap().contains(says), "{facts:#}");
        }
    }
}

#[test]
fn that_a_server_names_other_cas_is_said_before_ours_is_sent() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = clients();
    // It only asks, and takes everybody.
    let options = "-cert ec.pem -key ec.key -verify 3 -CAfile clients/ca.pem";
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Openssl::start(&dir, &format!("{options} {version}"));
        let at = format!("localhost:{} --ca ca/ca.pem", server.port);
        let told = "the server accepts certificates issued by CN=Clients, and ours is issued by CN=Others: it may";
        let others = dir.seal(&format!("connect {at} --cert other.pem --key other.key"));
        assert!(
            others.code == 0 && others.stderr.starts_with("seal: ") && others.stderr.contains(told),
            "{others:?}"
        );
        let good = dir.seal(&format!("connect {at} --cert good.pem --key good.key"));
        assert!(
            good.code == 0 && !good.stderr.contains("accepts certificates issued by"),
            "{good:?}"
        );
        let quiet = dir.seal(&format!("connect {at} --cert other.pem --key other.key --quiet"));
        assert!(quiet.code == 0 && quiet.stderr.is_empty(), "{quiet:?}");
    }
}
