//! What `tunnel check` says of a file, and what is wrong with files and flags.

use super::support::{Origin, dead_port, files};

#[test]
fn a_file_is_explained_and_tried() {
    let dir = files();
    let origin = Origin::named("x");
    let dead = dead_port();
    let text = format!(
        r#"
        [[service]]
        name = "web"
        listen = ["127.0.0.1:8443", "unix:web.sock"]
        target = ["{}", "127.0.0.1:{dead}"]
        cert = "server.pem"
        key = "server.key"
        ca = "ca.pem"
        crl = "crl.pem"
        allow = ["ou=ops,cn=a*", "uri=spiffe://td/**"]
        proxy-in = "v2"
        [[service.route]]
        sni = "*.raw.test"
        passthrough = true
        target = "{}"

        [[service]]
        name = "db"
        mode = "client"
        listen = "unix:db.sock"
        target = "{}"
        servername = "db.test"
        ca = "ca.pem"
        "#,
        origin.at(),
        origin.at(),
        origin.at()
    );
    dir.write("tunnel.toml", text);
    let ran = dir.seal("tunnel check tunnel.toml");
    assert_eq!(ran.code, 1, "{ran:?}");
    let text = ran.text().to_owned();
    let files_line =
        text.lines().find(|line| line.contains("files: loaded; the certificate is valid until "));
    assert!(files_line.is_some(), "{text}");
    let shown: Vec<_> = text.lines().filter(|line| !line.contains("files: ")).collect();
    let at = origin.at();
    assert_eq!(
        shown.join("\n"),
        format!(
            "service web
  accepts TLS on 127.0.0.1:8443, unix:web.sock
  expects a PROXY header
  when the server name is *.raw.test: passes TLS through to {at}
  otherwise decrypts and forwards plaintext to {at}, 127.0.0.1:{dead} (the first that works)
  requires client certificates issued by ca.pem
  refuses certificates revoked by 1 CRL files
  accepts ou=ops,cn=a* or uri=spiffe://td/** (to {at}, 127.0.0.1:{dead})
  timeouts: handshake 10s, connect 10s, idle 12h, half closed 1m
  closes open connections whose peer is no longer acceptable
  ok    {at} answers
  ok    {at} answers
  BAD   127.0.0.1:{dead}: Connection refused (os error 111)

service db
  accepts plaintext on unix:db.sock
  forwards over TLS to {at}
  verifies the target against ca.pem
  timeouts: handshake 10s, connect 10s, idle 12h, half closed 1m
  closes open connections whose peer is no longer acceptable
  ok    {at} answers"
        )
    );
    dir.write("server.key", dir.read("other.key"));
    let ran = dir.seal("tunnel check tunnel.toml --json");
    let json: serde_json::Value = serde_json::from_str(ran.text()).unwrap();
    let said = json["services"][0]["material"]["Err"].as_str().unwrap().to_owned();
    assert!(said.starts_with("server.key: the private key does not belong"), "{said}");
}

