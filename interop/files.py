"""Key files and PFX files, each way."""
import os, sys
from concurrent.futures import ThreadPoolExecutor

from clients import J, NODE, first_line, java_store, run
from material import KINDS, stem

def outcome(ran, pattern="rror|nvalid"):
    return "" if ran.returncode == 0 else first_line(ran, pattern)

def in_python(code, *arguments):
    return outcome(run([sys.executable, "-c", code, *arguments]))

PYTHON_KEY = "import sys\nfrom cryptography.hazmat.primitives import serialization as s\ns.load_pem_private_key(open(sys.argv[1], 'rb').read(), None)"
PYTHON_PFX = "import sys\nfrom cryptography.hazmat.primitives.serialization import pkcs12\nassert pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), b'secret')[0]"
NODE_KEY = "require('crypto').createPrivateKey(require('fs').readFileSync(process.argv[1]))"
NODE_PFX = "require('tls').createSecureContext({ pfx: require('fs').readFileSync(process.argv[1]), passphrase: 'secret' })"

def java_reads(kind):
    try:
        store = java_store(kind + ".p12")
        store.getKey(store.aliases().nextElement(), J("java.lang.String")("secret").toCharArray())
        return ""
    except (J("java.security.GeneralSecurityException"), J("java.io.IOException")) as error:
        return str(error.getMessage())

def read_by_others():
    key, pfx = (lambda kind: stem(kind) + ".key"), (lambda kind: stem(kind) + ".p12")
    ways = {
        "key: OpenSSL 3.0": lambda kind: outcome(run(["openssl", "pkey", "-in", key(kind), "-noout"])),
        "key: cryptography (OpenSSL 4)": lambda kind: in_python(PYTHON_KEY, key(kind)),
        "key: Node": lambda kind: outcome(run([NODE, "-e", NODE_KEY, key(kind)])),
        "key: GnuTLS": lambda kind: outcome(run(["certtool", "-k", "--infile", key(kind)])),
        "PFX: OpenSSL 3.0": lambda kind: outcome(run(["openssl", "pkcs12", "-in", pfx(kind), "-passin", "pass:secret", "-nodes"])),
        "PFX: cryptography (OpenSSL 4)": lambda kind: in_python(PYTHON_PFX, pfx(kind)),
        "PFX: Node": lambda kind: outcome(run([NODE, "-e", NODE_PFX, pfx(kind)])),
        "PFX: Java": lambda kind: java_reads(stem(kind)),
        "PFX: GnuTLS": lambda kind: outcome(run(["certtool", "--p12-info", "--inder", "--infile", pfx(kind), "--password", "secret"])),
    }
    return each_kind(ways)

def each_kind(ways):
    with ThreadPoolExecutor(6) as pool:
        return {way: dict(zip(KINDS, pool.map(read, KINDS))) for way, read in ways.items()}

MAKE_PYTHON = """
import sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography import x509
kind = sys.argv[1]
key = s.load_pem_private_key(open(kind + '.key', 'rb').read(), None)
certificate = x509.load_pem_x509_certificate(open(kind + '.pem', 'rb').read())
open(kind + '.theirs.key', 'wb').write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b'secret')))
open(kind + '.theirs.p12', 'wb').write(pkcs12.serialize_key_and_certificates(b'x', key, certificate, None, s.BestAvailableEncryption(b'secret')))
"""

def written_by_java(kind):
    try:
        store = java_store(kind + ".p12")
        new = J("java.security.KeyStore").getInstance("PKCS12")
        new.load(None, None)
        alias, secret = store.aliases().nextElement(), J("java.lang.String")("secret").toCharArray()
        new.setKeyEntry("x", store.getKey(alias, secret), secret, store.getCertificateChain(alias))
        out = J("java.io.FileOutputStream")(os.path.abspath(kind + ".theirs.p12"))
        new.store(out, secret)
        out.close()
        return ""
    except (J("java.security.GeneralSecurityException"), J("java.io.IOException")) as error:
        return str(error.getMessage())

def read_by_us(seal):
    def ours(verb, name):
        named = ["--key", name] if verb == "key" else [name]
        ran = seal(verb, "show", *named, "--passphrase-file", "secret", check=False)
        return "" if ran.returncode == 0 else ran.stderr.strip()
    def openssl(kind, verb, *command):
        made = outcome(run(["openssl", *command]))
        return f"its own: {made}" if made else ours(verb, kind + (".theirs.p12" if verb == "pfx" else ".theirs.key"))
    def cryptography(kind, verb, ending):
        made = in_python(MAKE_PYTHON, kind)
        return f"its own: {made}" if made else ours(verb, kind + ".theirs." + ending)
    def java(kind):
        made = written_by_java(kind)
        return f"its own: {made}" if made else ours("pfx", kind + ".theirs.p12")
    def gnutls(kind):
        made = outcome(run(["certtool", "--to-p12", "--load-privkey", kind + ".key", "--load-certificate", kind + ".pem",
                            "--p12-name", "x", "--password", "secret", "--outder", "--outfile", kind + ".theirs.p12"]))
        return f"its own: {made}" if made else ours("pfx", kind + ".theirs.p12")
    ways = {
        "key: OpenSSL 3.0": lambda kind: openssl(kind, "key", "pkcs8", "-topk8", "-in", kind + ".key", "-out", kind + ".theirs.key", "-passout", "pass:secret"),
        "key: cryptography (OpenSSL 4)": lambda kind: cryptography(kind, "key", "key"),
        "PFX: OpenSSL 3.0": lambda kind: openssl(kind, "pfx", "pkcs12", "-export", "-in", kind + ".pem", "-inkey", kind + ".key",
                                                 "-out", kind + ".theirs.p12", "-passout", "pass:secret"),
        "PFX: cryptography (OpenSSL 4)": lambda kind: cryptography(kind, "pfx", "p12"),
        "PFX: Java": java,
        "PFX: GnuTLS": gnutls,
    }
    return each_kind({way: lambda kind, read=read: read(stem(kind)) for way, read in ways.items()})
