"""What python's cryptography reads in the files of a folder: one JSON object a line.

Usage: judge.py FOLDER
"""

import json
import os
import sys
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

warnings.simplefilter("ignore")
PASSPHRASES = [None, b"", b"password", b"123456", b"cryptography", b"a123456", b"foobar",
               b"changeit", b"asdf", b"Passw0rd", b"hunter2"]


def seconds(moment):
    return int(moment.timestamp())


def key_facts(key):
    name = type(key).__name__.lower()
    for part in ("public", "private", "key", "_", "openssl"):
        name = name.replace(part, "")
    curve = getattr(key, "curve", None)
    return {"type": name, "bits": getattr(key, "key_size", 0), "curve": curve.name if curve else ""}


def attempt(function):
    try:
        return function()
    except Exception:
        return None


def certificate(it):
    key = attempt(lambda: key_facts(it.public_key()))
    names = attempt(lambda: len(it.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value))
    return {
        "serial": format(abs(it.serial_number), "x"),
        "start": seconds(it.not_valid_before_utc),
        "end": seconds(it.not_valid_after_utc),
        "attributes": [a.value if isinstance(a.value, str) else "" for a in attempt(lambda: list(it.subject)) or []],
        "names": names,
        "key": key,
        "signature": it.signature_algorithm_oid.dotted_string,
    }


def request(it):
    return {
        "attributes": [a.value if isinstance(a.value, str) else "" for a in it.subject],
        "key": attempt(lambda: key_facts(it.public_key())),
        "good": attempt(lambda: it.is_signature_valid),
    }


def revocation_list(it):
    number = attempt(lambda: it.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
    return {
        "start": seconds(it.last_update_utc),
        "end": seconds(it.next_update_utc) if it.next_update_utc else None,
        "number": None if number is None else format(number, "x"),
    }


def with_passphrase(load):
    for passphrase in PASSPHRASES:
        try:
            return passphrase, load(passphrase)
        except Exception:
            continue
    return None, None


def records(path, data):
    pem = b"-----BEGIN " in data
    if pem:
        for kind, load, facts in (
            ("certificate", x509.load_pem_x509_certificate, certificate),
            ("request", x509.load_pem_x509_csr, request),
            ("list", x509.load_pem_x509_crl, revocation_list),
        ):
            it = attempt(lambda: load(data))
            described = None if it is None else attempt(lambda: facts(it))
            if described:
                yield kind, None, described
        passphrase, key = with_passphrase(
            lambda p: serialization.load_pem_private_key(data, p))
        if key:
            yield "key", passphrase, key_facts(key)
        return
    passphrase, it = with_passphrase(lambda p: pkcs12.load_pkcs12(data, p))
    if it:
        others = len(it.additional_certs)
        yield "pfx", passphrase, {
            "key": bool(it.key), "certificates": others + (1 if it.cert else 0)}
        return
    for kind, load, facts in (
        ("certificate", x509.load_der_x509_certificate, certificate),
        ("request", x509.load_der_x509_csr, request),
        ("list", x509.load_der_x509_crl, revocation_list),
    ):
        it = attempt(lambda: load(data))
        described = None if it is None else attempt(lambda: facts(it))
        if described:
            yield kind, None, described
            return
    passphrase, key = with_passphrase(lambda p: serialization.load_der_private_key(data, p))
    if key:
        yield "key", passphrase, key_facts(key)


for folder, _, files in sorted(os.walk(sys.argv[1])):
    for name in sorted(files):
        path = os.path.join(folder, name)
        if os.path.getsize(path) > 1 << 20 or name.endswith((".py", ".txt", ".rsp", ".eml")):
            continue
        with open(path, "rb") as file:
            data = file.read()
        for kind, passphrase, facts in records(path, data):
            print(json.dumps({
                "path": path,
                "kind": kind,
                "passphrase": None if passphrase is None else passphrase.decode(),
                "facts": facts,
            }))
