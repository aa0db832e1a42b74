"""Servers that others wrote. Each is a function of (certificate, ca, tls12), the first without its ending: it starts a
server that answers over HTTP on 127.0.0.1 and asks for clients' certificates of `ca`, if there is one; it gives the process
or thread to end, and the port, or None where it cannot do such a thing."""
import os, re, shutil, socket, subprocess, sys, threading, time

from clients import BIN, BUN, J, NODE, OPENSSL4, java_context, nss_database, run, version_of

ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]

class Ended:
    """Something that ends by itself."""
    def kill(self):
        pass
    wait = kill

def listens(process, port, log):
    """Waits until it does."""
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    process.kill()
    said = [line.strip() for line in open(log, errors="replace") if re.search("rror|nsupported|nvalid|nknown", line)]
    raise RuntimeError(said[0][:200] if said else "it does not start")

def started(command, port, **more):
    with open(log_of(port), "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
    return listens(process, port, log_of(port))

def log_of(port):
    return f"server-{port}.log"

def says_port(command, **more):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    line = process.stdout.readline().strip()
    if not line.isdigit():
        process.kill()
        said = process.stderr.read().strip().splitlines()
        raise RuntimeError(next((it for it in said if "rror" in it), said[0] if said else "it does not start")[:150])
    return process, int(line)

def openssl_command(program):
    """A program of OpenSSL."""
    return lambda *asked: openssl_server(program, *asked)

def openssl_server(program, certificate, ca, tls12):
    port = free_port()
    command = [program, "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet", "-cert", certificate + ".pem",
               "-cert_chain", certificate + ".pem", "-key", certificate + ".key", "-alpn", "http/1.1"]
    command += ["-CAfile", ca, "-Verify", "3", "-verify_return_error"] if ca else []
    return started(command, port)

def drain(tcp):
    """A socket that is closed over something unread is reset."""
    try:
        tcp.shutdown(socket.SHUT_WR)
        while tcp.recv(1000):
            pass
    except OSError:
        pass

def threaded(serve):
    listener = socket.create_server(("127.0.0.1", 0), backlog=20)
    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return Ended(), listener.getsockname()[1]

def openssl4(certificate, ca, tls12):
    from OpenSSL import SSL
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(certificate + ".pem")
    context.use_privatekey_file(certificate + ".key")
    context.set_session_id(b"interop")
    context.set_alpn_select_callback(lambda _, offered: b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    if ca:
        context.load_verify_locations(ca)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *judged: bool(judged[-1]))
    def serve(tcp):
        tls = SSL.Connection(context, tcp)
        tls.set_accept_state()
        try:
            tls.do_handshake()
            tls.recv(1000)
            tls.sendall(ANSWER)
            tls.shutdown()
            drain(tcp)
        except (SSL.Error, OSError):
            pass
        tcp.close()
    return threaded(serve)

def python(certificate, ca, tls12):
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
    context.set_alpn_protocols(["http/1.1"])
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    def serve(tcp):
        try:
            with context.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)
                tls.sendall(ANSWER)
                tls.unwrap()
        except OSError:
            pass
    return threaded(serve)

JAVASCRIPT = """
const [certificate, ca] = process.argv.slice(2);
const { readFileSync: read } = require('fs');
require('tls').createServer({ cert: read(certificate + '.pem'), key: read(certificate + '.key'), ALPNProtocols: ['http/1.1'],
  ...(ca && { ca: read(ca), requestCert: true, rejectUnauthorized: true }) },
  (tls) => { tls.on('error', () => {}); tls.once('data', () => tls.end('HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')); })
  .on('tlsClientError', () => {}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
"""

def javascript(command):
    def server(certificate, ca, tls12):
        open("server.cjs", "w").write(JAVASCRIPT)
        return says_port(command + ["server.cjs", certificate, ca or ""])
    return server

DENO = """
const [certificate] = Deno.args;
const read = (path) => Deno.readTextFileSync(path);
const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: read(certificate + ".pem"), key: read(certificate + ".key"),
  alpnProtocols: ["http/1.1"] });
console.log(listener.addr.port);
for await (const tls of listener) (async () => {
  try {
    await tls.read(new Uint8Array(1000));
    await tls.write(new TextEncoder().encode("HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"));
    tls.close();
  } catch {}
})();
"""

