'use strict';

// Node's own TLS, and what it has made over it: HTTP/2, fetch.

const { PassThrough } = require('stream');
const { nativeTls } = require('./builtin');

const NativeTLSSocket = nativeTls.TLSSocket;

let StreamSocket;

/**
 * Node's own net.Socket over any stream: the one by which its C++ half uses a stream of JavaScript.
 * Its class is found where Node's TLS puts it under a TLSSocket over such a stream.
 */
function streamSocket(stream) {
  StreamSocket ??= findStreamSocket();
  const socket = new StreamSocket(stream);
  // The owner of the stream learns it from the stream.
  socket.on('error', () => {});
  return socket;
}

function findStreamSocket() {
  const socket = new NativeTLSSocket(new PassThrough());
  socket.on('error', () => {});
  const { constructor } = socket._handle._parentWrap;
  socket.destroy();
  return constructor;
}

/**
 * Has all that Node has made over its own TLS connect by `connect`: fetch, WebSocket, EventSource, and
 * an http.Agent whose proxy is spoken to over TLS. They look it up for each connection. Gives whether
 * that could be done.
 */
function connectBy(connect) {
  return Reflect.set(nativeTls, 'connect', connect);
}

/** What is answered to `instanceof` for `ours`: its own, and those of which `isOther` says so. */
function hasInstance(ours, isOther) {
  const { [Symbol.hasInstance]: isInstance } = Function.prototype;
  return {
    configurable: true,
    value(object) {
      return Reflect.apply(isInstance, this, [object]) || (this === ours && isOther(object));
    },
  };
}

/** Whether Node's own class has made it. */
function madeBy(native) {
  return (object) => Reflect.apply(Function.prototype[Symbol.hasInstance], native, [object]);
}

/** Whether the caller of a getter that calls this is Node's own TLS. */
function isAskedByNodesTls() {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 3);
  const { stack } = new Error();
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return /node:(_tls_|internal\/tls\/)/.test(stack.split('\n')[3] ?? '');
}

module.exports = { connectBy, hasInstance, isAskedByNodesTls, madeBy, streamSocket };
