# Python's ssl module as a peer: a server that says lines backwards, or a client of one.
#
# Arguments: `server <cert> <key> [<ca of clients>]` or `client <port> <ca> [<cert> <key>]`.
import socket
import ssl
import sys

role, *rest = sys.argv[1:]


def serve(cert, key, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    print("PORT", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                line = tls.makefile("r").readline().strip()
                subject = tls.getpeercert() and dict(*tls.getpeercert()["subject"])
                print("SEEN", tls.version(), tls.cipher()[0], subject, flush=True)
                tls.sendall((line[::-1] + "\n").encode())
                tls.unwrap()
        except (OSError, ssl.SSLError) as error:
            print("FAILED", error, flush=True)


def connect(port, ca, cert=None, key=None):
    context = ssl.create_default_context(cafile=ca)
    if cert:
        context.load_cert_chain(cert, key)
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as tls:
            tls.sendall(b"hello\n")
            print("ANSWER", tls.version(), tls.makefile("r").readline().strip(), flush=True)


serve(*rest) if role == "server" else connect(*rest)
