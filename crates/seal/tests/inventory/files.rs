//! Files of every kind: openssl, keytool, tar and gzip make them.

use serde_json::Value;

use super::peers::installed;
use super::{material, of_kind, rows, shell};

#[test]
fn one_certificate_in_files_of_every_kind_is_one_row() {
    if !installed(&["openssl", "keytool", "tar", "gzip", "base64"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"mkdir all all/deeper
        cp leaf.pem all/deeper/leaf.pem
        cat leaf.pem ca.pem leaf.key > all/chain.pem
        openssl x509 -in leaf.pem -outform DER -out all/leaf.der
        openssl crl2pkcs7 -nocrl -certfile leaf.pem -outform DER -out all/bundle.p7b
        openssl crl2pkcs7 -nocrl -certfile leaf.pem -out all/bundle.p7c
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -certfile ca.pem -name mine -passout pass:of-the-file -out all/id.pfx
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -name mine -passout pass:changeit -out java.p12
        for kind in jks jceks; do
          keytool -importkeystore -srckeystore java.p12 -srcstoretype PKCS12 -srcstorepass changeit \
            -destkeystore all/store.$kind -deststoretype $kind -deststorepass changeit >/dev/null 2>&1
        done
        value=$(base64 -w0 leaf.pem)
        printf 'apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\ndata:\n  tls.crt: %s\n' "$value" > all/secret.yaml
        printf '{"kind":"List","items":[{"data":{"tls.crt":"%s"}}]}' "$value" > all/secrets.json
        printf 'users:\n- name: me\n  user:\n    client-certificate-data: %s\n' "$value" > all/kubeconfig
        { printf 'stringData:\n  tls.crt: |\n'; sed 's/^/    /' leaf.pem; } > all/string.yaml
        { printf '{"cert":"'; sed 's/$/\\n/' leaf.pem | tr -d '\n'; printf '"}'; } > all/string.json
        mkdir -p image/etc/ssl
        cp leaf.pem image/etc/ssl/leaf.pem
        tar -C image -cf layer.tar etc
        gzip -k layer.tar
        tar -cf all/image.tar layer.tar layer.tar.gz
        printf 'no certificate here' > all/notes.txt
        head -c 100000 /dev/urandom > all/noise.bin
        ln -s . all/circle
        mkfifo all/pipe
        printf 'another\nof-the-file\n' > passwords"#,
    );
    let ran = dir.seal("inventory all --passwords passwords --ca ca.pem --json").ok();
    let rows = rows(&ran);
    assert_eq!(rows.len(), 2, "{}", ran.text());
    let leaf = of_kind(&rows, "leaf")[0];
    let places: Vec<&str> =
        leaf["places"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        places,
        [
            "all/bundle.p7b",
            "all/bundle.p7c",
            "all/chain.pem",
            "all/deeper/leaf.pem",
            "all/id.pfx (mine)",
            "all/image.tar!layer.tar!etc/ssl/leaf.pem",
            "all/image.tar!layer.tar.gz!etc/ssl/leaf.pem",
            "all/kubeconfig: client-certificate-data",
            "all/leaf.der",
            "all/secret.yaml: tls.crt",
            "all/secrets.json: tls.crt",
            "all/store.jceks (mine)",
            "all/store.jks (mine)",
            "all/string.json",
            "all/string.yaml",
        ]
    );
    let openssl = dir.openssl("x509 -in leaf.pem -noout -fingerprint -sha256");
    let fingerprint = openssl.text().trim().rsplit('=').next().unwrap().to_owned();
    assert_eq!(leaf["fingerprint_sha256"], fingerprint);
    assert_eq!(leaf["trusted"], true);
    assert_eq!(of_kind(&rows, "root")[0]["subject"], "CN=root");
}

#[test]
fn what_stands_beside_a_fault_is_read() {
    if !installed(&["openssl", "keytool", "base64"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"one=$(sed 's/$/\\n/' leaf.pem | tr -d '\n' | sed 's/\\n$//')
        two=$(sed 's/$/\\n/' ca.pem | tr -d '\n' | sed 's/\\n$//')
        printf '[{"c":"%s"},{"c":"%s"}]' "$one" "$two" > one-line.json
        sed 's/+/\\u002B/g; s/=/\\u003D/g' one-line.json > net.json
        keytool -importcert -noprompt -alias a -file leaf.pem -keystore two.jks -storetype JKS \
          -storepass changeit 2>/dev/null
        keytool -importcert -noprompt -alias b -file ca.pem -keystore two.jks -storetype JKS \
          -storepass changeit 2>/dev/null
        size=$(wc -c < two.jks)
        head -c $((size - 100)) two.jks > cut.jks
        printf 'a:\n  tls.crt: %s\n' "$(base64 -w0 leaf.pem | head -c 301)" > cut.yaml
        openssl pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:x -out whole.pfx
        head -c 300 whole.pfx > cut.pfx
        openssl x509 -in leaf.pem -outform DER -out leaf.der
        head -c 200 leaf.der > cut.der
        cp cut.der cut.bin
        { cat leaf.der; echo; } > more.der"#,
    );
    for file in ["one-line.json", "net.json"] {
        let all = rows(&dir.seal(&format!("inventory {file} --json")).ok());
        assert_eq!((of_kind(&all, "leaf").len(), of_kind(&all, "root").len()), (1, 1), "{file}");
    }
    let all = rows(&dir.seal("inventory cut.jks cut.yaml cut.pfx cut.der cut.bin more.der --json"));
    let certificates = of_kind(&all, "leaf").len() + of_kind(&all, "root").len();
    assert_eq!(certificates, 1, "{all:?}");
    let faults: Vec<_> = of_kind(&all, "unreadable")
        .iter()
        .map(|row| (row["places"][0].as_str().unwrap(), row["note"].as_str().unwrap()))
        .collect();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert_eq!(faults[0], ("cut.der", "truncated DER"));
    assert_eq!(faults[1], ("cut.jks", "Java key store: it ends too early"));
    assert_eq!(faults[2], ("cut.pfx", "PFX: the PFX is broken: it ends too early"));
    assert_eq!(faults[3], ("cut.yaml: tls.crt", "invalid or truncated base64 in PEM"));
    assert!(faults[4].0 == "more.der" && faults[4].1.contains("more bytes follow the DER"));
}

/// Files that a kubeconfig names, base64 in lines, what follows a gzip file, and what is left out.
#[test]
fn what_lies_elsewhere_or_in_lines_is_found_and_what_is_excluded_is_not() {
    if !installed(&["openssl", "gzip", "base64", "tar"]) {
        return;
    }
    let dir = material();
    shell(
        &dir,
        r#"mkdir -p conf pki all/vendor/deep
        cp leaf.pem pki/client.crt
        cp ca.pem pki/ca.crt
        { printf 'apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority: ../pki/ca.crt\n'
          printf 'users:\n- user:\n    client-certificate: "../pki/client.crt"\n    client-key: none.key\n'
          printf -- '- user:\n    client-certificate: gone.crt\n'; } > conf/config
        { printf 'data:\n  tls.crt: |\n'; base64 leaf.pem | sed 's/^/    /'; printf '  b: 1\n'; } > all/lines.yaml
        { gzip -c leaf.pem; gzip -c ca.pem; printf 'and a signature'; } > all/two.pem.gz
        cp leaf.pem all/vendor/deep/one.pem
        cp leaf.pem all/old.bak"#,
    );
    let all = rows(&dir.seal("inventory conf --json"));
    let leaf = of_kind(&all, "leaf")[0];
    assert_eq!(leaf["places"], serde_json::json!(["conf/../pki/client.crt"]));
    assert_eq!(of_kind(&all, "root")[0]["places"], serde_json::json!(["conf/../pki/ca.crt"]));
    let unreadable = of_kind(&all, "unreadable");
    assert_eq!(unreadable.len(), 1, "{all:?}");
    assert_eq!(unreadable[0]["places"], serde_json::json!(["conf/config: gone.crt"]));
    let all = rows(&dir.seal("inventory all --exclude vendor --exclude *.bak --json").ok());
    let places = serde_json::json!(["all/lines.yaml: tls.crt", "all/two.pem.gz"]);
    assert_eq!(of_kind(&all, "leaf")[0]["places"], places, "{all:?}");
    assert_eq!(of_kind(&all, "root")[0]["places"], serde_json::json!(["all/two.pem.gz"]));
    let all = rows(&dir.seal("inventory all --exclude all/**/deep --exclude all/l* --json").ok());
    let places = serde_json::json!(["all/old.bak", "all/two.pem.gz"]);
    assert_eq!(of_kind(&all, "leaf")[0]["places"], places, "{all:?}");
}

#[test]
fn lists_come_with_their_freshness() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = material();
    dir.write("index.txt", "");
    dir.write("conf", "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n");
    for (name, days) in [("fresh", "40"), ("due", "3")] {
        dir.openssl(&format!(
            "ca -config conf -gencrl -crldays {days} -cert ca.pem -keyfile ca.key -out {name}.crl"
        ));
    }
    let all = rows(&dir.seal("inventory fresh.crl due.crl --json"));
    let told: Vec<_> = all
        .iter()
        .map(|row| (row["places"][0].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("due.crl", "ends"), ("fresh.crl", "good")]);
    assert!(all.iter().all(|row| row["kind"] == "crl" && row["issuer"] == "CN=root"));
}
