'use strict';

// What OpenSSL calls the first record of a peer that speaks no TLS. The engine tells fewer faults apart,
// and OpenSSL has told them apart otherwise from version to version: the host's counts.

const [major, minor, patch] = (process.versions.openssl ?? '').split('.').map((part) => Number.parseInt(part, 10));

const isOld = major === 3 && (minor < 5 || (minor === 5 && patch < 6));
/** OpenSSL 3.2 to 3.5.5 looks at the length before it looks at the version. */
const looksAtLengthFirst = isOld && minor >= 2;

/** The largest record that OpenSSL has room for. */
const MOST = 16384 + 256 + 64;
const METHODS = ['GET ', 'POST', 'HEAD', 'PUT '];

const REASONS = { 'http request': 156, 'packet length too long': 198, 'unexpected message': 244 };

/** The failure as the host's OpenSSL has it, if `header`, the first bytes of the peer, are to blame. */
function likeOpenssl(failure, header) {
  const reason = header?.length >= 5 ? reasonFor(failure.reason, header) : undefined;
  if (reason === undefined) return failure;
  const code = `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  return { ...failure, reason, code, number: REASONS[reason] };
}

function reasonFor(reason, header) {
  const isTooLong = header.readUInt16BE(3) > MOST;
  if (reason === 'data length too long') return isTooLong && isOld ? 'packet length too long' : undefined;
  if (reason !== 'wrong version number') return undefined;
  if (METHODS.includes(header.toString('latin1', 0, 4))) return 'http request';
  if (isTooLong && looksAtLengthFirst) return 'packet length too long';
  const isVersion3 = header[1] === 3;
  return isVersion3 && (header[0] < 20 || header[0] > 23) ? 'unexpected message' : undefined;
}

module.exports = { likeOpenssl };
