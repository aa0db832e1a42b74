#!/usr/bin/env bash
# gRPC knows a client by its common name only while its certificate has no subjectAltName of any kind; one with a
# directoryName in it goes by the words "other types of SAN".
#
# Versions: gRPC's core, client and server, in Python (PyPI grpcio 1.85.3).
#
# A good guess: the names that a client may go by (peer_identities() of a call) are those of subjectAltName that are
# hosts, addresses, mailboxes or URIs, and the common name where there is none of them. So a CA that begins to write
# another kind (a directoryName, which repeats the subject) changes nothing for a server that looks for CN=ops1.
#
# Seen: without subjectAltName the server sees the property x509_common_name with "ops1"; with a mailbox, a URI or a
# host name, x509_subject_alternative_name with it, and the common name is in auth_context() only; with a
# directoryName, x509_subject_alternative_name with the text "other types of SAN". A list of users by their common
# names lets nobody in any more.
#
# Why: one property is chosen to be the identity: subjectAltName if the certificate has the extension. What is in
# it is written out for the kinds that gRPC knows, and for the rest there is that text, probably.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 grpcio==1.85.3
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, sys
from concurrent import futures
import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf, name

key = lambda: ec.generate_private_key(ec.SECP256R1())
ca = certificate("ca", "CA", key(), CA)
certificate("server", "", key(), leaf("localhost"), ca)
NAMES = {"none": None, "mailbox": x509.RFC822Name("ops1@example.test"), "URI": x509.UniformResourceIdentifier("urn:example:ops1"),
         "host name": x509.DNSName("ops1.example.test"), "directoryName": x509.DirectoryName(name("ops1"))}
for stem, one in NAMES.items():
    more = [(x509.SubjectAlternativeName([one]), False)] if one else []
    certificate(stem, "ops1", key(), leaf(named=True) + [(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False), *more], ca)
read = lambda path: open(path, "rb").read()

seen = []
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        def answer(request, context):
            seen.append((context.peer_identity_key(), [one.decode() for one in context.peer_identities()],
                         context.auth_context()["x509_common_name"] == [b"ops1"]))
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)
server = grpc.server(futures.ThreadPoolExecutor(2), [Handler()])
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(read("server-key.pem"), read("server.pem"))], read("ca.pem"), True))
server.start()
for stem in NAMES:
    credentials = grpc.ssl_channel_credentials(read("ca.pem"), read(stem + "-key.pem"), read(stem + ".pem"))
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        channel.unary_unary("/a.B/C")(b"", timeout=60)
for stem, (property, identities, in_context) in zip(NAMES, seen):
    print(f"{stem:14} {property}: {', '.join(identities)}" + ("" if in_context else "; no common name in auth_context()"))
alternative = "x509_subject_alternative_name"
expected = [("x509_common_name", ["ops1"], True), (alternative, ["ops1@example.test"], True), (alternative, ["urn:example:ops1"], True),
            (alternative, ["ops1.example.test"], True), (alternative, ["other types of SAN"], True)]
sys.stdout.flush()
os._exit(seen != expected)
PY
