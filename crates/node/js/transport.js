'use strict';

// What carries the records of a TLS connection: a net.Socket of ours or of the program's, another
// TLSSocket, or any Duplex. A Link is the connection's end of it.

const net = require('net');
const { nodeError } = require('./errors');
const { Accepted, countSent, freeDescriptor, handleFacts, isPlain, readOn, takeOver } = require('./internals');
const native = require('./native');
const { StreamSocket } = require('./stream-socket');
const { Trace } = require('./trace');

/** How long a peer that is refused may take to read why, and how much it may still say. */
const FAREWELL_MS = 1000;
const FAREWELL_BYTES = 1024 * 1024;

/**
 * Takes a stream for a connection: `on.chunk` gets its bytes, or `on.lent(bytes, length)` such as are only lent;
 * `on.end` is called at its end, and of an Accepted `on.failed` and `on.closed`.
 */
function link(stream, on) {
  if (stream instanceof Accepted) return new AcceptedLink(stream, on);
  return stream instanceof net.Socket ? new SocketLink(stream, on) : new StreamLink(stream, on);
}

class Link {
  #trace = null;

  constructor(stream) {
    this.stream = stream;
  }

  /** By which records may be sent past the stream, now: -1, if not. */
  get descriptor() {
    return -1;
  }

  /** Watches the records from now on. */
  trace() {
    this.#trace ??= new Trace();
  }

  get isTraced() {
    return this.#trace !== null;
  }

  /** To be called with what has come. */
  traceReceived(bytes) {
    this.#trace?.received(bytes);
  }

  /** To be called with what is sent. */
  traceSent(bytes) {
    this.#trace?.sent(bytes);
  }

  /** Prints what was transferred, on stderr; in the engine's `words`, if it has any. */
  tellTrace(words) {
    this.#trace?.tell(words);
  }

  /** Sends records. Without a callback no caller waits for them. */
  send(bytes, callback) {
    if (!bytes) return;
    this.traceSent(bytes);
    this.stream.write(bytes, callback && ((error) => callback(error ?? this.writeError)));
  }

  /** Ends our side. */
  end(done) {
    if (this.stream.destroyed) process.nextTick(done);
    else this.stream.end(done);
  }

  /** Closes it when the peer has had the time to read what was sent last. */
  closeWhenHeard(callback) {
    this.close(callback);
  }
}

class SocketLink extends Link {
  /** The stream as a net.Socket. */
  get carrier() {
    return this.stream;
  }

  /** Whether all that came has been told when the stream closes. */
  endsBeforeClose = true;
  #stopped = false;
  #restore;
  /** Why a write has failed. */
  writeError = null;
  /** What such a socket has read has no other owner and may be decrypted in place. */
  owned;
  #isPlain;

  #on;

  constructor(socket, on) {
    super(socket);
    this.#on = on;
    this.#isPlain = isPlain(socket);
    this.owned = this.#isPlain || socket.encrypted === true;
    this.#restore = takeOver(socket, {
      chunk: (chunk) => {
        this.#on.chunk(chunk);
        return !this.#stopped;
      },
      lent: (bytes, length) => {
        this.#on.lent(bytes, length);
        return !this.#stopped;
      },
      end: () => {
        this.#on.end();
        return !this.#stopped;
      },
      unwritten: (error) => { this.writeError ??= error; },
    });
  }

  get descriptor() {
    return this.#isPlain && !this.isTraced ? freeDescriptor(this.stream) : -1;
  }

  /** So many bytes were sent past the stream. */
  sentBeside(count) {
    countSent(this.stream, count);
  }

  pause() {
    this.#stopped = true;
  }

  resume() {
    this.#stopped = false;
    readOn(this.stream);
  }

  close(callback) {
    if (handleFacts(this.stream).isOpen) {
      this.stream.once('close', callback);
      this.stream.destroy();
    } else {
      this.stream.destroy();
      setImmediate(callback);
    }
    this.#restore();
  }

  /**
   * A socket that is closed over unread bytes is reset, and what was sent last may be lost. So our
   * side is ended, and what still comes is read for a while and thrown away.
   */
  closeWhenHeard(callback) {
    const socket = this.stream;
    if (!handleFacts(socket).isOpen) {
      this.close(callback);
      return;
    }
    const most = socket.bytesRead + FAREWELL_BYTES;
    const over = () => {
      clearTimeout(timer);
      socket.destroy();
    };
    const timer = setTimeout(over, FAREWELL_MS);
    const heard = () => { if (socket.bytesRead > most) over(); };
    this.#on = { chunk: heard, lent: heard, end: over };
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      this.#restore();
    });
    socket.end();
    this.resume();
    setImmediate(callback);
  }
}