def deno(certificate, ca, tls12):
    if ca:
        return None
    open("server.deno.js", "w").write(DENO)
    env = {**os.environ, "NO_COLOR": "1", "DENO_DIR": "deno-dir"}
    return says_port([BIN + "deno", "run", "-A", "server.deno.js", certificate], env=env)

def java(certificate, ca, tls12):
    try:
        context = java_context(certificate, ca or "root.pem")
    except (J("java.security.GeneralSecurityException"), J("java.io.IOException")) as error:
        raise RuntimeError(str(error.getMessage())) from None
    listener = context.getServerSocketFactory().createServerSocket(0, 20, J("java.net.InetAddress").getLoopbackAddress())
    listener.setNeedClientAuth(bool(ca))
    parameters = listener.getSSLParameters()
    parameters.setApplicationProtocols(["http/1.1"])
    listener.setSSLParameters(parameters)
    def one(tls):
        try:
            tls.getInputStream().read()
            tls.getOutputStream().write(ANSWER)
            tls.close()
        except J("java.io.IOException"):
            pass
    def accept():
        try:
            while True:
                threading.Thread(target=one, args=(listener.accept(),), daemon=True).start()
        except J("java.io.IOException"):
            pass
    threading.Thread(target=accept, daemon=True).start()
    ended = Ended()
    ended.kill = listener.close
    return ended, int(listener.getLocalPort())

def caddy(certificate, ca, tls12):
    """Go's TLS."""
    port = free_port()
    trust = f"client_auth {{\nmode require_and_verify\ntrust_pool file {os.path.abspath(ca)}\n}}\n" if ca else ""
    open("Caddyfile", "w").write("{\nadmin off\nskip_install_trust\nauto_https disable_redirects\n}\n"
                                 f"https://localhost:{port}, https://127.0.0.1:{port} {{\nbind 127.0.0.1\n"
                                 f"tls {os.path.abspath(certificate)}.pem {os.path.abspath(certificate)}.key {{\n{trust}}}\nrespond ok\n}}\n")
    env = {**os.environ, "HOME": os.getcwd(), "XDG_DATA_HOME": os.getcwd(), "XDG_CONFIG_HOME": os.getcwd()}
    return started([BIN + "caddy", "run", "--config", "Caddyfile"], port, env=env)

def gnutls(certificate, ca, tls12):
    port = free_port()
    command = ["gnutls-serv", "--http", "--port", str(port), "--x509certfile", certificate + ".pem", "--x509keyfile", certificate + ".key",
               "--alpn", "http/1.1", "--quiet"]
    command += ["--x509cafile", ca, "--require-client-cert", "--verify-client-cert"] if ca else ["--disable-client-cert"]
    return started(command, port)

def nss(certificate, ca, tls12):
    """NSS's selfserv."""
    port = free_port()
    nss_database("root.pem", certificate)
    shutil.rmtree("nssserver", ignore_errors=True)
    shutil.copytree("nssdb", "nssserver")
    command = ["selfserv", "-p", str(port), "-d", "sql:nssserver", "-n", "identity", "-V", "tls1.2:tls1.3"]
    command += ["-rr"] if ca else []
    return started(command, port)

def servers(versions):
    """Name, version and function of those that are there; versions as clients have them."""
    import go, mbed, wolf
    of = lambda name: versions[name][0]
    return {
        "OpenSSL 4": (of("OpenSSL 4"), openssl_command(OPENSSL4)),
        "OpenSSL 4 (pyOpenSSL)": (of("OpenSSL 4 (pyOpenSSL)"), openssl4),
        "OpenSSL 3.0": (of("OpenSSL 3.0"), openssl_command("openssl")),
        "Python": (of("Python"), python),
        "Node": (of("Node"), javascript([NODE])),
        "Bun": (of("Bun"), javascript([BUN])),
        "Deno": (of("Deno"), deno),
        "Java": (of("Java"), java),
        "Go (Caddy)": (of("Go (Caddy)"), caddy),
        "Go (Traefik)": (of("Go (Traefik)"), go.traefik_server),
        "GnuTLS": (of("GnuTLS"), gnutls),
        "NSS": (of("NSS"), nss),
        "mbedTLS": (of("mbedTLS"), mbed.server),
        "wolfSSL": (of("wolfSSL"), wolf.server),
    }
