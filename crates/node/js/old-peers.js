'use strict';

// Old peers: TLS 1.0 and 1.1, CBC, RSA key exchange, DHE, pre-shared keys, renegotiation. They are
// spoken with by the OpenSSL that this Node has in itself; which options ask for that, and what the
// native side is told.

const { invalidValue, nodeError } = require('./errors');
const native = require('./native');
const validate = require('./validate');

/** Suites that only old peers need, by the names that a list may spell out. */
const OLD_SUITE = /^(?:ECDHE-(?:RSA|ECDSA)-)?(?:AES|CAMELLIA|ARIA)(?:128|256)-(?:SHA|SHA256|SHA384|CCM8?)$|^AES(?:128|256)-GCM-SHA(?:256|384)$|^(?:[A-Z]+-)?PSK-/;

/** A list with this asks for old peers, whatever else it contains. */
const NO_LEVEL = /@SECLEVEL=0$/;

let everywhere = false;
let warned = false;
let missing;

/** Has every context speak with old peers, by whatever is in its list. */
function enable() {
  const why = whyNot();
  if (why !== null) throw nodeError('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', why);
  everywhere = true;
}

/** Why this program cannot, or null. Looked for once, and only when it is asked for. */
function whyNot() {
  if (missing === undefined) missing = native.whyNoOpenssl() ?? null;
  return missing;
}

/**
 * What the options of a context ask for, or null. `words` are those of its cipher list, which is of
 * the program when it `isOwnList`.
 */
function legacyOf(options, range, words, isOwnList) {
  const { dhparam, pskCallback, pskIdentityHint, beyond } = options;
  const hasDh = dhparam !== undefined && dhparam !== null;
  if (hasDh) validate.stringOrView(dhparam, 'options.dhparam');
  const spelled = isOwnList && words.some((word) => OLD_SUITE.test(word));
  const everyClient = isOwnList && words.some((word) => NO_LEVEL.test(word));
  const isOld = everywhere || hasDh || pskCallback || spelled || everyClient || range.min < 0x303;
  if (!isOld && !beyond) return null;
  if (whyNot() !== null) {
    if (pskCallback) throw nodeError('ERR_TLS_PSK_UNSUPPORTED');
    return null;
  }
  if (isOld) warn();
  return settings({ everyClient, beyond, dhparam: hasDh ? dhparam : undefined, psk: Boolean(pskCallback), hint: pskIdentityHint });
}

function settings({ dhparam, psk, hint, everyClient, beyond }) {
  const isAuto = dhparam === 'auto';
  return {
    dhParameters: dhparam === undefined || isAuto ? undefined : checkedDh(dhparam),
    dhAuto: isAuto,
    psk,
    pskHint: hint || undefined,
    everyConnection: everywhere || beyond === 'names',
    everyClient: Boolean(everyClient),
  };
}

/** Settings for a list of which there is nothing for new peers, or null. */
function legacyForList() {
  if (whyNot() !== null) return null;
  warn();
  return settings({ psk: false });
}

function checkedDh(dhparam) {
  const pem = validate.bytes(dhparam);
  let bits;
  try {
    bits = native.dhBits(pem);
  } catch {
    return undefined; // As in Node: invalid parameters are ignored, and DHE is disabled.
  }
  if (bits < 1024) throw invalidValue('DH parameter is less than 1024 bits');
  if (bits < 2048) process.emitWarning('DH parameter is less than 2048 bits', 'SecurityWarning');
  return Buffer.from(pem);
}

function warn() {
  if (warned) return;
  warned = true;
  // Another thread of the process may have.
  if (!native.isFirstWarning()) return;
  process.emitWarning('This process enables TLS for old peers (TLS 1.0 and 1.1, CBC, RSA key exchange, DHE or ' +
    'pre-shared keys), as its options request: such connections are weaker than the default', 'LegacyTLSWarning');
}

/** Whether the host's OpenSSL can be called. */
const canCall = () => whyNot() === null;

module.exports = { canCall, enable, legacyForList, legacyOf };
