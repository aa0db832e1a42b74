#!/usr/bin/env bash
# TLS secrets at the end of a pcapng file decrypt nothing, in no number of passes.
#
# Versions: tshark 4.0.17 (Debian 12), TLS 1.3 of Python's ssl module, the capture written below.
#
# A good guess: pcapng's Decryption Secrets Block is a block like the others, "position in the file"
# is for streaming; a program that captures and learns the secrets as handshakes finish writes them
# when it has them, or all at the end, as key log files are complete only then. With a file on disk,
# and with -2 (two passes), tshark has seen everything before it dissects.
#
# Seen: one capture of one connection, one block with its secrets.
#   before the packets: the request and the answer are decrypted;
#   after the handshake's packets and before those with data: nothing;
#   at the end: nothing; with -2: nothing, and no message either.
# editcap copies the block where it is. editcap --inject-secrets with a key log file puts a second
# one in front, and then all is decrypted.
#
# Why: the keys of a connection are looked up once, at its handshake, while the first pass reads the
# file from front to back; when the block comes later nobody tries again.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check trustme==1.2.1
cd "$work"
. "$lib/debian.sh"
unpack tshark=4.0.17-0+deb12u3
"$work/py/bin/python" - <<'PY'
import os, ssl, struct, subprocess, sys

import trustme

# One connection in memory, its flights in order.
ca = trustme.CA()
server_context, client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
ca.issue_cert("localhost").configure_cert(server_context)
ca.configure_trust(client_context)
client_context.minimum_version = ssl.TLSVersion.TLSv1_3
client_context.keylog_filename = "keys.log"
to_client, from_client, to_server, from_server = (ssl.MemoryBIO() for _ in range(4))
client = client_context.wrap_bio(to_client, from_client, server_hostname="localhost")
server = server_context.wrap_bio(to_server, from_server, server_side=True)
flights = []

def turn(action):
    try:
        action()
    except ssl.SSLWantReadError:
        pass
    for of_client, source, sink in (True, from_client, to_server), (False, from_server, to_client):
        if data := source.read():
            flights.append((of_client, data))
            sink.write(data)

for _ in range(3):
    turn(client.do_handshake)
    turn(server.do_handshake)
handshake = len(flights)
turn(lambda: client.write(b"GET /decrypted HTTP/1.1\r\nHost: localhost\r\n\r\n"))
turn(lambda: server.read(1000))
turn(lambda: server.write(b"HTTP/1.1 204 No Content\r\n\r\n"))

def packets():
    # IPv4 and TCP around them, without checksums, which tshark does not check unless told to.
    at = {True: 1000, False: 2000}
    def packet(of_client, flags, data=b""):
        ports = (40000, 443) if of_client else (443, 40000)
        addresses = (b"\x0a\0\0\1", b"\x0a\0\0\2") if of_client else (b"\x0a\0\0\2", b"\x0a\0\0\1")
        acknowledged = at[not of_client] if flags & 16 else 0
        tcp = struct.pack(">HHIIBBHHH", *ports, at[of_client], acknowledged, 0x50, flags, 65535, 0, 0) + data
        at[of_client] += len(data) + bool(flags & 2)
        return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *addresses) + tcp
    yield 0, packet(True, 2)
    yield 0, packet(False, 18)
    yield 0, packet(True, 16)
    for number, (of_client, data) in enumerate(flights):
        for start in range(0, len(data), 1400):
            yield number, packet(of_client, 24, data[start:start + 1400])

def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size

keys = open("keys.log", "rb").read()
start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 101, 0, 0))
secrets = block(10, struct.pack("<II", 0x544C534B, len(keys)) + keys)
before, after = b"", b""
for index, (number, data) in enumerate(packets()):
    one = block(6, struct.pack("<IIIII", 0, 0, index * 1000, len(data), len(data)) + data)
    before, after = (before + one, after) if number < handshake else (before, after + one)
for name, content in {"first": secrets + before + after, "middle": before + secrets + after, "last": before + after + secrets}.items():
    open(name + ".pcapng", "wb").write(start + content)

env = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("debian/usr/lib/x86_64-linux-gnu"), "HOME": os.getcwd()}
def tshark(name, *options):
    out = subprocess.run(["debian/usr/bin/tshark", "-r", name + ".pcapng", *options, "-Y", "http", "-T", "fields", "-e", "http.request.uri", "-e", "http.response.code"],
                         capture_output=True, text=True, env=env, check=True).stdout
    return out.split()

subprocess.run(["debian/usr/bin/editcap", "--inject-secrets", "tls,keys.log", "last.pcapng", "injected.pcapng"], env=env, check=True)
saw = {(name, *options): tshark(name, *options) for name in ("first", "middle", "last", "injected") for options in ((), ("-2",))}
for how, found in saw.items():
    print(f"{' '.join(how):12} decrypted: {found or 'nothing'}")
sys.exit(any(found != (["/decrypted", "204"] if how[0] in ("first", "injected") else []) for how, found in saw.items()))
PY
