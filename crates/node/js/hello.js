'use strict';

// How a server answers a ClientHello: the program's callbacks, in Node's order. Each may answer
// later, and each may throw; a throw ends the connection and is told as its error.

const { isContext, nativeContext } = require('./context');
const { nodeError } = require('./errors');
const { ssl } = require('./failures');

const NO_APPLICATION_PROTOCOL = 120;

/** Whether the program takes part in the answer. */
function asksHello({ server, ALPNCallback, SNICallback }) {
  const listens = (event) => server?.listenerCount?.(event) > 0;
  return Boolean(typeof ALPNCallback === 'function' || SNICallback || listens('resumeSession') || listens('OCSPRequest'));
}

/**
 * Asks the program on behalf of `socket`, whose own context is `context`, and gives its answer to
 * `reply`: the native context whose certificates to show, if any, and what the native side takes.
 */
function answerHello(socket, context, hello, reply) {
  const answer = { credentials: null };
  const steps = [findSession, chooseProtocol, chooseContext, stapleResponse];
  const next = () => {
    if (socket.destroyed) return;
    const step = steps.shift();
    if (step === undefined) {
      reply(answer);
      return;
    }
    try {
      step({ socket, context, hello, answer, next, reply });
    } catch (error) {
      socket.destroy(error);
    }
  };
  next();
}

/**
 * Asks the program for a stored session. In TLS 1.3 the id of one is in another place than the
 * session id, which is random there; Node asks for that.
 */
function findSession({ socket, hello, answer, next }) {
  const { server } = socket._tlsOptions;
  const [stored] = hello.storedIds;
  const id = stored ?? (hello.offersTicket && !hello.offersTls13 ? undefined : hello.sessionId);
  if (!id?.length || !(server?.listenerCount?.('resumeSession') > 0)) {
    next();
    return;
  }
  server.emit('resumeSession', id, once(socket, (error, session) => {
    if (error) {
      socket.destroy(error);
      return;
    }
    if (session) answer.session = Buffer.from(session);
    next();
  }));
}

/** Gives a session to the program's store, and continues when it is there. */
function storeSession(socket, id, data, proceed) {
  const { server } = socket._tlsOptions;
  if (!(server?.listenerCount?.('newSession') > 0)) {
    proceed();
    return;
  }
  try {
    server.emit('newSession', id, data, once(socket, proceed));
  } catch (error) {
    socket.destroy(error);
  }
}

function chooseProtocol({ socket, hello, answer, next, reply }) {
  const { ALPNCallback } = socket._tlsOptions;
  if (typeof ALPNCallback !== 'function' || hello.alpn.length === 0) {
    next();
    return;
  }
  const protocols = hello.alpn.map((name) => name.toString('latin1'));
  const chosen = ALPNCallback.call(socket, { servername: hello.serverName ?? '', protocols });
  if (chosen === undefined) {
    reply({
      credentials: null,
      alert: NO_APPLICATION_PROTOCOL,
      refusal: ssl('ERR_SSL_NO_APPLICATION_PROTOCOL'),
    });
    return;
  }
  if (!protocols.includes(chosen)) {
    throw nodeError('ERR_TLS_ALPN_CALLBACK_INVALID_RESULT', chosen, protocols);
  }
  answer.alpn = [Buffer.from(chosen, 'latin1')];
  next();
}

function chooseContext({ socket, hello, answer, next }) {
  if (!hello.serverName || !socket._SNICallback) {
    next();
    return;
  }
  socket._SNICallback(hello.serverName, once(socket, (error, chosen) => {
    if (error) {
      socket.destroy(error);
      return;
    }
    if (chosen) {
      if (!isContext(chosen)) {
        socket.destroy(new TypeError('Invalid SNI context'));
        return;
      }
      answer.credentials = nativeContext(chosen);
    }
    next();
  }));
}

function stapleResponse({ socket, context, hello, answer, next }) {
  const { server } = socket._tlsOptions;
  if (!hello.requestsOcsp || !(server?.listenerCount?.('OCSPRequest') > 0)) {
    next();
    return;
  }
  const shown = answer.credentials ?? context;
  const certificate = shown.certificate() ?? null;
  const issuer = certificate ? shown.issuerOf(certificate) ?? null : null;
  server.emit('OCSPRequest', certificate, issuer, once(socket, (error, response) => {
    if (error) {
      socket.destroy(error);
      return;
    }
    if (response) answer.ocspStaple = Buffer.from(response);
    next();
  }));
}

/** A callback of the program's that may be called once. */
function once(socket, callback) {
  let called = false;
  return (...values) => {
    if (called) {
      socket.destroy(nodeError('ERR_MULTIPLE_CALLBACK'));
      return;
    }
    called = true;
    if (!socket._handle) {
      socket.destroy(nodeError('ERR_SOCKET_CLOSED'));
      return;
    }
    callback(...values);
  };
}

module.exports = { answerHello, asksHello, storeSession };
