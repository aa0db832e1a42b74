"""What both sides show and believe: certificates of `seal ca`, in each kind of key, in the current folder."""
import os, subprocess
from concurrent.futures import ThreadPoolExecutor

KINDS = {"RSA": "rsa:2048", "P-256": "p256", "P-384": "p384", "Ed25519": "ed25519", "RSA-PSS": "rsa-pss:2048",
         "ML-DSA-65": "ml-dsa-65"}

class Seal:
    """Our program."""
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def __call__(self, *arguments, check=True, **more):
        ran = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, timeout=120, **more)
        if check and ran.returncode:
            raise RuntimeError(f"seal {' '.join(map(str, arguments))}: {ran.stderr}")
        return ran

def stem(kind):
    return kind.lower()

def make(seal):
    """A CA, `root.pem`, and of each kind KIND.pem and KIND.key for localhost; `address.pem` for 127.0.0.1 too;
    `client.pem` for a client; each also as PFX with the passphrase `secret`. The same in `free/`, of a CA without limits, but for PFX."""
    open("secret", "w").write("secret\n")
    os.makedirs("free", exist_ok=True)
    of_one_ca(seal, "")
    of_one_ca(seal, "free/", "--unconstrained")
    os.makedirs("www", exist_ok=True)
    with open("www/index.html", "w") as page:
        page.write("hello\n")

def of_one_ca(seal, folder, *limits):
    seal("ca", "init", "--ca-dir", folder + "ca", "--name", "Interop", *limits)
    def issue(name, kind, *more):
        name = folder + name
        seal("ca", "issue", "--ca-dir", folder + "ca", "--key-kind", kind, "--cert-file", name + ".pem", "--key-file", name + ".key", *more)
        return name
    made = [issue(stem(kind), ours, "localhost") for kind, ours in KINDS.items()]
    made += [issue("address", "p256", "localhost", "127.0.0.1"), issue("client", "p256", "--client", "interop")]
    def export(name):
        seal("pfx", "export", "--cert", name + ".pem", "--key", name + ".key", "--passphrase-file", "secret", "--out", name + ".p12")
    if not limits:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(export, made))
    with open(folder + "ca/ca.pem") as ca, open(folder + "root.pem", "w") as root:
        root.write(ca.read())
