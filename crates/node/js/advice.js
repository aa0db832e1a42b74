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
  CERT_HAS_EXPIRED: 'renew it, or correct the clock of this machine',
  CERT_NOT_YET_VALID: 'look at the clock of this machine',
  CERT_SIGNATURE_FAILURE: 'the certificate was changed, or another CA has the same name: look at `ca`',
  CERT_REVOKED: 'its issuer revoked it',
  UNABLE_TO_GET_CRL: 'give a revocation list of every issuer in the chain as `crl`',
  CRL_HAS_EXPIRED: 'fetch the current revocation list of the issuer',
  INVALID_PURPOSE: 'it needs an extended key usage of serverAuth for a server, clientAuth for a client',
  ERR_TLS_CERT_ALTNAME_INVALID: 'connect by a name in the certificate, or pass one as `servername`',
  EE_KEY_TOO_SMALL: 'generate a new key: RSA of 2048 bits or P-256',
  CA_KEY_TOO_SMALL: 'generate a new key: RSA of 2048 bits or P-256',
  CA_MD_TOO_WEAK: 'have it signed again, with SHA-256',
  ERR_SSL_WRONG_VERSION_NUMBER: 'check the port, or use its protocol without TLS',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client must send a certificate: `key` and `cert`, or `pfx`',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'give a client certificate: `key` and `cert`, or `pfx`',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the peer does not trust the issuer of our certificate: add it to the CAs that the peer trusts',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the server does not serve this name: pass another `servername`',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'give other `ALPNProtocols`, or none',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer supports only TLS 1.1 or older, or versions that are disabled',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the peer supports no version between `minVersion` and `maxVersion`',
};

/** Gives an error its evidence, and advice where there is some. */
function explain(error, evidence) {
  Object.defineProperty(error, 'evidence', { value: evidence, configurable: true, writable: true });
  const advice = ADVICE[error.code];
  if (advice) Object.defineProperty(error, 'advice', { value: advice, configurable: true, writable: true });
  return error;
}

module.exports = { explain };
