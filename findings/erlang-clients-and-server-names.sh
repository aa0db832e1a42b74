#!/usr/bin/env bash
# An Erlang client (RabbitMQ's, CouchDB's, Elixir's) that verifies its server refuses wildcards, refuses
# an address that is written as text, and does not know a critical subjectAltName with an address alone.
#
# Versions: Erlang/OTP 25.2.3 (Debian 12, erlang-ssl, erlang-inets); Python's ssl module as the server,
# certificates of PyPI trustme 1.2.1.
#
# A good guess: with {verify, verify_peer} and a CA, names are compared as every TLS client compares
# them: a wildcard stands for one label, "127.0.0.1" is held against the iPAddress names, and
# subjectAltName is an extension that everybody knows, critical or not (RFC 5280 demands critical where
# the subject is empty).
#
# Seen: certificate for                     asked for             result
#         db.example.test                   db.example.test       connected
#         *.example.test                    db.example.test       hostname_check_failed
#           the same, with match_fun(https) db.example.test       connected
#         db.example.test, 127.0.0.1        {127,0,0,1}           connected
#         db.example.test, 127.0.0.1        "127.0.0.1"           hostname_check_failed
#         127.0.0.1, subjectAltName critical        {127,0,0,1}   unsupported_certificate
#         127.0.0.1, subjectAltName not critical    {127,0,0,1}   connected
# An address as text is sent as the server name, too, which RFC 6066 rules out. What a server sees is
# alert 40 or 43, with nothing about names. public_key says of the last but one what ssl does not:
# unknown_critical_extension.
#
# Why: ssl compares by RFC 6125's letter unless customize_hostname_check has the function for https;
# text is a host name, whatever it says; and subjectAltName counts as "known" to the path validation only
# with names that name constraints were checked for, which addresses are not, probably.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check trustme==1.2.1
cd "$work"
. "$lib/debian.sh"
unpack erlang-ssl=1:25.2.3+dfsg-1+deb12u4 erlang-inets=1:25.2.3+dfsg-1+deb12u4
"$work/py/bin/python" - <<'PY'
import datetime, ipaddress, os, re, socket, ssl, subprocess, sys, threading

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ca = trustme.CA()
ca.cert_pem.write_to_path("ca.pem")

def plain_address():
    """As trustme makes one for 127.0.0.1, but with a subjectAltName that is not critical."""
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    signer = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")]))
            .issuer_name(issuer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(signer, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    open("plain.pem", "wb").write(made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

asked = []

def serve(*names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if names:
        ca.issue_cert(*names).configure_cert(context)
    else:
        plain_address()
        context.load_cert_chain("plain.pem")
    context.sni_callback = lambda tls, name, context: asked.append(name)
    listener = socket.create_server(("127.0.0.1", 0))
    def run():
        while True:
            tcp, _ = listener.accept()
            try:
                context.wrap_socket(tcp, server_side=True).recv(1)
            except OSError:
                pass
    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]

ROOT = os.getcwd() + "/debian/usr/lib/erlang"
ERTS = ROOT + "/erts-13.1.5/bin"
ENV = {**os.environ, "ROOTDIR": ROOT, "BINDIR": ERTS, "EMU": "beam", "PROGNAME": "erl", "HOME": os.getcwd(),
       "LD_LIBRARY_PATH": os.getcwd() + "/debian/usr/lib/x86_64-linux-gnu"}

def connect(port, host, *options):
    more = "".join("," + option for option in options)
    code = f"""application:ensure_all_started(ssl), logger:set_primary_config(level, none),
        case ssl:connect({host}, {port}, [{{verify, verify_peer}}, {{cacertfile, "ca.pem"}}, {{active, false}}{more}], 10000) of
          {{ok, _}} -> io:format("connected"); {{error, Reason}} -> io:format("~p", [Reason]) end, halt()."""
    told = subprocess.run([ERTS + "/erlexec", "-noshell", "-eval", code], env=ENV, capture_output=True, text=True).stdout
    name = re.search(r"hostname_check_failed|(?<=tls_alert,{)\w+", told)
    return "hostname_check_failed" if "hostname_check_failed" in told else name[0] if name else told

NAME, ADDRESS, TEXT = '{server_name_indication, "db.example.test"}', "{127,0,0,1}", '"127.0.0.1"'
HTTPS = "{customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}"
exact, wildcard = serve("db.example.test"), serve("*.example.test")
both, critical, plain = serve("db.example.test", "127.0.0.1"), serve("127.0.0.1"), serve()
saw = {
    "exact name": connect(exact, ADDRESS, NAME),
    "wildcard": connect(wildcard, ADDRESS, NAME),
    "wildcard, match_fun": connect(wildcard, ADDRESS, NAME, HTTPS),
    "name and address, by address": connect(both, ADDRESS),
    "name and address, by text": connect(both, TEXT),
    "address alone, critical": connect(critical, ADDRESS),
    "address alone, not critical": connect(plain, ADDRESS),
}
for what, result in saw.items():
    print(f"{what:30} {result}")
print("server names that were sent:", sorted({name for name in asked if name}))
no = "hostname_check_failed"
wanted = ["connected", no, "connected", "connected", no, "unsupported_certificate", "connected"]
sys.exit(list(saw.values()) != wanted or "127.0.0.1" not in asked)
PY
