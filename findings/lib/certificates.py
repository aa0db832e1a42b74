"""Certificates for findings: a CA and leaves, each written beside its key."""
import datetime, ipaddress
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)

def name(common_name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])

def certificate(stem, subject, key, extensions, issuer=None, not_before=NOW - DAY, not_after=NOW + 30 * DAY, above=b""):
    """Writes STEM.pem and STEM-key.pem; returns (certificate, key). `above` is appended to the chain."""
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (name(subject), key)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(issuer_name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(not_before).not_valid_after(not_after)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(issuer_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    open(stem + ".pem", "wb").write(made.public_bytes(pem) + above)
    open(stem + "-key.pem", "wb").write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made, key
CA = [(x509.BasicConstraints(True, None), True),
      (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)]

def leaf(*names, named=False):
    """The extensions of a certificate; `named` when its subject is not empty."""
    alternative = [x509.IPAddress(n) if isinstance(n, ipaddress.IPv4Address) else x509.DNSName(n) for n in names]
    usage = (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
    return [(x509.BasicConstraints(False, None), True), usage] + ([(x509.SubjectAlternativeName(alternative), not named)] if names else [])
