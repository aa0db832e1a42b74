//! Signing, renewing, showing, checking and verifying certificates, judged by OpenSSL and Node.

#[path = "../peers/mod.rs"]
mod peers;

mod lint;
mod output;
mod renew;
mod sign;

use peers::Folder;

/// A folder with an OpenSSL CA (ca.pem, ca.key) and a key of ours (k.pem).
fn with_ca() -> Folder {
    let dir = Folder::new();
    dir.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -utf8 \
         -subj /C=SE/O=Åkerö/OU=a/OU=b/CN=root -addext keyUsage=critical,keyCertSign,cRLSign",
    );
    dir.seal("key new --out k.pem").ok();
    dir
}

fn extensions(dir: &Folder, file: &str, names: &str) -> String {
    dir.openssl(&format!("x509 -in {file} -noout -ext {names}")).text().to_owned()
}
