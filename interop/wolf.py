"""wolfSSL, of Debian's library, which is unpacked and not installed."""
import ctypes, glob, os, socket, sys

from clients import REQUEST

LIBRARY = glob.glob(os.path.dirname(sys.executable) + "/../../debian/usr/lib/*/libwolfssl.so.*.*.*")
PEM, PEER, FAIL_WITHOUT_PEER, HOST_NAME, CONTINUE_ON_MISMATCH = 1, 1, 2, 0, 2

class Failed(Exception):
    pass

class Library:
    """Its functions by their names; what is not named here gives an int."""
    POINTERS = {"wolfTLS_client_method", "wolfTLSv1_2_client_method", "wolfTLS_server_method", "wolfSSL_CTX_new", "wolfSSL_new",
                "wolfSSL_get1_session"}

    def __init__(self):
        self.library = ctypes.CDLL(LIBRARY[0])
        self.library.wolfSSL_lib_version.restype = ctypes.c_char_p
        self.library.wolfSSL_Init()

    def __getattr__(self, name):
        function = getattr(self.library, name)
        if name in self.POINTERS:
            function.restype = ctypes.c_void_p
        return lambda *arguments: function(*[ctypes.c_void_p(one) if isinstance(one, int) and one > 2**31 else one for one in arguments])

    def version(self):
        return self.library.wolfSSL_lib_version().decode()

    def why(self, tls, returned):
        text = ctypes.create_string_buffer(120)
        self.wolfSSL_ERR_error_string(self.wolfSSL_get_error(tls, returned), text)
        return text.value.decode()

def library():
    if not hasattr(library, "one"):
        library.one = Library()
    return library.one

def version():
    return library().version() if LIBRARY else None

def context(method, ca, identity):
    wolf = library()
    made = wolf.wolfSSL_CTX_new(method())
    def loaded(what, returned):
        if returned != 1:
            raise Failed(f"{what}: error {returned}")
    if ca:
        loaded("the CA", wolf.wolfSSL_CTX_load_verify_locations(made, ca.encode(), None))
    if identity:
        loaded("the certificate", wolf.wolfSSL_CTX_use_certificate_chain_file(made, (identity + ".pem").encode()))
        loaded("the key", wolf.wolfSSL_CTX_use_PrivateKey_file(made, (identity + ".key").encode(), PEM))
    return made

def client(port, host, ca, identity, tls12):
    wolf = library()
    try:
        made = context(wolf.wolfTLSv1_2_client_method if tls12 else wolf.wolfTLS_client_method, ca, identity)
    except Failed as error:
        return str(error)
    session = None
    for _ in range(2):
        tls = wolf.wolfSSL_new(made)
        with socket.create_connection(("127.0.0.1", port)) as tcp:
            tcp.settimeout(None)
            wolf.wolfSSL_set_fd(tls, tcp.fileno())
            wolf.wolfSSL_check_domain_name(tls, host.encode())
            if not host[0].isdigit():
                wolf.wolfSSL_UseSNI(tls, HOST_NAME, host.encode(), len(host))
            wolf.wolfSSL_UseALPN(tls, ctypes.create_string_buffer(b"http/1.1"), 8, CONTINUE_ON_MISMATCH)
            if session:
                wolf.wolfSSL_set_session(tls, session)
            returned = wolf.wolfSSL_connect(tls)
            if returned != 1:
                return wolf.why(tls, returned)
            wolf.wolfSSL_write(tls, REQUEST, len(REQUEST))
            answer = ctypes.create_string_buffer(100)
            returned = wolf.wolfSSL_read(tls, answer, 100)
            if returned <= 0:
                return wolf.why(tls, returned)
            session = wolf.wolfSSL_get1_session(tls)
            wolf.wolfSSL_shutdown(tls)
            wolf.wolfSSL_free(tls)
    return ""

def server(certificate, ca, tls12):
    from servers import ANSWER, drain, threaded
    wolf = library()
    try:
        made = context(wolf.wolfTLS_server_method, ca, certificate)
    except Failed as error:
        raise RuntimeError(str(error)) from None
    if ca:
        wolf.wolfSSL_CTX_set_verify(made, PEER | FAIL_WITHOUT_PEER, None)
    def serve(tcp):
        tls = wolf.wolfSSL_new(made)
        wolf.wolfSSL_set_fd(tls, tcp.fileno())
        wolf.wolfSSL_UseALPN(tls, ctypes.create_string_buffer(b"http/1.1"), 8, CONTINUE_ON_MISMATCH)
        if wolf.wolfSSL_accept(tls) == 1:
            wolf.wolfSSL_read(tls, ctypes.create_string_buffer(1000), 1000)
            wolf.wolfSSL_write(tls, ANSWER, len(ANSWER))
            wolf.wolfSSL_shutdown(tls)
            drain(tcp)
        tcp.close()
    return threaded(serve)
