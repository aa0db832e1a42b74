'use strict';

// A TLS connection between its transport and its owner, as a machine of six states. Here the native
// session is driven: handshake work is handed to other threads, records of an open connection are
// worked on at once.

const { connectionError, writeGivenUp, writeRefused } = require('./failures');
const { InTurns } = require('./in-turns');
const { Incoming } = require('./incoming');
const { likeOpenssl } = require('./junk');
const { Outgoing } = require('./outgoing');
const { isEncryptedOrAnnounced } = require('./records');
const { link } = require('./transport');
const { progressOf } = require('./turn');
const workers = require('./workers');

/** How much is read ahead while the program is asked about a ClientHello. */
const MOST_AHEAD = 64 * 1024;

/** The type of a record with messages of the handshake. */
const HANDSHAKE = 22;

/** What clients of a server have said: to read it takes as long as to accept them. */
const heard = new InTurns((connection) => connection.hear());

class Connection {
  /** What a state does with each thing that may come, unless it says otherwise: the thing waits. */
  static #WAITING = {
    isClosed: false,
    start() {},
    receive: (connection, chunk) => connection.#incoming.push(chunk),
    work() {},
    write: (connection, data, callback) => connection.#outgoing.wait(data, callback),
    stopReading() {},
    // Our side ends when the connection is open, or when the peer has gone.
    shutdown(connection) {
      if (connection.#endTold) connection.#endTransport();
    },
  };

  /** Nothing is said yet. */
  static #FRESH = {
    ...Connection.#WAITING,
    start(connection) {
      connection.#state = Connection.#LISTENING;
      connection.#link?.resume();
      if (connection.#role.isServer) connection.#work();
      else connection.#advance(null);
    },
    receive(connection, chunk) {
      connection.#state = Connection.#LISTENING;
      connection.#incoming.push(chunk);
    },
    work: (connection) => connection.#tellEnd(),
    write(connection, data, callback) {
      connection.#outgoing.wait(data, callback);
      if (!connection.#role.isServer) connection.start();
    },
  };

  /** In the handshake, which needs bytes of the peer's. */
  static #LISTENING = {
    ...Connection.#WAITING,
    work(connection) {
      if (connection.#incoming.size === 0) {
        connection.#tellEnd();
      } else if (connection.#role.isServer) {
        connection.#state = Connection.#THINKING;
        heard.add(connection);
      } else {
        connection.hear();
      }
    },
  };

  /** In the handshake: the session is with another thread, or waits for an answer of the program. */
  static #THINKING = {
    ...Connection.#WAITING,
    receive(connection, chunk) {
      connection.#incoming.push(chunk);
      // A peer that keeps sending while the program considers its answer is cut off.
      if (connection.#incoming.size > MOST_AHEAD) connection.#link.pause();
    },
  };

