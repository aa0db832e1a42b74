#!/bin/sh
# Makes the certificates of the tests, good for a hundred years. Run once; the files are kept.
set -eu
cd "$(dirname "$0")/certificates"
days=36500
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1-key.pem"; }
leaf() { # name, subject, extensions, days
  openssl req -new -key "$1-key.pem" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" > ext
  openssl x509 -req -in "$1.csr" -CA ca-cert.pem -CAkey ca-key.pem -extfile ext -days "$4" \
    -set_serial "0x$(openssl rand -hex 16)" -out "$1-cert.pem"
  rm "$1.csr" ext
}
key ca
openssl req -x509 -new -key ca-key.pem -subj '/O=Sealwire tests/CN=Test root' -days $days \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign -out ca-cert.pem
key server
leaf server /CN=localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' $days
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-key.pem
leaf rsa /CN=localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1' $days
key named
leaf named /CN=named.example 'subjectAltName=DNS:named.example' $days
key client
leaf client '/O=Sealwire tests/CN=a client' 'extendedKeyUsage=clientAuth' $days
key stranger
openssl req -x509 -new -key stranger-key.pem -subj /CN=stranger -days $days -out stranger-cert.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -in server-key.pem -out server-key-encrypted.pem
openssl pkcs12 -export -in server-cert.pem -inkey server-key.pem -certfile ca-cert.pem -passout pass:secret -out server.pfx
rm ca-key.pem
