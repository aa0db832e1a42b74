# A server that has Encrypted Client Hello and cannot decrypt what clients hide: tlslite-ng, which does not
# know it, with an extension more in its EncryptedExtensions, as RFC 9849 (section 5) has it.
#
# Arguments: <cert> <key> <retry configurations in hex>.
import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.errors import BaseTLSException
from tlslite.extensions import TLSExtension
from tlslite.messages import EncryptedExtensions

ECH = 0xFE0D

cert, key, configs = sys.argv[1:]
plain = EncryptedExtensions.create
handshake = TLSConnection._serverTLS13Handshake
offered = False


def looks(connection, settings, hello, *rest, **named):
    global offered
    offered = hello.getExtension(ECH) is not None
    return handshake(connection, settings, hello, *rest, **named)


def with_configs(message, extensions):
    extra = TLSExtension(extType=ECH).create(bytearray.fromhex(configs))
    return plain(message, list(extensions) + ([extra] if offered else []))


TLSConnection._serverTLS13Handshake = looks
EncryptedExtensions.create = with_configs
chain = X509CertChain()
chain.parsePemList(open(cert).read())
private = parsePEMKey(open(key).read(), private=True)
wanted = HandshakeSettings()
wanted.minVersion = wanted.maxVersion = (3, 4)
listener = socket.create_server(("127.0.0.1", 0))
print("PORT", listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    try:
        tls = TLSConnection(connection)
        tls.handshakeServer(certChain=chain, privateKey=private, settings=wanted)
        tls.recv(1)
        tls.close()
    except (OSError, BaseTLSException) as error:
        print("FAILED", repr(error), flush=True)
    finally:
        connection.close()