  /** The handshake is complete and the program is judging the peer, whose data is not read
   * before. Writing to a peer accepts it. */
  static #JUDGED = {
    ...Connection.#WAITING,
    write: (connection, data, callback) => connection.#encrypt(data, callback),
  };

  /** Data go both ways. */
  static #OPEN = {
    ...Connection.#WAITING,
    receive(connection, chunk) {
      const owned = connection.#link.owned ? chunk : Buffer.from(chunk);
      connection.#incoming.pushRecords(connection.#session, owned);
    },
    work(connection) {
      if (!connection.#incoming.isEmpty) connection.#incoming.decrypt(connection.#session);
      connection.#tellTrace();
      connection.#tellEnd();
    },
    write: (connection, data, callback) => connection.#encrypt(data, callback),
    stopReading: (connection) => connection.#link.pause(),
    shutdown(connection) {
      connection.#session.close();
      connection.#outgoing.say(connection.#session, connection.#link);
      connection.#tellTrace();
      connection.#endTransport();
    },
  };

  /** Over. */
  static #CLOSED = {
    ...Connection.#WAITING,
    isClosed: true,
    receive() {},
    write: (connection, data, callback) => process.nextTick(callback, writeGivenUp({ isEncrypted: false })),
    shutdown: (connection) => connection.#endTransport(),
  };

  /** What comes of the bytes: one object, where functions would be so many for each connection. */
  static #Sink = class {
    #of;

    constructor(connection) {
      this.#of = connection;
    }

    data(data) {
      this.#of.#deliver(data, { isLast: false });
    }

    /** What is held goes with the answer to the data that came along, or right after them. */
    output() {
      if (!this.#of.#outgoing.isHolding) this.#of.#outgoing.say(this.#of.#session, this.#of.#link);
    }

    told() {
      this.#of.#owner.told(this.#of.#session.takeEvents());
    }

    closed() {
      this.#of.#tellEndNow();
    }

    failed() {
      this.#of.#fail(this.#of.#session.failure());
    }

    again() {
      this.#of.#work();
    }

    isOver() {
      return this.#of.#state.isClosed;
    }
  };

  /** The same of the transport: see transport.js. */
  static #Ear = class {
    #of;

    constructor(connection) {
      this.#of = connection;
    }

    chunk(chunk) {
      this.#of.receive(chunk);
    }

    lent(bytes, length) {
      this.#of.#receiveLent(bytes, length);
    }

    end() {
      this.#of.#onTransportEnd();
    }

    failed(error) {
      this.#of.#owner.transportFailed(error);
    }

    closed() {
      this.#of.transportClosed();
    }
  };

  #state = Connection.#FRESH;
  #role;
  #owner = null;
  #link = null;
  #session = null;
  #agreed = null;
  #facts = null;
  #reading = false;
  #isTraced = false;
  #isGiven = false;
  #outgoing = new Outgoing();
  #incoming;
  /** Whether the transport has come to its end, and whether the owner knows. */
  #transportEnded = false;
  #endTold = false;
  #closesWhenRead = false;
  /** Whether a client has been told by an alert that it is refused. */
  #hasRefused = false;
  /** A request to end our side, until it can be done. */
  #ending = null;
  /** What the peer has begun with. */
  #firstBytes = null;
  /** Whether a server has said all that it has to say before the end of the client's handshake. */
  #awaitsEnd = false;
  /** The error for a ClientHello that the program has refused. */
  #refusal;
  bytesRead = 0;
  bytesWritten = 0;

  /** `role` makes the native session and answers its questions: see role.js. */
  constructor(role) {
    this.#role = role;
    this.#incoming = new Incoming(new Connection.#Sink(this));
  }

  /**
   * Receives the events: `stirred()` for any bytes, `named(servername)` when a
   * client has sent its SNI, `complete()` when there are facts to judge
   * the peer by, `data(bytes)`, which says whether more is wanted, `delivered()` after a record,
   * `told(..)` for what a session tells besides, `end()`, `failed(error)`, `transportFailed(error)`, and when it is
   * gone `close()`, or `closeWhenRead()` where the end may not have been read.
   */
  set owner(owner) {
    this.#owner = owner;
  }

  /** The native session, for questions about what it knows. */
  get session() {
    return this.#session;
  }

  /** What was agreed, once the handshake is complete. */
  get facts() {
    if (this.#agreed !== null) this.#facts ??= this.#session.peerFacts();
    return this.#facts;
  }

  /** Of that, what every socket tells, once the handshake is complete; else null. */
  get agreed() {
    return this.#agreed;
  }

  get isReading() {
    return this.#reading;
  }

  /** Whether something has come that is not delivered. */
  get hasUnread() {
    return !this.#incoming.isEmpty;
  }

  /** The stream that carries the records. */
  get transport() {
    return this.#link?.stream ?? null;
  }

  /**
   * What the program has given to carry the records, as a socket: itself, or what makes one of
   * another stream. Undefined for the transport that the connection has made itself.
   */
  get carrier() {
    return this.#isGiven ? this.#link?.carrier : undefined;
  }

  /** Takes a transport, of the program's (`isGiven`) or of our own. */
  attach(stream, { isGiven }) {
    this.#isGiven = isGiven;
    this.#link = link(stream, new Connection.#Ear(this));
    if (this.#isTraced) this.#link.trace();
  }

  /** Tells what goes over it from now on, on stderr. */
  trace() {
    this.#isTraced = true;
    this.#link?.trace();
  }

  /** Begins the handshake: a client says hello, a server listens. */
  start() {
    this.#state.start(this);
  }

  /** Takes bytes of the transport's, also those that it had read before it was given to us. */
  receive(chunk) {
    if (this.#state.isClosed) return;
    this.#owner.stirred();
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    this.#link.traceReceived(bytes);
    this.#state.receive(this, bytes);
    this.#work();
  }

  /** Takes the first `length` bytes of `bytes`, which belong to others when it returns. */
  #receiveLent(bytes, length) {
    if (this.#state !== Connection.#OPEN || this.#isTraced || this.#incoming.isBusy) {
      this.receive(Buffer.from(bytes.subarray(0, length)));
      return;
    }
    this.#owner.stirred();
    this.#incoming.takeLent(this.#session, bytes, length);
    this.#tellEnd();
  }

  /** By which data may be written now: see `writeBy`; -1: only by `write`. */
  get descriptor() {
    return this.#state === Connection.#OPEN ? this.#link.descriptor : -1;
  }

  /** Writes data to the descriptor, as much as it takes at once; they are not looked at later. */
  writeBy(fd, data, length, callback) {
    this.bytesWritten += length;
    this.#outgoing.writeBy(this.#session, this.#link, fd, data, length, callback);
  }

  write(data, callback) {
    this.bytesWritten += data.length;
    this.#state.write(this, data, callback);
  }

  startReading() {
    this.#reading = true;
    this.#link?.resume();
  }

  /** A handshake proceeds whether or not the program reads. */
  stopReading() {
    this.#reading = false;
    this.#state.stopReading(this);
  }

  /** Says close_notify and ends our side of the transport. */
  shutdown(done) {
    this.#ending = done;
    this.#state.shutdown(this);
  }

  /** The transport is gone: what it brought is told first. */
  transportClosed() {
    if (this.#state.isClosed) return;
    if (this.#link.endsBeforeClose) {
      this.#owner.close();
      return;
    }
    this.#closesWhenRead = true;
    this.#onTransportEnd();
  }

  close(callback) {
    if (this.#state.isClosed) return;
    // In Node what was written to a peer that is being judged is encrypted already.
    const reason = { isEncrypted: this.#state === Connection.#JUDGED };
    this.#state = Connection.#CLOSED;
    this.#incoming.clear();
    // After the error, which the owner tells first, and before the end.
    const closed = () => {
      this.#outgoing.giveUp(writeGivenUp(reason));
      callback?.();
    };
    if (this.#link === null) setImmediate(closed);
    else if (this.#hasRefused && !this.#transportEnded) this.#link.closeWhenHeard(closed);
    else this.#link.close(closed);
  }

  /** At any time: before the session is there, it waits. */
  setMaxSendFragment(size) {
    if (!this.#outgoing.setFragment(size)) return false;
    if (this.#agreed !== null && !this.#state.isClosed) this.#outgoing.applyFragment(this.#session);
    return true;
  }

  // --- the end of the transport -------------------------------------------------------------------

  /** Proceeds as far as it can with the received bytes. */
  #work() {
    if (!this.#incoming.isBusy) this.#state.work(this);
  }

  #onTransportEnd() {
    this.#transportEnded = true;
    this.#work();
  }

  #tellEnd() {
    if (this.#transportEnded) this.#tellEndNow();
    if (this.#closesWhenRead && this.#endTold) this.#owner.closeWhenRead();
  }

  /** Nothing more comes from the peer. */
  #tellEndNow() {
    if (this.#endTold || this.#state.isClosed) return;
    this.#endTold = true;
    if (this.#ending !== null) this.#state.shutdown(this);
    this.#owner.end();
  }

  #endTransport() {
    const done = this.#ending;
    this.#ending = null;
    if (this.#link === null) process.nextTick(done);
    else this.#link.end(done);
  }

  // --- the handshake ------------------------------------------------------------------------------

  /** With what has come, when it has its turn. */
  hear() {
    if (!this.#state.isClosed) this.#advance(this.#incoming.takeAll());
  }

  #advance(chunk) {
    try {
      this.#session ??= this.#role.session({ trace: this.#isTraced });
    } catch (error) {
      process.nextTick(() => this.#owner.failed(error));
      return;
    }
    if (chunk !== null) this.#firstBytes ??= Buffer.from(chunk.subarray(0, 5));
    this.#state = Connection.#THINKING;
    if (chunk !== null && this.#isLastTurn(chunk)) {
      this.#finish(chunk);
      return;
    }
    // A server that judges nobody has nothing to keep a client from, who says little before it is answered.
    if (!this.#role.isServer || this.#role.judgesPeer) this.#link.pause();
    try {
      workers.advance(this.#session, chunk, this);
    } catch (error) {
      process.nextTick(() => this.#owner.failed(error));
    }
  }

  /** Told by the workers: what came of a turn. */
  advanced(brought) {
    if (this.#state.isClosed) return;
    const progress = progressOf(this.#session, brought);
    if (progress === null) this.#owner.failed(new Error('the TLS engine has panicked'));
    else this.#onProgress(progress);
  }

  /** Whether all that is to be done is to read the end of a client's handshake: that is quick. */
  #isLastTurn(chunk) {
    return this.#awaitsEnd && !this.#role.judgesPeer && isEncryptedOrAnnounced(chunk);
  }

  #finish(chunk) {
    try {
      process.nextTick(workers.tell, this, this.#session.advance(chunk));
    } catch (error) {
      process.nextTick(() => this.#owner.failed(error));
    }
  }

  #onProgress(progress) {
    this.#awaitsEnd = this.#role.isServer && progress.hasOutput && !progress.asksAgain;
    if (progress.serverName) this.#owner.named(progress.serverName);
    if (this.#reading || !progress.complete) this.#link.resume();
    // The last messages of a handshake wait for the verdict: a refused peer gets nothing, as in Node.
    if (progress.complete) this.#outgoing.hold();
    else if (progress.hasOutput) this.#outgoing.say(this.#session, this.#link);
    // The context of a client is known when its hello is answered.
    if (!progress.clientHello) this.#tellTrace();
    if (progress.events) this.#owner.told(progress.events);
    // Code that awaits one event must run before the next.
    if (progress.events?.hasOcsp) setImmediate(() => this.#goOn(progress));
    else this.#goOn(progress);
  }

  #goOn(progress) {
    if (this.#state.isClosed) return;
    if (progress.failure) {
      this.#fail(progress.failure);
    } else if (progress.clientHello) {
      this.#ask(progress.clientHello);
    } else if (progress.storeSession) {
      this.#store(progress.storeSession);
    } else if (progress.psk) {
      this.#askKey(progress.psk);
    } else if (progress.complete) {
      this.#complete(progress);
    } else {
      this.#state = Connection.#LISTENING;
      this.#work();
    }
  }

  #ask(hello) {
    this.#role.onHello(hello, (answer) => {
      if (this.#state.isClosed) return;
      this.#refusal = answer.refusal;
      this.#session.answerHello(answer.credentials, answer.identity, answer.context ?? null, answer);
      this.#advance(null);
    });
  }

  /** Asks the program for a pre-shared key. */
  #askKey(asked) {
    let key;
    try {
      key = this.#role.keyFor(asked);
    } catch (error) {
      this.#owner.failed(error);
      return;
    }
    if (this.#state.isClosed) return;
    this.#session.answerPsk(key?.identity ?? null, key?.psk ?? null);
    this.#advance(null);
  }

  /**
   * Begins to negotiate the connection again; a server may ask for a certificate then. Null: it has
   * begun; else why it cannot.
   */
  renegotiate(ask, require) {
    // Asking a peer for more accepts it.
    if (![Connection.#JUDGED, Connection.#OPEN].includes(this.#state)) return 'the connection is not open';
    const why = this.#session.renegotiate(ask, require) ?? null;
    if (why === null) this.#outgoing.say(this.#session, this.#link);
    return why;
  }

  /** What is known of the peer has changed. */
  renew() {
    this.#facts = this.#session.peerFacts();
  }

  /** Waits until the program has stored a session. */
  #store({ id, data }) {
    this.#role.onSession(id, data, () => {
      if (this.#state.isClosed) return;
      this.#session.stored();
      this.#advance(null);
    });
  }

  #complete({ complete, data, rest, peerClosed }) {
    this.#agreed = complete;
    if (rest) this.#incoming.unshift(rest);
    this.#outgoing.applyFragment(this.#session);
    this.#state = Connection.#JUDGED;
    this.#owner.complete();
    if (this.#state.isClosed) return;
    this.#state = Connection.#OPEN;
    this.#outgoing.flush(this.#session, this.#link);
    if (this.#ending !== null) this.#state.shutdown(this);
    try {
      this.#bring(data, peerClosed);
    } finally {
      if (!this.#state.isClosed) this.#outgoing.release(this.#session, this.#link);
    }
  }

  /** Delivers what has come with the end of the handshake. */
  #bring(data, peerClosed) {
    if (data) this.#deliver(data, { isLast: true });
    if (this.#state.isClosed) return;
    if (peerClosed) this.#tellEndNow();
    this.#work();
  }

  #fail(failure) {
    this.#incoming.clear();
    // Nothing follows a fatal alert (RFC 8446, 6.2).
    if (this.#state === Connection.#OPEN && typeof failure.alert === 'number') this.#tellEndNow();
    // A peer that does not speak TLS reads no alert, and is not waited for.
    const isTls = this.#firstBytes?.[0] === HANDSHAKE && this.#firstBytes[1] === 3;
    this.#hasRefused = this.#role.isServer && isTls && typeof failure.alert !== 'number';
    const error = this.#refusal ?? connectionError(likeOpenssl(failure, this.#firstBytes));
    // A write that waits is told, and its stream fails by that; else the stream itself.
    if (!error.library || !this.#outgoing.giveUp(writeRefused(error))) this.#owner.failed(error);
  }

  /** Tells what went over the connection, if that is wanted. */
  #tellTrace() {
    if (this.#isTraced && !this.#state.isClosed) this.#link.tellTrace(this.#session.trace());
  }

  // --- data ---------------------------------------------------------------------------------------

  #deliver(data, { isLast }) {
    if (data.length > 0) {
      this.bytesRead += data.length;
      if (!this.#owner.data(data)) this.stopReading();
    }
    if (!isLast) this.#owner.delivered();
  }

  #encrypt(data, callback) {
    this.#outgoing.write(this.#session, this.#link, data, callback);
    this.#tellTrace();
  }
}

module.exports = { Connection };
