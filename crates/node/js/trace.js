'use strict';

// `enableTrace` and --trace-tls: what goes over a connection, on stderr. Where the host's OpenSSL speaks
// it, that tells it in its own words; otherwise the records are told here, each with its header and, as
// long as they are not encrypted, the names of the handshake messages in it.

const flags = require('./flags');
const { writeToStderr } = require('./internals');

const CONTENT = {
  20: 'ChangeCipherSpec', 21: 'Alert', 22: 'Handshake', 23: 'ApplicationData', 24: 'Heartbeat',
};
const VERSIONS = { 0x300: 'SSL 3.0', 0x301: 'TLS 1.0', 0x302: 'TLS 1.1', 0x303: 'TLS 1.2', 0x304: 'TLS 1.3' };
const MESSAGES = {
  0: 'HelloRequest', 1: 'ClientHello', 2: 'ServerHello', 4: 'NewSessionTicket', 8: 'EncryptedExtensions',
  11: 'Certificate', 12: 'ServerKeyExchange', 13: 'CertificateRequest', 14: 'ServerHelloDone',
  15: 'CertificateVerify', 16: 'ClientKeyExchange', 20: 'Finished', 22: 'CertificateStatus',
  24: 'KeyUpdate',
};
const HEADER = 5;
/** As the host's OpenSSL begins its account of one. */
const RECORD = process.versions.openssl?.startsWith('3.0') ? 'Record' : 'TLS Record';

const wanted = flags.isOn('trace-tls');
let warned = false;

/** Whether the switch is on, for every connection of the process. */
function isWanted() {
  if (wanted && !warned) {
    warned = true;
    process.emitWarning('Enabling --trace-tls can expose sensitive data in the resulting log.');
  }
  return wanted;
}

/** Both directions of a connection, as seen at its transport. */
class Trace {
  #lines = [];
  #sent = new Direction('Sent', this.#lines);
  #received = new Direction('Received', this.#lines);

  sent(bytes) {
    this.#sent.see(bytes);
  }

  received(bytes) {
    this.#received.see(bytes);
  }

  /** Tells what was seen since the last time, in OpenSSL's `words` where there are any. */
  tell(words) {
    const seen = this.#lines.splice(0);
    const text = words ? words.toString() : seen.join('');
    if (text !== '') writeToStderr(text.trimEnd());
  }
}

class Direction {
  #direction;
  #told;
  #pending = Buffer.alloc(0);
  #encrypted = false;

  constructor(direction, told) {
    this.#direction = direction;
    this.#told = told;
  }

  see(bytes) {
    let rest = Buffer.concat([this.#pending, bytes]);
    while (rest.length >= HEADER) {
      const length = rest.readUInt16BE(3);
      if (rest.length < HEADER + length) break;
      this.#tell(rest.readUInt8(0), rest.readUInt16BE(1), rest.subarray(HEADER, HEADER + length));
      rest = rest.subarray(HEADER + length);
    }
    // What follows is not TLS if its header says more than a record can hold.
    this.#pending = rest.length > 0x4800 + HEADER ? Buffer.alloc(0) : Buffer.from(rest);
  }

  #tell(type, version, body) {
    const lines = [
      `${this.#direction} ${RECORD}`,
      'Header:',
      `  Version = ${VERSIONS[version] ?? 'unknown'} (0x${version.toString(16)})`,
      `  Content Type = ${CONTENT[type] ?? 'unknown'} (${type})`,
      `  Length = ${body.length}`,
    ];
    if (this.#encrypted) lines.push('    (encrypted)');
    else if (type === 22) lines.push(...messages(body));
    else if (type === 21) lines.push(`    Level=${body[0]}, Description=${body[1]}`);
    if (type === 20 || type === 23) this.#encrypted = true;
    this.#told.push(`${lines.join('\n')}\n\n`);
  }
}

function messages(body) {
  const lines = [];
  for (let at = 0; at + 4 <= body.length;) {
    const length = body.readUIntBE(at + 1, 3);
    lines.push(`    ${MESSAGES[body[at]] ?? `message ${body[at]}`}, Length=${length}`);
    at += 4 + length;
  }
  return lines;
}

module.exports = { Trace, isWanted };
