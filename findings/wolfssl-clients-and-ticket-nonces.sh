#!/usr/bin/env bash
# A client with wolfSSL 5.5 finishes TLS 1.3 with a server of rustls, and breaks off when it reads: over the
# session ticket.
#
# Versions: libwolfssl35 5.5.4 (Debian 12, 5.5.4-2+deb12u3); servers with rustls (PyPI deno 2.9.8), with OpenSSL (Python's
# ssl module), and tlslite-ng 0.8.2 (PyPI), whose tickets were given nonces of 8 and of 9 bytes.
#
# A good guess: two implementations of TLS 1.3 that have agreed on version, suite and group, and have verified each
# other's Finished, get on. A session ticket is an offer for later; a client that has no use for it drops it.
#
# Seen: with OpenSSL's server it connects and reads the answer. With Deno's it connects (wolfSSL_connect says yes), and
# the first read fails: "The security parameter is invalid"; in TLS 1.2 it gets the answer. So it looks as though the
# server were broken once it sends data. tlslite's server is answered with a nonce of 8 bytes, and broken off with 9.
#
# Why: a ticket's nonce may have up to 255 bytes (RFC 8446, section 4.6.1); rustls sends more than 8 (32, probably). This
# version of wolfSSL has room for 8, and refuses the message rather than the ticket.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$lib/debian.sh"
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 deno==2.9.8 tlslite-ng==0.8.2
cd "$work"
unpack libwolfssl35=5.5.4-2+deb12u3
"$work/py/bin/python" - <<'PY'
import ctypes, glob, os, socket, subprocess, sys, threading
from cryptography.hazmat.primitives.asymmetric import ec
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.messages import NewSessionTicket
from certificates import CA, certificate, leaf
from clients import serve

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA)
certificate("server", "", key(), leaf("localhost"), root)

wolf = ctypes.CDLL(glob.glob("debian/usr/lib/*/libwolfssl.so.*.*.*")[0])
for name in ("wolfTLS_client_method", "wolfTLSv1_2_client_method", "wolfSSL_CTX_new", "wolfSSL_new"):
    getattr(wolf, name).restype = ctypes.c_void_p
wolf.wolfSSL_Init()
pointer = ctypes.c_void_p

def client(port, method):
    context = pointer(wolf.wolfSSL_CTX_new(pointer(method())))
    assert wolf.wolfSSL_CTX_load_verify_locations(context, b"root.pem", None) == 1
    tls = pointer(wolf.wolfSSL_new(context))
    def why(returned):
        text = ctypes.create_string_buffer(120)
        wolf.wolfSSL_ERR_error_string(wolf.wolfSSL_get_error(tls, returned), text)
        return text.value.decode()
    with socket.create_connection(("127.0.0.1", port)) as tcp:
        wolf.wolfSSL_set_fd(tls, tcp.fileno())
        wolf.wolfSSL_check_domain_name(tls, b"localhost")
        wolf.wolfSSL_UseSNI(tls, 0, b"localhost", 9)
        returned = wolf.wolfSSL_connect(tls)
        if returned != 1:
            return "not connected: " + why(returned)
        request = b"GET / HTTP/1.0\r\n\r\n"
        wolf.wolfSSL_write(tls, request, len(request))
        returned = wolf.wolfSSL_read(tls, ctypes.create_string_buffer(100), 100)
        return "answered" if returned > 0 else "connected, then: " + why(returned)

DENO = """
const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: Deno.readTextFileSync("server.pem"), key: Deno.readTextFileSync("server-key.pem") });
console.log(listener.addr.port);
for await (const tls of listener) (async () => {
  try {
    await tls.read(new Uint8Array(1000));
    await tls.write(new TextEncoder().encode("HTTP/1.0 200 OK\\r\\n\\r\\n"));
    tls.close();
  } catch {}
})();
"""
open("server.js", "w").write(DENO)
deno = subprocess.Popen([os.path.dirname(sys.executable) + "/deno", "run", "-A", "server.js"], stdout=subprocess.PIPE, text=True,
                        env={**os.environ, "DENO_DIR": "deno-dir", "NO_COLOR": "1"})
at_deno = int(deno.stdout.readline())

def tlslite(nonce):
    """A server with a nonce of so many bytes."""
    chain = X509CertChain()
    chain.parsePemList(open("server.pem").read())
    private = parsePEMKey(open("server-key.pem").read(), private=True)
    settings = HandshakeSettings()
    settings.ticketKeys, settings.ticket_count = [bytearray(32)], 1
    listener = socket.create_server(("127.0.0.1", 0))
    def one():
        tls = TLSConnection(listener.accept()[0])
        create = NewSessionTicket.create
        NewSessionTicket.create = lambda self, life, age, _, *more: create(self, life, age, bytearray(nonce), *more)
        try:
            tls.handshakeServer(certChain=chain, privateKey=private, settings=settings)
            tls.recv(1000)
            tls.send(b"HTTP/1.0 200 OK\r\n\r\n")
            tls.close()
        except Exception:
            pass
        NewSessionTicket.create = create
    threading.Thread(target=one, daemon=True).start()
    return listener.getsockname()[1]

saw = {"OpenSSL": client(serve("server"), wolf.wolfTLS_client_method),
       "rustls (Deno)": client(at_deno, wolf.wolfTLS_client_method),
       "rustls (Deno), TLS 1.2": client(at_deno, wolf.wolfTLSv1_2_client_method),
       "a nonce of 8 bytes": client(tlslite(8), wolf.wolfTLS_client_method),
       "a nonce of 9 bytes": client(tlslite(9), wolf.wolfTLS_client_method)}
deno.kill()
deno.wait()
for server, what in saw.items():
    print(f"{server:24}", what)
broken = "connected, then: The security parameter is invalid"
sys.stdout.flush()
os._exit(list(saw.values()) != ["answered", broken, "answered", "answered", broken])
PY
