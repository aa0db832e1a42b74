# tlslite-ng as an old peer: a server that says lines backwards, or a client of one. It shares no code with
# OpenSSL, neither of TLS nor of cryptography.
#
# Arguments: `server <version> <key exchange> <cipher> <mac> <cert> <key> [again]` or
# `client <port> <version> <key exchange> <cipher> <mac> [<identity> <key in hex>]`; a version is 1 to 4,
# for TLS 1.0 to 1.3.
import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.errors import BaseTLSException

role, *rest = sys.argv[1:]


def settings(version, exchange, cipher, mac):
    wanted = HandshakeSettings()
    wanted.minVersion = wanted.maxVersion = (3, int(version))
    wanted.keyExchangeNames = [exchange]
    wanted.cipherNames = [cipher]
    wanted.macNames = [mac]
    return wanted


def line_of(tls):
    heard = b""
    while not heard.endswith(b"\n"):
        part = tls.recv(100)
        if not part:
            break
        heard += part
    return heard.decode().strip()


def told(tls):
    session = tls.session
    return f"{tls.getVersionName()} {tls.getCipherName()} {session.cipherSuite:04x}"


def serve(version, exchange, cipher, mac, cert, key):
    chain = X509CertChain()
    chain.parsePemList(open(cert).read())
    private = parsePEMKey(open(key).read(), private=True)
    listener = socket.create_server(("127.0.0.1", 0))
    print("PORT", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            tls = TLSConnection(connection)
            tls.handshakeServer(certChain=chain, privateKey=private,
                                settings=settings(version, exchange, cipher, mac))
            print("SEEN", told(tls), flush=True)
            tls.sendall((line_of(tls)[::-1] + "\n").encode())
            tls.close()
        except (OSError, BaseTLSException) as error:
            print("FAILED", repr(error), flush=True)


def connect(port, version, exchange, cipher, mac, identity=None, key=None):
    wanted = settings(version, exchange, cipher, mac)
    if identity:
        wanted.pskConfigs = [(identity.encode(), bytes.fromhex(key), "sha256")]
    tls = TLSConnection(socket.create_connection(("127.0.0.1", int(port))))
    tls.handshakeClientCert(settings=wanted, serverName="localhost")
    tls.sendall(b"hello\n")
    print("ANSWER", told(tls), line_of(tls), flush=True)
    tls.close()


serve(*rest) if role == "server" else connect(*rest)
