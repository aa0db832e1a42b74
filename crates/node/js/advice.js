'use strict';

// What an error of this package says beyond Node's: `evidence`, the fact that was found, and `advice`,
// what can be done about it. Neither is enumerable, so that errors print as Node's do.

/** By codes; in words of the options of this side, which is the one that has the error. */
const ADVICE = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'to trust exactly this certificate, give it as `ca`',
  SELF_SIGNED_CERT_IN_CHAIN: 'to trust this root, give it as `ca`, or to the process by NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the peer should send its intermediates; or give the issuer\'s certificate as `ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the peer should send its intermediates; or give the issuer\'s certificate as `ca`',
  UNABLE_TO_GET_ISSUER_CERT: 'give the root that issued it as `ca`, too',
  CERT_HAS_EXPIRED: 'it has to be renewed, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'look at the clock of this machine',
  CERT_SIGNATURE_FAILURE: 'the certificate was changed, or another CA has the same name: look at `ca`',
  CERT_REVOKED: 'its issuer says that it must not be used any more',
  UNABLE_TO_GET_CRL: 'give a revocation list of every issuer in the chain as `crl`',
  CRL_HAS_EXPIRED: 'fetch the current revocation list of the issuer',
  INVALID_PURPOSE: 'it needs an extended key usage of serverAuth for a server, clientAuth for a client',
  ERR_TLS_CERT_ALTNAME_INVALID: 'connect by a name that the certificate has, or give that as `servername`',
  EE_KEY_TOO_SMALL: 'it has to be made anew, with RSA of 2048 bits or P-256',
  CA_KEY_TOO_SMALL: 'it has to be made anew, with RSA of 2048 bits or P-256',
  CA_MD_TOO_WEAK: 'it has to be signed anew, with SHA-256',
  ERR_SSL_WRONG_VERSION_NUMBER: 'look at the port, or speak the protocol that is there without TLS',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client has to show a certificate: `key` and `cert`, or `pfx`',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'give a client certificate: `key` and `cert`, or `pfx`',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the peer decides whom it trusts: it needs the issuer of our certificate',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the server has no such name: give another `servername`',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'give other `ALPNProtocols`, or none',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer speaks TLS 1.1 or older, or only versions that were ruled out',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the peer speaks none of the versions between `minVersion` and `maxVersion`',
};

/** Gives an error its evidence, and advice where there is some. */
function explain(error, evidence) {
  Object.defineProperty(error, 'evidence', { value: evidence, configurable: true, writable: true });
  const advice = ADVICE[error.code];
  if (advice) Object.defineProperty(error, 'advice', { value: advice, configurable: true, writable: true });
  return error;
}

module.exports = { explain };
