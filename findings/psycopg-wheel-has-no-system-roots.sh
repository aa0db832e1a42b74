#!/usr/bin/env bash
# sslrootcert=system trusts nothing in psycopg's binary package.
#
# Versions: psycopg-binary 3.3.9 (libpq 18 with its own OpenSSL 3), PostgreSQL not needed.
#
# A good guess: sslrootcert=system (libpq 16 and later) means the operating system's roots, as the
# manual says; where ca-certificates is installed and curl verifies, libpq does. It turns
# verify-full on, so a failure looks like a bad certificate of the server.
#
# Seen: the OpenSSL inside the wheel looks for its roots in /usr/lib/psycopg-openssl, which no
# system has: zero certificates are found, and every server is refused with "certificate verify
# failed". With SSL_CERT_FILE in the environment the same call finds them.
#
# Why: "system" is SSL_CTX_set_default_verify_paths, so the folder compiled into that copy of
# OpenSSL; a wheel cannot know Debian's from Red Hat's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' trustme==1.2.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import ctypes, glob, os, subprocess, sys

import trustme
import psycopg

folder = os.path.join(os.path.dirname(os.path.dirname(psycopg.__file__)), "psycopg_binary.libs")
PROGRAM = '''
import ctypes, glob, sys
crypto = ctypes.CDLL(glob.glob(sys.argv[1] + "/libcrypto*")[0])
for function in ("X509_STORE_new", "X509_STORE_get0_objects", "X509_get_default_cert_file", "X509_get_default_cert_dir"):
    getattr(crypto, function).restype = ctypes.c_void_p
for function in ("X509_STORE_set_default_paths", "X509_STORE_get0_objects", "OPENSSL_sk_num"):
    getattr(crypto, function).argtypes = [ctypes.c_void_p]
store = crypto.X509_STORE_new()
crypto.X509_STORE_set_default_paths(store)
print(ctypes.string_at(crypto.X509_get_default_cert_file()).decode(), crypto.OPENSSL_sk_num(crypto.X509_STORE_get0_objects(store)))
'''
trustme.CA().cert_pem.write_to_path("roots.pem")
def default(**environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT_")}
    out = subprocess.run([sys.executable, "-c", PROGRAM, folder], capture_output=True, text=True, env={**clean, **environment}, check=True).stdout
    return out.split()

saw = default(), default(SSL_CERT_FILE=os.path.abspath("roots.pem"))
there = [path for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt") if os.path.exists(path)]
print("this system's roots:", *there or ["none installed"])
print("libpq", psycopg.pq.version(), "looks in", saw[0][0], "and finds", saw[0][1])
print("with SSL_CERT_FILE it finds", saw[1][1])
sys.exit(saw != (["/usr/lib/psycopg-openssl/cert.pem", "0"], ["/usr/lib/psycopg-openssl/cert.pem", "1"]))
PY
