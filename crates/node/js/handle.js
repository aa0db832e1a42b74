'use strict';

// The handle of a TLSSocket: what stands between its stream and the transport, in the place where
// Node's own sockets have a handle of libuv. It has the methods that net.Socket calls on such a
// handle, so that what net.Socket knows (timeouts, addresses, byte counts, closing) goes on working.
//
// Here the native session is driven. Handshake work is handed to other threads; records of an
// open connection are worked on at once. What happens is told to the owner, a TLSSocket.

const net = require('net');
const { CarriedHandle } = require('./carried');
const { connectionError, writeCanceled } = require('./failures');
const { MOST_IN_RECORD, joined, missingOfRecord, roomFor } = require('./records');
const { receive } = require('./report');
const rooms = require('./rooms');
const { Tracer } = require('./trace');
const transports = require('./transport');
const workers = require('./workers');

/**
 * Node's own TLS runs what is due on the next tick after each record that it delivers. Who reads on
 * 'readable' sees the difference: there are programs that read once for each record, and since Node
 * 26 a read gives one.
 */
const runTicks = process._tickCallback ?? (() => {});

/** How much is read ahead while the program is asked about a ClientHello. */
const MOST_AHEAD = 64 * 1024;

class TLSHandle extends CarriedHandle {
  #owner;
  #role;
  #session = null;
  #listening = null;
  #state = 'new';
  /** Bytes of the transport that were not used yet. */
  #received = null;
  /** Whether the session is with another thread, or waits for an answer of the program. */
  #busy = false;
  /** Data that are decrypted and not delivered yet. */
  #ready = [];
  #decrypting = false;
  /** Whether more was received since the last decryption began. */
  #arrived = false;
  #transportEnded = false;
  #transportGone = false;
  #eofTold = false;
  #pendingWrite = null;
  #pendingShutdown = null;
  #fragment = MOST_IN_RECORD;
  /** The error for a ClientHello that the program has refused. */
  #refusal;
  /** The end of our handshake, until the peer is judged. */
  #held = null;
  #traced = null;
  /** Whether the connection waits in the pool of an agent. */
  #isResting = false;
  /** What net.Socket has put into `onread`, and what is there now. */
  #usualOnread;
  #onread;
  reading = false;
  bytesRead = 0;
  bytesWritten = 0;

  /**
   * `role` makes the native session when it is needed (`role.session()`) and answers its questions:
   * `role.onHello(hello, reply)`, with `reply(credentials, answer, refusal)`, and
   * `role.onSession(id, data, proceed)`.
   */
  constructor(role) {
    super();
    this.#role = role;
  }

  set owner(owner) {
    this.#owner = owner;
  }

  get session() {
    return this.#session;
  }

  // --- the transport ----------------------------------------------------------------------------

