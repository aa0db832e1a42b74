'use strict';

// The secrets of connections, for a debugger: 'keylog' events and the switch --tls-keylog.

const fs = require('fs');
const flags = require('./flags');

const file = flags.value('tls-keylog');
let warned = false;

/** Whether the session shall tell its secrets. Looked up when the session begins; a listener that a
 * client sets later hears what comes later. */
function isWanted(socket) {
  const { server, isServer } = socket._tlsOptions;
  if (file !== undefined || socket.listenerCount('keylog') > 0) return true;
  return isServer ? server?.listenerCount?.('keylog') > 0 : true;
}

function tell(socket, line) {
  const bytes = Buffer.from(`${line}\n`);
  socket.emit('keylog', bytes);
  const { server } = socket._tlsOptions;
  server?.emit?.('keylog', bytes, socket);
  if (file === undefined) return;
  if (!warned) {
    warned = true;
    process.emitWarning('Using --tls-keylog makes TLS connections insecure by writing secret key material ' +
      `to file ${file}`);
  }
  fs.appendFileSync(file, bytes, { mode: 0o600 });
}

module.exports = { isWanted, tell };
