"""Whose each "no" is. A "no" that is not here makes the program fail: it is ours until it is known to be another's."""
import re

ML_DSA = "theirs: no ML-DSA in this version's TLS (OpenSSL has it since 3.5, Node since 25 or so, AWS-LC; Java 25 in certificates and not in TLS)"
PSS_KEYS = "theirs: BoringSSL and rustls have no scheme for RSA-PSS keys (rsa_pss_pss_*), only RSASSA-PSS by ordinary RSA keys"
ED25519 = "theirs: BoringSSL leaves Ed25519 out of the schemes that it offers by default"
LIMITS = ("theirs: mbedTLS 2.28 cannot read a CA with critical name constraints, as RFC 5280 wants them and ours has by default; one of "
          "`seal ca init --unconstrained` it reads")
KEY_FILES = "theirs: no ML-DSA keys in this version"

# (client or server, peer, column, what it says): why. Patterns; the first that fits counts.
KNOWN = [
    ("client", "Bun|BoringSSL", "ML-DSA", "(?i)handshake.?fail|PROTOCOL_FAILURE", "theirs: BoringSSL offers no ML-DSA by default, though Bun's server signs with it"),
    ("client", "OpenSSL 3.0|Python|curl|Java|GnuTLS|Bun|Deno|BoringSSL|NSS", "ML-DSA", "(?i)handshake.?fail|PROTOCOL_FAILURE|NO_CYPHER_OVERLAP", ML_DSA),
    ("client", "Bun|Deno|BoringSSL", "RSA-PSS", "(?i)handshake.?failure|PROTOCOL_FAILURE", PSS_KEYS),
    ("client", "BoringSSL", "Ed25519", "(?i)handshake.?failure|PROTOCOL_FAILURE", ED25519),
    ("client", "NSS", "Ed25519|RSA-PSS", "NO_CYPHER_OVERLAP", "theirs: NSS 3.87 offers neither Ed25519 nor, to servers, keys of RSA-PSS"),
    ("server", "OpenSSL 3.0|GnuTLS|NSS|Go|Deno|Python|Java", "ML-DSA", "the server: |handshake_failure|nothing listens", ML_DSA),
    ("server", "Bun|Deno", "RSA-PSS", "the server: ", PSS_KEYS),
    ("server", "Go", "ML-DSA|RSA-PSS", "the server: |closed the connection in the middle", "theirs: Go's TLS has no ML-DSA yet, and no keys of "
     "RSA-PSS; Traefik closes every connection then"),
    ("server", "Bun", "client certificate", "closed the connection", "both: below a CA that is limited to names, as ours is by default, BoringSSL's "
     "servers want a subjectAltName in a client's certificate whose common name might be a host name (`interop`), and refuse it otherwise; issue "
     "it for a mailbox (`seal ca issue --client ops@interop.test`) or with blanks in its name"),
    ("server", "NSS", "Ed25519|RSA-PSS", "the server: |handshake_failure", "theirs: NSS 3.87 signs with neither Ed25519 nor keys of RSA-PSS in TLS"),
    ("client", "Go", "ML-DSA|RSA-PSS", "handshake.failure", "theirs: Go's TLS has no ML-DSA yet, and no keys of RSA-PSS"),
    ("client", "mbedTLS$", ".", "0x2562", LIMITS),
    ("client", "mbedTLS", "Ed25519|RSA-PSS|ML-DSA", ".", "theirs: mbedTLS 2.28 has RSA and ECDSA only"),
    ("client", "mbedTLS", "address", ".", "theirs: mbedTLS 2.28 compares DNS names only"),
    ("client", "wolfSSL", "ML-DSA", "alert", "theirs: no ML-DSA in wolfSSL 5.5"),
    ("client", "wolfSSL$", ".", "security parameter is invalid", "theirs: wolfSSL 5.5 breaks off TLS 1.3 at a session ticket whose nonce is longer than 8 bytes; "
     "ours are rustls', with 32, as RFC 8446 permits. Without tickets (the row below), and in TLS 1.2, it connects"),
    ("client", "wolfSSL", "RSA-PSS", "security parameter is invalid", "theirs: wolfSSL 5.5 refuses a server's RSA-PSS key, of OpenSSL's server as of ours"),
    ("server", "mbedTLS", "client certificate", "0x2562", LIMITS),
    ("server", "mbedTLS", "Ed25519|RSA-PSS|ML-DSA", "the server: ", "theirs: mbedTLS 2.28 has RSA and ECDSA only"),
    ("server", "wolfSSL", "ML-DSA", "the server: ", "theirs: no ML-DSA in wolfSSL 5.5"),
    ("server", "wolfSSL", "RSA-PSS", "UnsupportedSignatureAlgorithm", "theirs: wolfSSL 5.5 signs with an RSA-PSS key as with an RSA key (rsa_pss_rsae_*)"),
    ("server", "wolfSSL", "client certificate", "bad_certificate", "theirs: below a CA that is limited to DNS names, wolfSSL 5.5 wants one in every "
     "certificate, of clients, too; issue it with one (`seal ca issue --client interop.test`)"),
    ("files", "key: (OpenSSL 3.0|GnuTLS)|PFX: OpenSSL 3.0", "ML-DSA", ".", KEY_FILES),
    ("files", "PFX: cryptography", "ML-DSA", "unexpected tag|its own", "theirs: cryptography 50 takes ML-DSA keys in PEM and not in PFX files"),
    ("files", "key: cryptography", "ML-DSA", "its own", "theirs: cryptography 50 writes no encrypted ML-DSA key"),
    ("files", "PFX: Java", "ML-DSA", "Cannot parse input", "theirs: Java 25 reads only the expanded form of an ML-DSA key; `seal key convert --ml-dsa-form expanded` writes it"),
    ("files", "PFX: GnuTLS", "ML-DSA", "its own", KEY_FILES),
]

def because(side, peer, column, said):
    for one in KNOWN:
        if all(re.search(pattern, text) for pattern, text in zip(one[:4], (side, peer, column, said))):
            return one[4]
    return None
