'use strict';

// Sockets of Node's that connect.

const diagnosticsChannel = require('diagnostics_channel');
const net = require('net');

/** The name that the program gave a socket to connect to. */
function hostOf(socket) {
  return socket?._host;
}

/** (options[, callback]), (path[, ..]), (port[, host][, ..]) as [options, callback]. */
function normalizedArgs(args) {
  return net._normalizeArgs(args);
}

const clientSockets = diagnosticsChannel.channel('net.client.socket');

/**
 * Connects a socket on behalf of another: subscribers for client sockets (the channel
 * `net.client.socket`) get `owner`.
 */
function connectFor(owner, socket, options) {
  if (!clientSockets.hasSubscribers) {
    socket.connect(options);
    return;
  }
  clientSockets.publish = (message) => {
    delete clientSockets.publish;
    clientSockets.publish(message.socket === socket ? { ...message, socket: owner } : message);
  };
  try {
    socket.connect(options);
  } finally {
    delete clientSockets.publish;
  }
}

module.exports = { connectFor, hostOf, normalizedArgs };
