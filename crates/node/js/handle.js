'use strict';

// The handle of a TLSSocket: what stands in the place where Node's own sockets have a handle of
// libuv. It has the methods that net.Socket calls on such a handle, so that what net.Socket knows
// (timeouts, addresses, byte counts, closing) keeps working. The transport under the connection
// answers what is asked about addresses and the like.

const { HandshakeFacts } = require('./facts');
const { asksForPendingReads, handleFacts, hasPendingRead } = require('./internals');

class TLSHandle extends HandshakeFacts {
  #connection;
  #role;
  /** How often the peer has begun to negotiate the connection again, within a while. */
  handshakes = 0;
  /** Whether the connection waits in the pool of an agent. */
  #isIdle = false;
  /** What net.Socket has put into `onread`, and what is there now. */
  #usualOnread;
  #onread;

  constructor(connection, role) {
    super(connection, role);
    this.#connection = connection;
    this.#role = role;
  }

  // --- what is under it: in Node, a handle and the stream that has brought it ----------------------

  get _parent() {
    return this._parentWrap?._handle ?? handleFacts(this.#transport).handle;
  }

  /** The socket that the program has given, or what makes a socket of another stream. */
  get _parentWrap() {
    return this.#connection.carrier;
  }

  // --- data ---------------------------------------------------------------------------------------

  get reading() {
    return this.#connection.isReading;
  }

  /** net.Socket sets it whenever it calls readStart or readStop, which say the same. */
  set reading(_) {}

  get bytesRead() {
    return this.#connection.bytesRead;
  }

  get bytesWritten() {
    return this.#connection.bytesWritten;
  }

  readStart() {
    this.#connection.startReading();
    return 0;
  }

  readStop() {
    this.#connection.stopReading();
    return 0;
  }

  shutdown(request) {
    this.#connection.shutdown(() => request.oncomplete(0));
    return 0;
  }

  close(callback) {
    this.#connection.close(callback);
  }

  // --- agents -------------------------------------------------------------------------------------

  /** No reader waits for data from now on, until `wake`. */
  rest() {
    this.#isIdle = true;
    if (!this.reading) this.readStart();
  }

  wake() {
    this.#isIdle = false;
  }

  /** Kept for what is put there, and not called: data go to the socket. */
  get onread() {
    return this.#onread;
  }

  set onread(listener) {
    this.#usualOnread ??= listener;
    this.#onread = listener;
  }

  /**
   * Whether data are unasked, and would be taken for the answer to the next request. Our https.Agent
   * says so by `rest`; http.Agent, in versions of Node that look, by a function of its own in the
   * place of net.Socket's.
   */
  get mustBeSilent() {
    return this.#isIdle || this.#onread !== this.#usualOnread;
  }

  /** Whether unread bytes have arrived. */
  hasPendingRead() {
    return this.#connection.hasUnread || hasPendingRead(this.#transport);
  }

  /** Whether the agents of this Node ask that. */
  get isAskedForPendingReads() {
    return asksForPendingReads(this.#transport);
  }

  // --- TLS ----------------------------------------------------------------------------------------

  /** Begins the handshake. */
  start() {
    this.#connection.start();
    return 0;
  }

  getSession() {
    return this.#role.socket.getSession();
  }

  setSession(session) {
    this.#role.socket.setSession(session);
  }

  setServername(name) {
    this.#role.servername = name;
  }

  setKeyCert(context) {
    this.#role.show(context);
  }

  enableTrace() {
    this.#connection.trace();
  }

  /** In Node, frees the state of TLS, after which nothing can be said any longer. */
  destroySSL() {
    this.close();
  }

  setMaxSendFragment(size) {
    return this.#connection.setMaxSendFragment(size);
  }

  // --- the transport ------------------------------------------------------------------------------

  get #transport() {
    return this.#connection.transport;
  }

  get writeQueueSize() {
    return handleFacts(this.#transport).writeQueueSize;
  }

  get fd() {
    return handleFacts(this.#transport).fd;
  }

  getAsyncId() {
    return handleFacts(this.#transport).asyncId;
  }

  hasRef() {
    return handleFacts(this.#transport).hasRef;
  }

  ref() {
    this.#transport?.ref?.();
  }

  unref() {
    this.#transport?.unref?.();
  }

  setNoDelay(enable) {
    this.#transport?.setNoDelay?.(enable);
  }

  setKeepAlive(enable, seconds) {
    this.#transport?.setKeepAlive?.(enable, seconds * 1000);
  }

  setTypeOfService(tos) {
    this.#transport?.setTypeOfService?.(tos);
    return 0;
  }

  getTypeOfService() {
    return this.#transport?.getTypeOfService?.() ?? 0;
  }

  getpeername(out) {
    const { remoteAddress, remoteFamily, remotePort } = this.#transport ?? {};
    if (remoteAddress !== undefined) {
      Object.assign(out, { address: remoteAddress, family: remoteFamily, port: remotePort });
    }
    return 0;
  }

  getsockname(out) {
    Object.assign(out, this.#transport?.address?.());
    return 0;
  }
}

module.exports = { TLSHandle };
