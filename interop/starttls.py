"""Clients that begin in plain and ask for TLS, in front of `seal tunnel server --starttls`."""
import json, socket, subprocess, threading

from clients import first_line, run

GREETINGS = {"smtp": b"220 mail.test ESMTP\r\n", "imap": b"* OK hi\r\n", "pop3": b"+OK hi\r\n", "ldap": b"", "postgres": b""}

def origin(greeting):
    """A plain server that says its greeting, and nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    def one(tcp):
        tcp.sendall(greeting)
        while tcp.recv(1000):
            pass
        tcp.close()
    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]

def openssl(port, protocol):
    ran = run(["openssl", "s_client", "-starttls", protocol, "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile", "root.pem",
               "-verify_return_error"])
    return "" if b"Verify return code: 0 (ok)" in ran.stdout else first_line(ran, "rror|alert")

def gnutls(port, protocol):
    ran = run(["gnutls-cli", "--starttls-proto", protocol, "--port", str(port), "--x509cafile", "root.pem", "--verify-hostname=localhost",
               "--sni-hostname", "localhost", "127.0.0.1"])
    return "" if b"Handshake was completed" in ran.stdout else first_line(ran, "rror|Fatal|nknown")

def asked(seal):
    rows = {"OpenSSL 3.0": {}, "GnuTLS": {}}
    for protocol, greeting in GREETINGS.items():
        command = [seal.path, "tunnel", "server", "-l", "127.0.0.1:0", "-t", f"127.0.0.1:{origin(greeting)}", "--cert", "p-256.pem", "--key", "p-256.key",
                   "--starttls", protocol, "--log-format", "json"]
        tunnel = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        port = next(int(told["address"].rsplit(":", 1)[1]) for line in tunnel.stderr if (told := json.loads(line)).get("message") == "listening")
        threading.Thread(target=lambda lines=tunnel.stderr: [None for _ in lines], daemon=True).start()
        for name, client in (("OpenSSL 3.0", openssl), ("GnuTLS", gnutls)):
            try:
                rows[name][protocol] = client(port, protocol)
            except (OSError, subprocess.TimeoutExpired) as error:
                rows[name][protocol] = str(error)
        tunnel.kill()
        tunnel.wait()
    return rows
