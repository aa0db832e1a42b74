"""Runs every peer as client against our server and as server against our client, and writes what it saw as a page."""
import argparse, datetime, json, os, queue, re, shutil, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor

import clients as theirs
import databases, files
import material
import servers as others
import starttls, starttls_servers
from material import KINDS, Seal, stem
from reasons import because

COLUMNS = [*KINDS, "address", "client certificate", "TLS 1.2"]

class Serving:
    """Our server, and what it says of its clients."""
    def __init__(self, seal, certificate, *more):
        command = [seal.path, "serve", "www", "--json", "--port", "0", "--cert", certificate + ".pem", "--key", certificate + ".key", *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        listening = self.next("listening")
        self.port = int(listening["address"].rsplit(":", 1)[1])

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next(self, event, patience=90):
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            try:
                told = self.lines.get(timeout=left)
            except queue.Empty:
                break
            if told is None:
                raise RuntimeError(self.process.stderr.read())
            if told["event"] == event:
                return told
        return None

    def connected(self):
        """Those who have finished a handshake."""
        found = []
        while told := self.next("connected", 0.5):
            found.append(told)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

def cases():
    """Column, our certificate or theirs, the name that is asked for, the client's certificate, TLS 1.2."""
    for kind in KINDS:
        yield kind, stem(kind), "localhost", None, False
    yield "address", "address", "127.0.0.1", None, False
    yield "client certificate", "p-256", "localhost", "client", False
    yield "TLS 1.2", "p-256", "localhost", None, True

def facts_of(seen):
    """What was agreed, of connections in order."""
    first, last = seen[0], seen[-1]
    return {"version": first["protocol"], "group": first["group"], "alpn": first["alpn"], "resumes": any(one["resumed"] for one in seen[1:]) if len(seen) > 1 else None}

def as_client(seal, client, folder="", more=()):
    """Our servers, their client, with the certificates of this folder."""
    row, facts = {}, {}
    for column, certificate, host, identity, tls12 in cases():
        asks = ["--ca", folder + "root.pem", "--client-auth", "require"] if identity else []
        with Serving(seal, folder + certificate, *asks, *more) as ours:
            try:
                said = client(ours.port, host, folder + "root.pem", identity and folder + identity, tls12)
            except subprocess.TimeoutExpired:
                said = "it did not end"
            row[column] = said
            seen = ours.connected()
            if column == "P-256" and said == "" and seen:
                facts = facts_of(seen)
            if column == "TLS 1.2" and said == "" and seen and seen[0]["protocol"] != "TLSv1.2":
                row[column] = f"it spoke {seen[0]['protocol']}"
            if column == "client certificate" and said == "" and not (seen and seen[0]["authorized"]):
                row[column] = "it showed none"
    return row, facts

def connect(seal, port, host, *more):
    """Our client."""
    command = [seal.path, "connect", f"127.0.0.1:{port}", "--servername", host, "--ca", "root.pem", "--json", "--alpn", "http/1.1", "--reconnect", "1", *more]
    ran = subprocess.run(command, input=f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n", capture_output=True, text=True, timeout=120)
    seen = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    said = next((line for line in ran.stderr.splitlines() if not line.startswith("{")), "")
    if "200" not in ran.stdout.split("\n")[0]:
        return said.removeprefix("seal: ") or "no answer", seen
    return "", seen

def as_server(seal, name, server):
    """Their server, our client."""
    row, facts = {}, {}
    for column, certificate, host, identity, tls12 in cases():
        try:
            running = server(certificate, "root.pem" if identity else None, tls12)
        except (RuntimeError, OSError) as error:
            row[column] = f"the server: {error}"
            continue
        if running is None:
            row[column] = None
            continue
        process, port = running
        more = ["--cert", identity + ".pem", "--key", identity + ".key"] if identity else []
        more += ["--max-version", "1.2"] if tls12 else []
        try:
            row[column], seen = connect(seal, port, host, *more)
        except subprocess.TimeoutExpired:
            row[column], seen = "it did not end", []
        finally:
            process.kill()
            process.wait()
        if column == "P-256" and row[column] == "" and seen:
            facts = facts_of(seen)
    return row, facts

class Page:
    """What is written, and whether every "no" has its reason."""
    def __init__(self):
        self.text, self.notes, self.unknown = [], [], []

    def cell(self, side, peer, column, said):
        if said is None:
            return "-"
        if said == "":
            return "yes"
        reason = because(side, peer, column, said)
        if reason is None:
            self.unknown.append(f"{side}, {peer}, {column}: {said}")
            reason = f"**not known**: {said}"
        if reason not in self.notes:
            self.notes.append(reason)
        return f"no ({self.notes.index(reason) + 1})"

    def table(self, side, title, columns, rows):
        self.text += [f"## {title}", "", "| | version | " + " | ".join(columns) + " | speaks | resumes |", "|---" * (len(columns) + 4) + "|"]
        for name, (version, row, facts) in rows.items():
            cells = [self.cell(side, name, column, row.get(column)) for column in columns]
            speaks = ", ".join(str(facts[it]) for it in ("version", "group", "alpn") if facts.get(it)) or "-"
            resumes = {True: "yes", False: "no", None: "-"}[facts.get("resumes")]
            self.text.append(f"| {name} | {version} | " + " | ".join(cells) + f" | {speaks} | {resumes} |")
        self.text.append("")

    def plain(self, side, title, columns, rows):
        self.text += [f"## {title}", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for name, row in rows.items():
            self.text.append(f"| {name} | " + " | ".join(self.cell(side, name, column, row.get(column)) for column in columns) + " |")
        self.text.append("")

def at_once(work, names):
    """Peers wait for one another most of the time."""
    with ThreadPoolExecutor(6) as pool:
        return dict(zip(names, pool.map(work, names)))

def told(what, began=time.monotonic()):
    """Says on stderr where it is, and after how many seconds."""
    print(f"{time.monotonic() - began:4.0f} s: {what}", file=sys.stderr)

def intro(seal):
    version = seal("--version").stdout.strip()
    day = datetime.date.today().isoformat()
    return f"""# Interop atlas

Sealwire beside programs that others wrote, each as client against `seal serve` and as server against `seal connect`, with
certificates of `seal ca`. Written by `just interop` on {day} with {version} on Debian 12; not edited. Peers are pinned in
`interop/pins.txt`; those of Debian are as installed.

Each cell is a connection: the certificate has this kind of key, is for an address (127.0.0.1), the client shows a
certificate, or speaks TLS 1.2 only. *Speaks* is what both agreed on by default; *resumes*: a second connection of the same
client resumed the session of the first ("-": it makes no second one here, or it cannot be told). "no" there is
theirs: Deno keeps no sessions between its calls, NSS's server gives no tickets, and Bun's gives them with its first data,
for which `seal connect --reconnect` does not wait; Go's proxies keep none. "-" in other columns: the peer has no way to say so. Each "no" has a
number, and below whose it is.
"""

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seal", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--print", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args()
    seal = Seal(options.seal)
    work = tempfile.mkdtemp(prefix="interop-")
    os.chmod(work, 0o755)
    modules = os.path.abspath("node_modules")
    os.chdir(work)
    os.symlink(modules, "node_modules")
    material.make(seal)
    told("certificates")
    # Threads that want it at once would start it twice.
    theirs.J("java.lang.Object")
    page = Page()
    wanted = lambda name: not options.only or re.search(options.only, name)
    every = theirs.clients()
    def client(name):
        version, client, *how = every[name]
        row = as_client(seal, client, **(how[0] if how else {}))
        told(f"client {name}")
        return version, *row
    rows = at_once(client, [name for name, (version, *_) in every.items() if version and wanted(name)])
    page.table("client", "As clients of `seal serve`", COLUMNS, rows)
    absent = [name for name, (version, *_) in every.items() if not version]
    servers = others.servers(every)
    def server(name):
        version, server = servers[name]
        row = as_server(seal, name, server)
        told(f"server {name}")
        return version, *row
    rows = at_once(server, [name for name, (version, _) in servers.items() if version and wanted(name)])
    page.table("server", "As servers of `seal connect`", COLUMNS, rows)
    if wanted("starttls"):
        told("starttls")
        page.plain("starttls", "Asking `seal tunnel server --starttls` for TLS", list(starttls.GREETINGS), starttls.asked(seal))
        rows = starttls_servers.ours(seal)
        page.plain("starttls", "Asking servers for TLS", list(rows["`seal connect`"]), rows)
    if wanted("files"):
        told("files")
        page.plain("files", "Key files and PFX files of `seal`, read by others", list(KINDS), files.read_by_others())
        page.plain("files", "Key files and PFX files of others, read by `seal`", list(KINDS), files.read_by_us(seal))
    if wanted("databases"):
        told("databases")
        page.plain("databases", "PostgreSQL 18.4 behind `seal tunnel client --starttls postgres`", ["SCRAM", "md5", "trust"], databases.drivers(seal))
    lines = [intro(seal), *page.text, "## Whose each \"no\" is", ""]
    lines += [f"{number}. {note}" for number, note in enumerate(page.notes, 1)]
    if absent:
        lines += ["", "Not there when this was written: " + ", ".join(absent) + "."]
    text = "\n".join(lines) + "\n"
    if options.print or options.only:
        print(text)
    elif not page.unknown:
        open(options.out, "w").write(text)
    shutil.rmtree(work, ignore_errors=True)
    for one in page.unknown:
        print("no reason is known:", one, file=sys.stderr)
    sys.stderr.flush()
    # Java keeps threads.
    os._exit(bool(page.unknown))

main()
