'use strict';

// The secrets of connections, for a debugger: 'keylog' events and the switch --tls-keylog.

const fs = require('fs');
const flags = require('./flags');

const file = flags.value('tls-keylog');
let warned = false;

/** Whether one of these has a listener for the secrets of connections. */
function isWanted(...emitters) {
  return file !== undefined || emitters.some((emitter) => emitter?.listenerCount?.('keylog') > 0);
}

/** Tells the lines that the session has; without a listener they stay where they are wiped. */
function tell(socket, session) {
  const { server } = socket._tlsOptions;
  for (const line of session.takeKeyLog(isWanted(socket, server))) {
    const bytes = Buffer.from(`${line}\n`);
    socket.emit('keylog', bytes);
    server?.emit?.('keylog', bytes, socket);
    if (file !== undefined) write(bytes);
  }
}

function write(bytes) {
  if (!warned) {
    warned = true;
    process.emitWarning('Using --tls-keylog makes TLS connections insecure by writing secret key material ' +
      `to file ${file}`);
  }
  fs.appendFileSync(file, bytes, { mode: 0o600 });
}

module.exports = { isWanted, tell };