  attach(transport) {
    this.transport = transport;
    this.#listening = transports.listen(transport, {
      chunk: (chunk) => this.receive(chunk),
      end: () => this.#onTransportEnd(),
    });
  }

  trace() {
    this.#traced ??= { sent: new Tracer('Sent'), received: new Tracer('Received') };
  }

  /** Begins the handshake: a client says hello, a server listens. */
  start() {
    if (this.#state !== 'new') return;
    this.#state = 'handshake';
    this.#listening?.resume();
    if (!this.#role.isServer) this.#advance(null);
    else this.#pump();
  }

  /** Takes bytes of the transport's, also those that it had read before it was given to us. */
  receive(chunk) {
    if (this.#state === 'closed') return;
    if (this.#state === 'new') this.#state = 'handshake';
    this.#owner._unrefTimer();
    if (!Buffer.isBuffer(chunk)) chunk = Buffer.from(chunk);
    this.#traced?.received.see(chunk);
    if (this.#state === 'open' && !this.#listening.owned) chunk = Buffer.from(chunk);
    this.#arrived = true;
    if (this.#received !== null && this.#state === 'open' && !this.#decrypting) {
      chunk = this.#completeRecord(this.#received, chunk);
      if (this.#state === 'closed') return;
    }
    this.#received = joined(this.#received, chunk);
    // Who talks on while the program considers its answer is not listened to for ever.
    if (this.#busy && this.#received.length > MOST_AHEAD) this.#listening.pause();
    this.#pump();
  }

  /**
   * Decrypts the record of which `begun` is the front, and gives what of `chunk` comes after it: a
   * record is joined, and not all that came with its end.
   */
  #completeRecord(begun, chunk) {
    const missing = missingOfRecord(begun, chunk);
    if (missing === undefined || missing >= chunk.length) return chunk;
    this.#received = Buffer.concat([begun, chunk.subarray(0, missing)]);
    this.#decrypt();
    return chunk.subarray(missing);
  }

  /** The transport is gone: what it brought is told first. */
  transportClosed() {
    if (this.#state === 'closed') return;
    if (this.transport instanceof net.Socket) {
      this.#owner.destroy();
      return;
    }
    this.#transportGone = true;
    this.#onTransportEnd();
  }

  #onTransportEnd() {
    this.#transportEnded = true;
    this.#pump();
  }

  /** Goes on as far as it can with what there is. */
  #pump() {
    if (this.#busy || this.#decrypting || this.#state === 'closed') return;
    if (this.#state === 'open') {
      if (this.#received !== null || this.#ready.length > 0) this.#decrypt();
    } else if (this.#received !== null) {
      const chunk = this.#received;
      this.#received = null;
      this.#advance(chunk);
      return;
    }
    if (this.#transportEnded && !this.#busy) this.#tellEof();
    if (this.#transportGone && this.#eofTold) transports.destroyWhenRead(this.#owner);
  }

  #tellEof() {
    if (this.#eofTold || this.#state === 'closed') return;
    this.#eofTold = true;
    if (this.#pendingShutdown !== null && this.#state !== 'open') this.#endTransport();
    this.#owner._onEof();
  }

  /** Sends records. Without a callback they are the session's own, and nobody waits for them. */
  #send(bytes, callback) {
    if (!bytes) return;
    this.#traced?.sent.see(bytes);
    const listening = this.#listening;
    this.transport.write(bytes, callback && ((error) => {
      callback(error ?? listening.takeWriteError());
    }));
  }

  // --- the handshake ----------------------------------------------------------------------------

  #advance(chunk) {
    try {
      this.#session ??= this.#role.session();
    } catch (error) {
      process.nextTick(() => this.#owner._onFailure(error));
      return;
    }
    this.#busy = true;
    this.#listening.pause();
    // A listener of the program's that throws must end as an uncaught exception, not as a
    // rejection: so out of the promise first.
    workers.advance(this.#session, chunk).then(
      (progress) => process.nextTick(() => this.#onProgress(progress)),
      (error) => process.nextTick(() => this.#owner._onFailure(error)));
  }

  #onProgress(progress) {
    this.#busy = false;
    if (this.#state === 'closed') return;
    if (this.reading || !progress.complete) this.#listening.resume();
    // The last words of a handshake wait for the verdict: who is refused hears nothing, as in Node.
    if (progress.complete) this.#held = progress.output;
    else this.#send(progress.output);
    if (progress.told) this.#owner._onTold(progress.told);
    if (progress.told?.hasOcsp) {
      // Who awaits the one event must have its turn before the next.
      this.#busy = true;
      setImmediate(() => this.#goOn(progress));
    } else {
      this.#goOn(progress);
    }
  }

  #goOn(progress) {
    this.#busy = false;
    if (this.#state === 'closed') return;
    if (progress.failure) {
      this.#fail(progress.failure);
    } else if (progress.clientHello) {
      this.#ask(progress.clientHello);
    } else if (progress.storeSession) {
      this.#store(progress.storeSession);
    } else if (progress.complete) {
      this.#open(progress);
    } else {
      this.#pump();
    }
  }

  #ask(hello) {
    this.#busy = true;
    this.#role.onHello(hello, (credentials, answer, refusal) => {
      if (this.#state === 'closed') return;
      this.#refusal = refusal;
      this.#session.answerHello(credentials, this.keyCert ?? null, answer);
      this.#advance(null);
    });
  }

  /** Waits until the program has stored a session. */
  #store({ id, data }) {
    this.#busy = true;
    this.#role.onSession(id, data, () => {
      if (this.#state === 'closed') return;
      this.#session.stored();
      this.#advance(null);
    });
  }

  #open({ complete, data, rest, peerClosed }) {
    this.facts = complete;
    if (rest) this.#received = joined(rest, this.#received);
    this.#busy = true; // nothing of the peer's is looked at before it is judged
    this.#state = 'judged';
    this.#owner._onHandshakeDone();
    if (this.#state === 'closed') return;
    this.#busy = false;
    this.#beginData();
    this.#flush();
    this.#send(this.#withHeld(null));
    if (data) this.#deliver(data);
    if (this.#state === 'closed') return;
    if (peerClosed) this.#tellEof();
    this.#pump();
  }

  /** The program has accepted the peer, or writes to it without waiting. */
  #beginData() {
    if (this.#state !== 'judged') return;
    this.#state = 'open';
    if (this.#fragment !== MOST_IN_RECORD) this.#session.setMaxFragmentSize(this.#fragment);
  }

  /** Sends the end of the handshake, together with the first data where there are some. */
  #withHeld(bytes) {
    const held = this.#held;
    this.#held = null;
    if (!held || !bytes) return held || bytes;
    return Buffer.concat([held, bytes]);
  }

  #flush() {
    if (this.#pendingWrite !== null) {
      const { data, callback } = this.#pendingWrite;
      this.#pendingWrite = null;
      this.#encrypt(data, callback);
    }
    if (this.#pendingShutdown !== null) this.#endTransport();
  }

  #fail(failure) {
    this.#received = null;
    // Who sends a fatal alert sends nothing after it (RFC 8446, 6.2).
    if (this.#state === 'open' && typeof failure.alert === 'number') this.#tellEof();
    this.#owner._onFailure(this.#refusal ?? connectionError(failure));
  }

  // --- data -------------------------------------------------------------------------------------

  /** Decrypts and delivers what was received. What arrives while a listener is at it waits its turn,
   * so that data stay in order over a transport that answers at once. */
  #decrypt() {
    if (this.#decrypting) return;
    this.#decrypting = true;
    try {
      this.#decryptAll();
    } finally {
      this.#decrypting = false;
      // A listener has thrown: the data behind it are not lost.
      if (this.#ready.length > 0 && this.#state !== 'closed') process.nextTick(() => this.#pump());
    }
  }

  #decryptAll() {
    this.#deliverReady();
    while (this.#received !== null && this.#state !== 'closed') {
      this.#arrived = false;
      const report = receive(this.#session, this.#received);
      this.#received = report.rest;
      this.#ready = report.records;
      if (report.hasOutput) this.#send(this.#session.takeOutput());
      if (report.hasTold) this.#owner._onTold(this.#session.takeTold());
      this.#deliverReady();
      if (this.#state === 'closed') return;
      if (report.failed) this.#fail(this.#session.failure());
      else if (report.peerClosed) this.#tellEof();
      if (report.failed || report.peerClosed || !(report.hasMore || this.#arrived)) return;
    }
  }

  #deliverReady() {
    while (this.#ready.length > 0 && this.#state !== 'closed') {
      this.#deliver(this.#ready.shift());
      if (this.#owner.readableFlowing === false) runTicks();
    }
  }

  #deliver(data) {
    if (data.length === 0) return;
    if (this.#mustBeSilent) {
      this.#owner.destroy();
      return;
    }
    this.bytesRead += data.length;
    if (!this.#owner._onData(data)) this.readStop();
  }

  /** Encrypts and sends; before the connection is open, when it is. */
  write(data, callback) {
    this.bytesWritten += data.length;
    this.#beginData();
    if (this.#state === 'open') {
      this.#encrypt(data, callback);
      return;
    }
    this.#pendingWrite = { data, callback };
    if (!this.#role.isServer) this.start();
  }

  #encrypt(data, callback) {
    if (data.length === 0) {
      this.#send(data, callback);
      return;
    }
    const room = rooms.take(roomFor(data.length, this.#fragment));
    let length;
    try {
      length = this.#session.encrypt(data, room);
    } catch (error) {
      callback(error);
      return;
    }
    const records = length > 0 ? room.subarray(0, length) : this.#session.takeOutput();
    this.#send(this.#withHeld(records), (error) => {
      // A socket that has written is done with the bytes; another stream may keep them.
      if (!error && this.#listening.owned) rooms.give(room);
      callback(error);
    });
  }

  // --- what an agent wants of a handle ------------------------------------------------------------

  /**
   * Nobody waits for data: what comes unasked would be taken for the answer to the next request, so
   * it ends the connection. https.Agent of ours says so by `rest`; http.Agent, in versions of Node
   * that look, by another function in the place of net.Socket's.
   */
  get #mustBeSilent() {
    return this.#isResting || this.#onread !== this.#usualOnread;
  }

  rest() {
    this.#isResting = true;
    if (!this.reading) this.readStart();
  }

  wake() {
    this.#isResting = false;
  }

  get onread() {
    return this.#onread;
  }

  set onread(listener) {
    this.#usualOnread ??= listener;
    this.#onread = listener;
  }

  /** Whether the agents of this Node ask `hasPendingRead`: then its own sockets have it, too. */
  get isLookedAt() {
    return this.transport?._handle?.hasPendingRead !== undefined;
  }

  /** Whether something has come that nobody has seen yet. */
  hasPendingRead() {
    return this.#received !== null || this.#ready.length > 0 || transports.hasPendingRead(this.transport);
  }

  // --- what net.Socket wants of a handle --------------------------------------------------------

  readStart() {
    this.reading = true;
    this.#listening?.resume();
    return 0;
  }

  readStop() {
    this.reading = false;
    // The handshake goes on whether or not somebody reads.
    if (this.#state === 'open') this.#listening.pause();
    return 0;
  }

  /** Says close_notify and ends our side of the transport. */
  shutdown(request) {
    this.#pendingShutdown = request;
    if (this.#state === 'open' || this.#eofTold) this.#endTransport();
    return 0;
  }

  #endTransport() {
    const request = this.#pendingShutdown;
    this.#pendingShutdown = null;
    if (this.#state === 'open') {
      this.#session.close();
      this.#send(this.#withHeld(this.#session.takeOutput()));
    }
    const done = () => request.oncomplete(0);
    if (this.transport === null || this.transport.destroyed) process.nextTick(done);
    else this.transport.end(done);
  }

  close(callback) {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#received = null;
    const transport = this.transport;
    this.#cancelWrite();
    if (transport instanceof net.Socket && transport._handle) {
      transport.once('close', callback);
      transport.destroy();
    } else {
      // Nothing to wait for, or a stream that need not emit 'close'. The owner tells an error first.
      transport?.destroy();
      setImmediate(callback);
    }
    this.#listening?.detach();
  }

  #cancelWrite() {
    if (this.#pendingWrite === null) return;
    const { callback } = this.#pendingWrite;
    this.#pendingWrite = null;
    process.nextTick(callback, writeCanceled());
  }

  /** Why the peer is not authorized, as an error, or null. */
  verifyError() {
    return this.#owner._verifyError();
  }

  /** At any time: before the session is there, it waits. */
  setMaxSendFragment(size) {
    if (size < 512 || size > 16384) return false;
    this.#fragment = size;
    if (this.#state === 'open') this.#session.setMaxFragmentSize(size);
    return true;
  }
}

module.exports = { TLSHandle };
