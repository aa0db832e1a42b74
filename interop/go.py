"""Go's TLS, inside of Caddy and Traefik: as clients, proxies before our server, which are asked over plain HTTP; Traefik also as
a server (Caddy's is in servers.py)."""
import http.client, json, os, ssl, time

from clients import BIN, version_of
from servers import free_port, log_of, started

def answer_of(connection):
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace").strip()
    connection.close()
    return "" if answer.status == 200 else body or f"{answer.status} {answer.reason}"

def patient(ask, seconds=90):
    """Traefik listens before it has read what for."""
    until = time.monotonic() + seconds
    while (said := ask()).startswith("404") and time.monotonic() < until:
        time.sleep(0.05)
    return said

def asked(port):
    """What the proxy says of two connections behind it."""
    ask = lambda: answer_of(http.client.HTTPConnection("127.0.0.1", port, timeout=30))
    return patient(ask) or ask()

def home():
    return {**os.environ, "HOME": os.getcwd(), "XDG_DATA_HOME": os.getcwd(), "XDG_CONFIG_HOME": os.getcwd()}

def through(command, port, why):
    """Starts a proxy, asks it, and adds why it could not reach our server."""
    process, port = started(command, port, env=home())
    try:
        said = asked(port)
    finally:
        process.kill()
        process.wait()
    return said and why(open(log_of(port), errors="replace").read()) or said

def logged(log):
    for line in log.splitlines():
        if "tls: " in line or "x509: " in line or "remote error" in line:
            at = min(line.find(word) for word in ("tls: ", "x509: ", "remote error") if word in line)
            return line[at:].split('"')[0].rstrip("\\")
    return ""

def caddy(port, host, ca, identity, tls12):
    if tls12:
        return None
    own = free_port()
    path = os.path.abspath
    trust = [f"tls_trust_pool file {path(ca)}"]
    trust += [] if host[0].isdigit() else [f"tls_server_name {host}"]
    trust += [f"tls_client_auth {path(identity)}.pem {path(identity)}.key"] if identity else []
    trust += ["keepalive off"]
    lines = "\n".join(trust)
    open("Caddyfile", "w").write("{\nadmin off\nskip_install_trust\nauto_https off\n}\n"
                                 f"http://127.0.0.1:{own} {{\nbind 127.0.0.1\nreverse_proxy https://127.0.0.1:{port} {{\n"
                                 f"header_up Host {host}\ntransport http {{\n{lines}\n}}\n}}\n}}\n")
    return through([BIN + "caddy", "run", "--config", "Caddyfile"], own, logged)

def traefik(port, host, ca, identity, tls12):
    if tls12:
        return None
    own = free_port()
    path = os.path.abspath
    transport = {"rootCAs": [path(ca)], "disableHTTP2": True, "maxIdleConnsPerHost": -1}
    if not host[0].isdigit():
        transport["serverName"] = host
    if identity:
        transport["certificates"] = [{"certFile": path(identity) + ".pem", "keyFile": path(identity) + ".key"}]
    # YAML is a superset of JSON.
    dynamic = {"http": {"routers": {"all": {"rule": "PathPrefix(`/`)", "service": "ours"}}, "serversTransports": {"ours": transport},
                        "services": {"ours": {"loadBalancer": {"servers": [{"url": f"https://127.0.0.1:{port}"}], "serversTransport": "ours"}}}}}
    with open("traefik-dynamic.yml", "w") as file:
        json.dump(dynamic, file)
    return through(traefik_command(own), own, logged)

def traefik_command(own):
    return [BIN + "traefik", f"--entrypoints.own.address=127.0.0.1:{own}", "--providers.file.filename=" + os.path.abspath("traefik-dynamic.yml"),
            "--log.level=DEBUG", "--ping=true", "--ping.manualrouting=true", "--global.checknewversion=false",
            "--global.sendanonymoususage=false"]

def traefik_server(certificate, ca, tls12):
    own = free_port()
    pair = {"certFile": os.path.abspath(certificate) + ".pem", "keyFile": os.path.abspath(certificate) + ".key"}
    options = {"alpnProtocols": ["http/1.1"]}
    if ca:
        options["clientAuth"] = {"caFiles": [os.path.abspath(ca)], "clientAuthType": "RequireAndVerifyClientCert"}
    dynamic = {"http": {"routers": {"all": {"rule": "PathPrefix(`/`)", "service": "ping@internal", "tls": {}}}},
               "tls": {"stores": {"default": {"defaultCertificate": pair}}, "options": {"default": options}}}
    with open("traefik-dynamic.yml", "w") as file:
        json.dump(dynamic, file)
    running = started(traefik_command(own), own, env=home())
    def ask():
        # Any other answer, and an alert, too, is of what it was told to do.
        try:
            return answer_of(http.client.HTTPSConnection("127.0.0.1", own, timeout=30, context=ssl._create_unverified_context()))
        except (ConnectionError, ssl.SSLEOFError):
            return "404"
        except OSError:
            return ""
    # Where it cannot use its certificate it closes every connection, as it does before it has read its configuration.
    patient(ask, 15)
    return running

def traefik_version():
    return version_of([BIN + "traefik", "version"], r"Version:\s+(\S+)")