#[test]
fn what_is_wrong_with_a_file_is_one_line_with_service_and_option() {
    let dir = files();
    let good = "listen = \"127.0.0.1:0\"\ntarget = \"127.0.0.1:1\"\ncert = \"server.pem\"\nkey = \"server.key\"";
    let client = "mode = \"client\"\nlisten = \"127.0.0.1:0\"\ntarget = \"h.test:1\"";
    for (lines, says) in [
        ("listen = \"127.0.0.1:0\"".to_owned(), "service \"s\": target: missing"),
        ("target = \"127.0.0.1:1\"".to_owned(), "service \"s\": listen: missing"),
        (
            "listen = \"127.0.0.1:0\"\ntarget = \"127.0.0.1:1\"".to_owned(),
            "service \"s\": cert: a server needs a certificate",
        ),
        (
            good.replace("127.0.0.1:1", "10.0.0.1:80"),
            "service \"s\": target: 10.0.0.1:80 is another machine, which would receive plaintext; set unsafe-target",
        ),
        (
            client.replace("127.0.0.1:0", "0.0.0.0:0"),
            "service \"s\": listen: 0.0.0.0:0 accepts plaintext from other machines",
        ),
        (
            client.replace("h.test:1", "unix:x"),
            "service \"s\": servername: unix:x has no name that its certificate could prove",
        ),
        (
            format!("{good}\nallow = \"cn=x\""),
            "service \"s\": allow: rules need client certificates",
        ),
        (
            format!("{good}\nca = \"ca.pem\"\nallow = \"x\""),
            "service \"s\": allow: \"x\" is not KIND=PATTERN",
        ),
        (format!("{good}\ncrl = \"crl.pem\""), "service \"s\": crl: CRLs need client certificates"),
        (format!("{good}\nclient-auth = \"require\""), "service \"s\": ca: missing"),
        (
            format!("{good}\nidentity = \"spiffe\""),
            "service \"s\": cert: not allowed with identity",
        ),
        (
            format!("{client}\nidentity = \"spiffe\"\nca = \"ca.pem\""),
            "service \"s\": ca: not allowed with identity",
        ),
        (format!("{client}\nidentity = \"spiffe\""), "service \"s\": allow: missing; a SPIFFE ID"),
        (
            format!("{good}\nspiffe-socket = \"unix:///agent\""),
            "service \"s\": spiffe-socket: needs identity",
        ),
        (
            format!("{good}\nidle-timeout = \"10x\""),
            "service \"s\": idle-timeout: \"10x\" is not a length of time",
        ),
        (
            format!("{good}\nidle-timeout = 10.5"),
            "line 9: invalid type: floating point `10.5`, expected a length of time like \"10s\", or a number of seconds",
        ),
        (format!("{good}\nidle-timeout = 0"), "service \"s\": idle-timeout: no time at all"),
        (
            format!("{good}\nhealth-interval = \"10\""),
            "service \"s\": health-interval: \"10\" has no unit: say 10s, 10h or 10d",
        ),
        (format!("{good}\nservername = \"x\""), "service \"s\": servername: for clients only"),
        (
            format!("{good}\nmax-connections = 0"),
            "service \"s\": max-connections: must be at least 1",
        ),
        (format!("{good}\ncolour = \"red\""), "line 9: unknown field `colour`"),
        (
            format!("{good}\nmin-version = \"1.1\""),
            "service \"s\": min-version: \"1.1\" requires legacy",
        ),
        (
            format!("{good}\nsession-store = \"redis://x\""),
            "service \"s\": session-store: sessions are stored encrypted",
        ),
        (
            format!("{good}\n[[service.route]]\ntarget = \"127.0.0.1:1\""),
            "service \"s\": route 1: needs sni or alpn",
        ),
        (
            format!(
                "{good}\n[[service.route]]\nsni = \"x\"\npassthrough = true\ntarget = \"x:1\"\nallow = \"cn=x\""
            ),
            "service \"s\": route 1: passthrough: cert, allow and deny do not apply",
        ),
        (
            format!("{client}\n[[service.route]]\nsni = \"x\"\ntarget = \"127.0.0.1:1\""),
            "service \"s\": route: for servers only",
        ),
        (
            format!("{good}\nstarttls = \"ftp\""),
            "service \"s\": starttls: not for servers: the data connections of FTP",
        ),
        (
            format!(
                "{good}\nstarttls = \"imap\"\n[[service.route]]\nsni = \"x\"\ntarget = \"127.0.0.1:1\""
            ),
            "service \"s\": starttls: cannot be combined with routes",
        ),
        (
            format!(
                "{good}\nstarttls = \"postgres\"\n[[service.route]]\nsni = \"x\"\npassthrough = true\ntarget = \"127.0.0.1:1\""
            ),
            "service \"s\": starttls: cannot be combined with passthrough",
        ),
        (
            format!("{client}\nstarttls = \"gopher\""),
            "service \"s\": starttls: \"gopher\" is not one of smtp, imap",
        ),
        (
            format!("{good}\nstarttls = \"mysql\""),
            "service \"s\": starttls: not for servers: a MySQL server numbers",
        ),
        (
            format!("{good}\n[[service]]\nname = \"s\"\n{client}"),
            "service \"s\": name: already used by another service",
        ),
        (
            format!(
                "{}\n[[service]]\nname = \"t\"\n{}",
                good.replace(":0", ":7"),
                client.replace(":0", ":7")
            ),
            "service \"t\": listen: 127.0.0.1:7 is already used",
        ),
    ] {
        dir.write("tunnel.toml", format!("\n\n[[service]]\nname = \"s\"\n{lines}"));
        for verb in ["check", "run"] {
            let ran = dir.seal(&format!("tunnel {verb} tunnel.toml"));
            assert_eq!(ran.code, 2, "{lines}: {ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{lines}: {}", ran.stderr);
            let said = ran.stderr.strip_prefix("seal: tunnel.toml: ").unwrap_or(&ran.stderr);
            assert!(said.starts_with(says), "{said:?} for {says:?}");
        }
    }
}

#[test]
fn files_alone_can_be_checked() {
    let dir = files();
    let dead = dead_port();
    dir.write(
        "tunnel.toml",
        format!(
            "[[service]]\nname = \"s\"\nlisten = \"127.0.0.1:0\"\ntarget = \"127.0.0.1:{dead}\"\n\
             cert = \"server.pem\"\nkey = \"server.key\""
        ),
    );
    assert_eq!(dir.seal("tunnel check tunnel.toml").code, 1);
    let ran = dir.seal("tunnel check tunnel.toml --files-only").ok();
    assert!(!ran.text().contains("answers") && ran.text().contains("files: loaded"), "{ran:?}");
}

#[test]
fn flags_are_refused_by_their_names() {
    let dir = files();
    for (line, says) in [
        (
            "server -l 127.0.0.1:0 -t 10.0.0.1:1 --cert server.pem --key server.key",
            "--target: 10.0.0.1:1 is another machine",
        ),
        ("client -l :0 -t h.test:1", "--listen: [::]:0 accepts plaintext"),
        (
            "server -l :0 -t :1 --cert server.pem --key server.key --servername x",
            "--servername: for clients only",
        ),
        ("client -l 127.0.0.1:0 -t h.test:1 --client-auth none", "--client-auth: for servers only"),
        ("server -l 127.0.0.1:0 -t :1 --cert server.pem", "--key: each certificate needs its key"),
        (
            "server -l 127.0.0.1:0 -t :1 --cert no.pem --key server.key",
            "service \"server\": no.pem: no such file",
        ),
        (
            "server -l 127.0.0.1:0 -t :1 --cert server.pem --key other.key",
            "service \"server\": other.key: the private key does not belong",
        ),
        (
            "server -l systemd:x -t :1 --cert server.pem --key server.key",
            "service \"server\": listen: systemd:x: no socket from systemd",
        ),
        (
            "server -l 127.0.0.1:0 -t :1 --cert server.pem --key server.key --user nobody-at-all",
            "user: \"nobody-at-all\" does not exist",
        ),
    ] {
        let ran = dir.seal(&format!("tunnel {line}"));
        assert_ne!(ran.code, 0, "{line}");
        let said = ran.stderr.strip_prefix("seal: ").unwrap_or(&ran.stderr);
        assert!(said.starts_with(says), "{said:?} for {says:?}");
    }
}
