//! What every verification code means and what to do about it.

/// A verification code, explained.
pub(crate) struct Explained {
    /// OpenSSL's name without `X509_V_ERR_`, or Node's.
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) remedy: &'static str,
}

const fn code(name: &'static str, meaning: &'static str, remedy: &'static str) -> Explained {
    Explained { name, meaning, remedy }
}

const REISSUE: &str =
    "Have the certificate issued again, correctly; `seal cert lint` lists its faults.";
const DAMAGED: &str = "Fetch the file again; if it is unchanged, have its issuer issue it again.";
const FETCH_LIST: &str =
    "Fetch the current list from the issuer (`seal cert show` prints its address).";
const OWN_LIST: &str = "Ask the issuer for a correct list: this one proves nothing.";
const STRONGER: &str =
    "Issue it again with an RSA key of at least 2048 bits or a P-256 key, and SHA-256.";
const NOT_HERE: &str =
    "Not reported by sealwire: OpenSSL checks this only when a program asks for it.";
const STRICT: &str = "Not reported by sealwire: OpenSSL checks this only with -x509_strict.";

/// In the order of OpenSSL's numbers, then Node's and our own.
#[rustfmt::skip]
pub(crate) static CODES: [Explained; 97] = [
    code("OK", "The chain was verified: no error.", "Nothing."),
    code("UNSPECIFIED", "Verification failed for a reason that has no code of its own.", "Read the evidence beside the code; it names the certificate."),
    code("UNABLE_TO_GET_ISSUER_CERT", "A certificate in the trust store is not a root, and its own issuer is not there; or the peer sent no certificate.", "Add the root that issued it to the trust store (--ca), or allow partial chains."),
    code("UNABLE_TO_GET_CRL", "Revocation checking is on, and there is no usable list for one certificate of the chain.", "Give a revocation list of every issuer in the chain (--crl)."),
    code("UNABLE_TO_DECRYPT_CERT_SIGNATURE", "The signature of a certificate could not be recovered with its issuer's key.", DAMAGED),
    code("UNABLE_TO_DECRYPT_CRL_SIGNATURE", "The signature of a revocation list could not be recovered with its issuer's key.", OWN_LIST),
    code("UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "The public key of an issuer cannot be read, or is of a kind that is not supported.", "Use an issuer with an RSA, ECDSA, Ed25519 or ML-DSA key."),
    code("CERT_SIGNATURE_FAILURE", "The signature of a certificate is not its issuer's: the certificate was changed, or another CA has the same name.", "Compare the file of --ca with the CA that really issued the certificate."),
    code("CRL_SIGNATURE_FAILURE", "The signature of a revocation list is not its issuer's.", OWN_LIST),
    code("CERT_NOT_YET_VALID", "A certificate is used before its notBefore time.", "Check the clock of this machine, then the validity of the certificate."),
    code("CERT_HAS_EXPIRED", "A certificate is used after its notAfter time.", "Renew it, or correct the clock of this machine. The evidence names the certificate: it may be an intermediate or a root."),
    code("CRL_NOT_YET_VALID", "A revocation list is used before its thisUpdate time.", "Check the clock of this machine."),
    code("CRL_HAS_EXPIRED", "A revocation list is used after its nextUpdate time.", FETCH_LIST),
    code("ERROR_IN_CERT_NOT_BEFORE_FIELD", "The notBefore field of a certificate is not a time.", REISSUE),
    code("ERROR_IN_CERT_NOT_AFTER_FIELD", "The notAfter field of a certificate is not a time.", REISSUE),
    code("ERROR_IN_CRL_LAST_UPDATE_FIELD", "The thisUpdate field of a revocation list is not a time.", OWN_LIST),
    code("ERROR_IN_CRL_NEXT_UPDATE_FIELD", "The nextUpdate field of a revocation list is not a time.", OWN_LIST),
    code("OUT_OF_MEM", "Memory ran out; also reported for a common name whose encoding is not valid.", REISSUE),
    code("DEPTH_ZERO_SELF_SIGNED_CERT", "The peer sent one self-signed certificate, and it is not in the trust store.", "To trust exactly this certificate, pass its file with --ca; else use a certificate of a CA."),
    code("SELF_SIGNED_CERT_IN_CHAIN", "The chain ends in a root that is not in the trust store.", "To trust this root, pass its file with --ca."),
    code("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "The issuer of the last certificate was neither sent by the peer nor found in the trust store.", "Configure the peer to send its intermediates, or pass the issuer's certificate with --ca."),
    code("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "The peer sent only its own certificate, and its issuer is not in the trust store.", "Configure the peer to send its intermediates, or pass the issuer's certificate with --ca."),
    code("CERT_CHAIN_TOO_LONG", "The chain is longer than the depth limit.", "Use a chain with fewer intermediates."),
    code("CERT_REVOKED", "A certificate is on its issuer's revocation list.", "Replace the certificate and its key: the issuer says that it must not be used."),
    code("NO_ISSUER_PUBLIC_KEY", "The certificate of an issuer has no public key.", REISSUE),
    code("PATH_LENGTH_EXCEEDED", "There are more CAs below a CA than its pathLenConstraint allows.", "Issue from a CA that is allowed intermediates, or without the extra intermediate."),
    code("INVALID_PURPOSE", "A certificate is not for what it is used for: its extended key usage lacks serverAuth (for a server) or clientAuth (for a client).", "Have it issued with that extended key usage."),
    code("CERT_UNTRUSTED", "A root of the trust store is not trusted for this use.", "Use a trust store in which the root is trusted for servers or clients, as needed."),
    code("CERT_REJECTED", "A root of the trust store is marked as rejected for this use.", "Use another root: this one was marked as rejected."),
    code("SUBJECT_ISSUER_MISMATCH", "The subject of a candidate is not the issuer that a certificate names.", "The issuer's certificate is missing: add it."),
    code("AKID_SKID_MISMATCH", "The key identifier of a candidate is not the one that the certificate names as its issuer's.", "Add the certificate of the issuer that has this key."),
    code("AKID_ISSUER_SERIAL_MISMATCH", "The issuer and serial number of a candidate are not those that the certificate names.", "Add the certificate of the issuer that it names."),
    code("KEYUSAGE_NO_CERTSIGN", "The keyUsage of an issuer does not include certificate signing.", "Issue from a CA whose keyUsage has keyCertSign."),
    code("UNABLE_TO_GET_CRL_ISSUER", "The certificate of a revocation list's issuer is not there.", "Add the certificate that signed the list."),
    code("UNHANDLED_CRITICAL_EXTENSION", "A certificate has a critical extension that is unknown to the verifier, which must refuse it.", "Have it issued without the extension, or with it not critical."),
    code("KEYUSAGE_NO_CRL_SIGN", "The keyUsage of a list's issuer does not include signing revocation lists.", "Sign the list with a CA whose keyUsage has cRLSign."),
    code("UNHANDLED_CRITICAL_CRL_EXTENSION", "A revocation list has a critical extension that the verifier does not know.", OWN_LIST),
    code("INVALID_NON_CA", "A certificate that must not be a CA's has the marks of one.", REISSUE),
    code("PROXY_PATH_LENGTH_EXCEEDED", "There are more proxy certificates (RFC 3820) than allowed.", NOT_HERE),
    code("KEYUSAGE_NO_DIGITAL_SIGNATURE", "The keyUsage of a certificate does not include digital signatures.", "Have it issued with digitalSignature in its keyUsage."),
    code("PROXY_CERTIFICATES_NOT_ALLOWED", "The chain holds a proxy certificate (RFC 3820).", "Use a certificate of a CA: proxy certificates are not accepted."),
    code("INVALID_EXTENSION", "An extension of a certificate cannot be read, or contradicts another.", REISSUE),
    code("INVALID_POLICY_EXTENSION", "A policy extension of a certificate cannot be read, or contradicts another.", REISSUE),
    code("NO_EXPLICIT_POLICY", "A policy is required, by an option or by a CA of the chain, and none holds for the chain.", "Have it issued under the policy, or do not require it (--policy)."),
    code("DIFFERENT_CRL_SCOPE", "A revocation list is about other certificates: only CAs, only some reasons, another distribution point.", "Give the list that covers this certificate."),
    code("UNSUPPORTED_EXTENSION_FEATURE", "An extension of a certificate uses a feature that is not supported.", REISSUE),
    code("UNNESTED_RESOURCE", "The IP or AS resources (RFC 3779) of a certificate are not within its issuer's.", "Have it issued by the holder of the resources."),
    code("PERMITTED_VIOLATION", "A name of the certificate is outside the names that a CA above is permitted to sign for.", "Have it issued by another CA, or make a new CA with the name permitted."),
    code("EXCLUDED_VIOLATION", "A name of the certificate is among the names that a CA above must not sign for.", "Have it issued by another CA."),
    code("SUBTREE_MINMAX", "A name constraint has a minimum or maximum, which no verifier supports.", "Make a new CA without them."),
    code("APPLICATION_VERIFICATION", "The application rejected the certificate.", "Ask the author of the application."),
    code("UNSUPPORTED_CONSTRAINT_TYPE", "A CA is constrained in names of a kind that is not supported.", "Make a new CA with constraints on DNS names, e-mail or IP addresses."),
    code("UNSUPPORTED_CONSTRAINT_SYNTAX", "A name constraint of a CA is malformed.", "Make a new CA: DNS constraints are names without a wildcard, addresses have a mask."),
    code("UNSUPPORTED_NAME_SYNTAX", "A name of a certificate is malformed, so that it cannot be compared with the constraints of its CA.", REISSUE),
    code("CRL_PATH_VALIDATION_ERROR", "The certificate that signed a revocation list is not trusted itself.", "Add the chain of the list's signer."),
    code("PATH_LOOP", "The chain goes round in a circle.", "Remove the cross-certificate that closes the circle."),
    code("SUITE_B_INVALID_VERSION", "Suite B requires X.509 v3.", NOT_HERE),
    code("SUITE_B_INVALID_ALGORITHM", "Suite B requires ECDSA keys.", NOT_HERE),
    code("SUITE_B_INVALID_CURVE", "Suite B requires P-256 or P-384.", NOT_HERE),
    code("SUITE_B_INVALID_SIGNATURE_ALGORITHM", "Suite B requires ECDSA signatures with the digest of the curve's size.", NOT_HERE),
    code("SUITE_B_LOS_NOT_ALLOWED", "The curve is not allowed at this level of Suite B.", NOT_HERE),
    code("SUITE_B_CANNOT_SIGN_P_384_WITH_P_256", "Suite B does not let a P-256 key sign a P-384 key.", NOT_HERE),
    code("HOSTNAME_MISMATCH", "The certificate is for another host. Sealwire and Node report it as ERR_TLS_CERT_ALTNAME_INVALID.", "Connect by a name that the certificate has, or have it issued with this one."),
    code("EMAIL_MISMATCH", "The certificate is for another e-mail address.", NOT_HERE),
    code("IP_ADDRESS_MISMATCH", "The certificate is for another address. Sealwire and Node report it as ERR_TLS_CERT_ALTNAME_INVALID.", "Connect by a name that the certificate has, or have it issued with the address (IP:ADDRESS)."),
    code("DANE_NO_MATCH", "No TLSA record of the server's domain matches the certificate.", NOT_HERE),
    code("EE_KEY_TOO_SMALL", "The key of the peer's certificate is weaker than the security level allows.", STRONGER),
    code("CA_KEY_TOO_SMALL", "The key of a CA in the chain is weaker than the security level allows.", STRONGER),
    code("CA_MD_TOO_WEAK", "A certificate of the chain is signed with a digest weaker than the security level allows, such as SHA-1.", STRONGER),
    code("INVALID_CALL", "The verifier was called without what it needs: a fault of the program.", "Report it to the author of the program."),
    code("STORE_LOOKUP", "The trust store could not be searched.", "Check that the files of the trust store can be read."),
    code("NO_VALID_SCTS", "Certificate Transparency was required, and no valid SCT was received.", NOT_HERE),
    code("PROXY_SUBJECT_NAME_VIOLATION", "The subject of a proxy certificate is not its issuer's with one name more.", NOT_HERE),
    code("OCSP_VERIFY_NEEDED", "An OCSP response was required, and none was received.", NOT_HERE),
    code("OCSP_VERIFY_FAILED", "The OCSP response does not hold.", NOT_HERE),
    code("OCSP_CERT_UNKNOWN", "The OCSP responder does not know the certificate.", NOT_HERE),
    code("UNSUPPORTED_SIGNATURE_ALGORITHM", "The algorithm of a certificate's signature is not known.", "Have it issued with SHA-256 and RSA or ECDSA."),
    code("SIGNATURE_ALGORITHM_MISMATCH", "The algorithm of a certificate's signature does not go with the key of its issuer.", "The issuer's certificate is another's: compare the file of --ca."),
    code("SIGNATURE_ALGORITHM_INCONSISTENCY", "A certificate names two different algorithms for one signature.", DAMAGED),
    code("INVALID_CA", "A certificate that issued another is not a CA's: its basicConstraints lack CA:TRUE.", "In the certificate file, the leaf goes first and behind it the CAs that signed it; issue only from a CA."),
    code("PATHLEN_INVALID_FOR_NON_CA", "A certificate that is not a CA's has a pathLenConstraint.", STRICT),
    code("PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", "A CA has a pathLenConstraint, and its keyUsage lacks keyCertSign.", STRICT),
    code("KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", "A certificate that is not a CA's has keyCertSign in its keyUsage.", STRICT),
    code("ISSUER_NAME_EMPTY", "The issuer's name is empty.", STRICT),
    code("SUBJECT_NAME_EMPTY", "The subject of a CA is empty.", STRICT),
    code("MISSING_AUTHORITY_KEY_IDENTIFIER", "A certificate has no authorityKeyIdentifier.", STRICT),
    code("MISSING_SUBJECT_KEY_IDENTIFIER", "A CA has no subjectKeyIdentifier.", STRICT),
    code("EMPTY_SUBJECT_ALT_NAME", "The subjectAltName extension has no name in it.", STRICT),
    code("EMPTY_SUBJECT_SAN_NOT_CRITICAL", "The subject is empty, and the subjectAltName is not critical.", STRICT),
    code("CA_BCONS_NOT_CRITICAL", "The basicConstraints of a CA are not critical.", STRICT),
    code("AUTHORITY_KEY_IDENTIFIER_CRITICAL", "The authorityKeyIdentifier is critical.", STRICT),
    code("SUBJECT_KEY_IDENTIFIER_CRITICAL", "The subjectKeyIdentifier is critical.", STRICT),
    code("CA_CERT_MISSING_KEY_USAGE", "A CA has no keyUsage.", STRICT),
    code("EXTENSIONS_REQUIRE_VERSION_3", "A certificate with extensions is not X.509 v3.", STRICT),
    code("EC_KEY_EXPLICIT_PARAMS", "An EC key describes its curve by parameters and not by name (RFC 5480 forbids it).", "Make a new key with a named curve: `seal key new`."),
    code("ERR_TLS_CERT_ALTNAME_INVALID", "The certificate is for other names than the requested one. Node's code; OpenSSL says HOSTNAME_MISMATCH.", "Connect by a name in the certificate, or have it issued with this one; --servername requests another name than the host's."),
    code("PINNED_KEY_MISMATCH", "No key of the chain is one of those that were pinned. A code of sealwire's own.", "The server has a new key, or the connection is intercepted: ask the server's operator before pinning it."),
];
