#!/usr/bin/env bash
# A client that only writes and then closes loses most of its data in TLS 1.3, because of the
# tickets that it never reads.
#
# Versions: a client of OpenSSL 4.0.3 (PyPI cryptography 50.0.2 with pyOpenSSL 26.4.0), a server of
# Python's ssl module, Linux.
#
# A good guess: TCP delivers what was written before the close. SSL_write has returned, SSL_shutdown
# has sent close_notify, close() lets the kernel send the rest; a log shipper does not need to read.
#
# Seen: the client writes 4 MiB, shuts down and closes, without reading; the server is busy for a
# moment and then reads. TLS 1.2: all arrives, and close_notify. TLS 1.3: a fraction arrives, and
# then the connection is reset. TLS 1.3 with a server that sends no tickets: all arrives.
#
# Why: a TLS 1.3 server sends NewSessionTicket after the handshake, so bytes wait unread in the
# client's socket; a close with unread bytes makes the kernel send RST at once, drop what was not
# yet sent, and the server's kernel drop what was not yet read. Either the client reads until the
# end, or the server does without tickets (SSL_CTX_set_num_tickets(0)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 pyOpenSSL==26.4.0 trustme==1.2.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, sys, threading

import trustme
from OpenSSL import SSL

SIZE = 4 << 20
leaf = trustme.CA().issue_cert("localhost")

def arrives(version, tickets):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.maximum_version = version
    context.num_tickets = tickets
    listener = socket.create_server(("127.0.0.1", 0))
    client_is_gone, outcome = threading.Event(), []
    def serve():
        with context.wrap_socket(listener.accept()[0], server_side=True, suppress_ragged_eofs=False) as tls:
            client_is_gone.wait()
            count = 0
            try:
                while data := tls.recv(65536):
                    count += len(data)
                outcome.extend([count, "close_notify"])
            except OSError:
                outcome.extend([count, "the connection is broken"])
    server = threading.Thread(target=serve)
    server.start()
    tcp = socket.create_connection(listener.getsockname())
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SIZE)
    tls = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), tcp)
    tls.set_connect_state()
    tls.do_handshake()
    tls.sendall(b"x" * SIZE)
    tls.shutdown()
    tls.close()
    client_is_gone.set()
    server.join()
    return outcome

saw = {}
for label, version, tickets in ("TLS 1.2", ssl.TLSVersion.TLSv1_2, 2), ("TLS 1.3", ssl.TLSVersion.TLSv1_3, 2), ("TLS 1.3, no tickets", ssl.TLSVersion.TLSv1_3, 0):
    saw[label] = arrives(version, tickets)
    print(f"{label}: {saw[label][0]} of {SIZE} bytes arrive, then {saw[label][1]}")
whole = [SIZE, "close_notify"]
sys.exit(not (saw["TLS 1.2"] == whole and saw["TLS 1.3, no tickets"] == whole and saw["TLS 1.3"][0] < SIZE and saw["TLS 1.3"][1] != "close_notify"))
PY
