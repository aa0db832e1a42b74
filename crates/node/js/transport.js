'use strict';

// What carries the records of a TLS connection: a net.Socket of ours or of the program's, another
// TLSSocket, or any Duplex. A Link is the connection's end of it.

const net = require('net');
const { nodeError } = require('./errors');
const { countSent, freeDescriptor, handleFacts, isPlain, readOn, takeOver } = require('./internals');
const { StreamSocket } = require('./stream-socket');
const { Trace } = require('./trace');

/** How long a peer that is refused may take to read why, and how much it may still say. */
const FAREWELL_MS = 1000;
const FAREWELL_BYTES = 1024 * 1024;

/**
 * Takes a stream for a connection: `on.chunk` gets its bytes, or `on.lent(bytes, length)` such as are only lent;
 * `on.end` is called at its end.
 */
function link(stream, on) {
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

  /** Tells what went over, on stderr; in the `words` of who speaks, if it has any. */
  tellTrace(words) {
    this.#trace?.tell(words);
  }

  /** Sends records. Without a callback nobody waits for them. */
  send(bytes, callback) {
    if (!bytes) return;
    this.#trace?.sent(bytes);
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
  /** What such a socket has read belongs to nobody else and may be decrypted in place. */
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

class StreamLink extends Link {
  endsBeforeClose = false;
  #onData;
  #carrier;
  writeError = null;
  owned = false;

  constructor(stream, on) {
    super(stream);
    // Anything but bytes means that somebody else has set the stream up for text or objects.
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
    stream.once('end', on.end);
  }

  /** Made only for who asks: as long as nobody reads from it, it leaves the stream alone. */
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
