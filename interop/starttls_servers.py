"""Servers that begin in plain and grant TLS, in front of `seal connect --starttls`. Those of Python are in this process; databases
and slapd are programs, of which those that are installed are asked."""
import os, shutil, subprocess, sys, threading, time

import servers
from clients import first_line, run
from databases import PostgreSQL
from servers import free_port

def smtp():
    """aiosmtpd."""
    import ssl
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("p-256.pem", "p-256.key")
    port = free_port()
    controller = Controller(Sink(), hostname="127.0.0.1", port=port, tls_context=context)
    controller.start()
    return port, controller.stop

def ftp():
    """pyftpdlib."""
    from OpenSSL import SSL
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file("p-256.pem")
    context.use_privatekey_file("p-256.key")
    handler = type("Handler", (TLS_FTPHandler,), {"authorizer": DummyAuthorizer(), "ssl_context": context, "certfile": "p-256.pem"})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"handle_exit": False}, daemon=True).start()
    return server.address[1], server.close_all

def program(command, port, **more):
    process, port = servers.started(command, port, **more)
    def end():
        process.kill()
        process.wait()
    return port, end

def imap():
    """pymap."""
    port = free_port()
    command = [os.path.dirname(sys.executable) + "/pymap", "--host", "127.0.0.1", "--port", str(port), "--cert", "p-256.pem", "--key", "p-256.key",
               "--no-service", "managesieve", "--no-service", "admin", "dict"]
    return program(command, port)

def ldap():
    """OpenLDAP."""
    if not shutil.which("slapd"):
        return None
    port = free_port()
    path = os.path.abspath
    with open("slapd.conf", "w") as file:
        file.write(f"include /etc/ldap/schema/core.schema\nTLSCertificateFile {path('p-256.pem')}\nTLSCertificateKeyFile {path('p-256.key')}\n")
    return program(["slapd", "-h", f"ldap://127.0.0.1:{port}/", "-f", path("slapd.conf"), "-d", "0"], port)

def mysql():
    """MariaDB."""
    if not shutil.which("mariadbd"):
        return None
    port, path = free_port(), os.path.abspath
    shutil.rmtree("maria", ignore_errors=True)
    user = ["--user=nobody"] if os.getuid() == 0 else []
    run(["mariadb-install-db", "--no-defaults", "--datadir=" + path("maria"), "--auth-root-authentication-method=normal", "--skip-test-db", *user])
    for name in ("pem", "key"):
        shutil.copy("p-256." + name, "maria/server." + name)
        if user:
            shutil.chown("maria/server." + name, "nobody")
    return program(["mariadbd", "--no-defaults", "--datadir=" + path("maria"), "--bind-address=127.0.0.1", f"--port={port}", "--socket=" + path("maria/s"),
                    "--ssl-cert=" + path("maria/server.pem"), "--ssl-key=" + path("maria/server.key"), *user], port)

def postgres():
    server = PostgreSQL()
    return server.port, server.stop

SERVERS = {"smtp": smtp, "imap": imap, "ftp": ftp, "ldap": ldap, "mysql": mysql, "postgres": postgres}
NAMES = {"smtp": "aiosmtpd", "imap": "pymap", "ftp": "pyftpdlib", "ldap": "OpenLDAP", "mysql": "MariaDB", "postgres": "PostgreSQL"}

def ours(seal):
    """What `seal connect` and `seal tunnel client` say of each."""
    rows = {"`seal connect`": {}, "`seal inspect`": {}}
    for protocol, start in SERVERS.items():
        column = f"{protocol} ({NAMES[protocol]})"
        try:
            started = start()
        except (RuntimeError, OSError) as error:
            for row in rows.values():
                row[column] = f"the server: {error}"
            continue
        if started is None:
            for row in rows.values():
                row[column] = None
            continue
        port, end = started
        try:
            for row, verb, more in (("`seal connect`", "connect", ["--servername", "localhost"]), ("`seal inspect`", "inspect", [])):
                ran = subprocess.run([seal.path, verb, f"localhost:{port}", "--starttls", protocol, "--ca", "root.pem", *more], stdin=subprocess.DEVNULL,
                                     capture_output=True, timeout=60)
                # That a server ends without close_notify makes another exit code.
                rows[row][column] = "" if ran.returncode == 0 or b"connected to" in ran.stderr else first_line(ran)
        finally:
            end()
    return rows
