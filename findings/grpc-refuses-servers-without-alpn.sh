#!/usr/bin/env bash
# A gRPC client ends a good TLS connection, when the server chose no ALPN protocol.
#
# Versions: grpcio 1.85.3 (gRPC's C core with BoringSSL); the server is Python's ssl module.
#
# A good guess: ALPN is a hint. A TLS terminator that has no list of protocols (stunnel, many
# tunnels, load balancers in TCP mode) leaves the extension unanswered, and clients that know that
# they speak HTTP/2 go on; RFC 7301 lets a server ignore the extension.
#
# Seen: the handshake completes (the server says so), the certificate is good, and then gRPC closes:
# "Cannot check peer: missing selected ALPN property.", status UNAVAILABLE, and tries again and
# again. With `h2` chosen by the very same server the call goes through to HTTP/2. `http/1.1` chosen
# is refused as well. The message speaks of a check of the peer and sends people after their
# certificates.
#
# Why: RFC 9113 wants ALPN for HTTP/2 over TLS, and newer gRPC cores enforce it (older ones did not,
# so an upgrade of the client breaks what is in front of the server).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check grpcio==1.85.3 trustme==1.2.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, queue, socket, ssl, sys, threading
import grpc, trustme

ca = trustme.CA()
leaf = ca.issue_cert("localhost")

def call(protocols):
    """The outcome of one call, and what the server saw of the connection's end of handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    if protocols:
        context.set_alpn_protocols(protocols)
    listener = socket.create_server(("localhost", 0))
    saw = queue.Queue()
    def serve():
        while True:
            tcp, _ = listener.accept()
            try:
                tls = context.wrap_socket(tcp, server_side=True)
                first = tls.recv(24)
                saw.put("HTTP/2 arrives" if first.startswith(b"PRI * HTTP/2") else "handshake done, then closed")
                tls.close()
            except OSError as error:
                saw.put(type(error).__name__)
    threading.Thread(target=serve, daemon=True).start()
    credentials = grpc.ssl_channel_credentials(ca.cert_pem.bytes())
    channel = grpc.secure_channel(f"localhost:{listener.getsockname()[1]}", credentials)
    try:
        channel.unary_unary("/a.B/c")(b"", timeout=3)
    except grpc.RpcError as error:
        return saw.get(timeout=10), "missing selected ALPN" in error.details()

told = {str(p): call(p) for p in (None, ["http/1.1"], ["h2"])}
for protocols, (server, missing) in told.items():
    print(f"server's ALPN {protocols:12}: {server}; gRPC says that ALPN is missing: {missing}")
wanted = {"None": ("handshake done, then closed", True), "['h2']": ("HTTP/2 arrives", False)}
good = all(told[k] == v for k, v in wanted.items()) and told["['http/1.1']"][0] != "HTTP/2 arrives"
sys.stdout.flush()
os._exit(0 if good else 1)
PY