/** Of a connection that no socket was made of, until something is asked that takes one. */
class AcceptedLink extends Link {
  endsBeforeClose = true;
  owned = true;
  #on;
  #stopped = false;
  /** The link to the socket, once there is one. */
  #grown = null;

  constructor(accepted, on) {
    super(accepted);
    this.#on = on;
    accepted.owner = this;
  }

  get carrier() {
    return this.#isGone ? undefined : this.#grow().carrier;
  }

  get writeError() {
    return this.#grown === null ? null : this.#grown.writeError;
  }

  get descriptor() {
    if (this.isTraced) return -1;
    return this.#grown === null ? this.stream.fd : this.#grown.descriptor;
  }

  sentBeside(count) {
    if (this.#grown === null) this.stream.bytesSent += count;
    else this.#grown.sentBeside(count);
  }

  send(bytes, callback) {
    if (!bytes) return;
    this.traceSent(bytes);
    if (this.#isGone) process.nextTick(callback ?? (() => {}), nodeError('ERR_SOCKET_CLOSED'));
    else if (this.#grown === null) this.#sendAtOnce(bytes, callback);
    else this.#grown.send(bytes, callback);
  }

  #sendAtOnce(bytes, callback) {
    const sent = bytes.length > 0 ? native.send(this.stream.fd, bytes) : 0;
    this.sentBeside(sent);
    if (sent < bytes.length) this.#grow().send(bytes.subarray(sent), callback);
    else if (callback) process.nextTick(callback, null);
  }

  end(done) {
    if (this.#grown !== null) {
      this.#grown.end(done);
      return;
    }
    native.end(this.stream.fd);
    process.nextTick(done);
  }

  pause() {
    if (this.#grown === null) this.#stopped = true;
    else this.#grown.pause();
  }

  resume() {
    this.#stopped = false;
    if (this.#grown === null) this.stream.readStart();
    else this.#grown.resume();
  }

  close(callback) {
    if (this.#grown === null) this.stream.close(callback);
    else this.#grown.close(callback);
  }

  closeWhenHeard(callback) {
    if (this.#isGone) this.close(callback);
    else this.#grow().closeWhenHeard(callback);
  }

  /** Closed without ever having become a socket. */
  get #isGone() {
    return this.#grown === null && this.stream.destroyed;
  }

  #grow() {
    if (this.#grown === null) {
      this.stream = this.stream.intoSocket();
      this.stream.on('error', (error) => this.#on.failed(error));
      this.stream.once('close', () => this.#on.closed());
      this.#grown = new SocketLink(this.stream, this.#on);
      if (this.#stopped) this.#grown.pause();
    }
    return this.#grown;
  }

  // --- what the Accepted tells ---

  lent(bytes, length) {
    this.#on.lent(bytes, length);
    return !this.#stopped;
  }

  ended() {
    this.#on.end();
    return !this.#stopped;
  }

  failed(error) {
    this.#on.failed(error);
  }

  closed() {
    this.#on.closed();
  }
}

class StreamLink extends Link {
  endsBeforeClose = false;
  #onData;
  #carrier;
  writeError = null;
  owned = false;

  constructor(stream, on) {
    super(stream);
    // Anything but bytes means that the stream is set up for text or objects.
    this.#onData = (chunk) => {
      if (typeof chunk === 'string' || stream.readableObjectMode) {
        stream.pause();
        stream.off('data', this.#onData);
        stream.emit('error', nodeError('ERR_STREAM_WRAP'));
        return;
      }
      on.chunk(chunk);
    };
    stream.pause();
    stream.on('data', this.#onData);
    stream.once('end', () => on.end());
  }

  /** Created on request: until it is read, it leaves the stream alone. */
  get carrier() {
    return (this.#carrier ??= new StreamSocket(this.stream));
  }

  pause() {
    this.stream.pause();
  }

  resume() {
    this.stream.resume();
  }

  /** Such a stream need not emit 'close'. */
  close(callback) {
    this.stream.destroy();
    // The owner tells an error first.
    setImmediate(callback);
    this.stream.off('data', this.#onData);
  }
}

module.exports = { link };
