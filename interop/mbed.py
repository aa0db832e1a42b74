"""mbedTLS, inside of python-mbedtls."""
import socket, time

from clients import REQUEST

def version():
    from importlib.metadata import version as of
    import mbedtls.version
    return f"{mbedtls.version.version.split()[-1]} (python-mbedtls {of('python-mbedtls')})"

def certificates(path):
    from mbedtls import x509
    end = "-----END CERTIFICATE-----\n"
    return [x509.CRT.from_PEM(one + end) for one in open(path).read().split(end) if one.strip()]

def settings(ca, identity):
    from mbedtls import pk, tls
    more = {}
    if ca:
        trust = tls.TrustStore()
        for one in certificates(ca):
            trust.add(one)
        more["trust_store"] = trust
    if identity:
        pem = open(identity + ".key").read()
        kind = pk.RSA if "rsa" in identity else pk.ECC
        more["certificate_chain"] = (certificates(identity + ".pem"), kind.from_PEM(pem))
    return tls.TLSConfiguration(validate_certificates=bool(ca), inner_protocols=[tls.NextProtocol.HTTP1], **more)

def said(error):
    return str(error.args[-1] if error.args else error) or type(error).__name__

def patient(act, *arguments):
    """It has read only a part of what it waits for."""
    from mbedtls.tls import WantReadError, WantWriteError
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return act(*arguments)
        except (WantReadError, WantWriteError):
            time.sleep(0.002)
    raise OSError("it wants to read for ever")

def client(port, host, ca, identity, tls12):
    from mbedtls import tls
    from mbedtls.exceptions import TLSError
    try:
        made = tls.ClientContext(settings(ca, identity)).wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=host)
        patient(made.do_handshake)
        patient(made.send, REQUEST)
        answer = patient(made.recv, 100)
        made.close()
    except (TLSError, OSError, ValueError) as error:
        return said(error)
    return "" if answer.startswith(b"HTTP/") else "another answer"

def server(certificate, ca, tls12):
    from mbedtls import tls
    from mbedtls.exceptions import TLSError
    from servers import ANSWER, drain, threaded
    try:
        made = settings(ca, certificate)
    except (TLSError, ValueError) as error:
        raise RuntimeError(said(error)) from None
    def serve(tcp):
        try:
            one = tls.ServerContext(made).wrap_socket(tcp)
            patient(one.do_handshake)
            # Not after the request: of one whose sender has no more to say python-mbedtls keeps nothing.
            patient(one.send, ANSWER)
            one.shutdown(socket.SHUT_WR)
            drain(tcp)
        except (TLSError, OSError):
            pass
    return threaded(serve)
