'use strict';

// What is different between a client and a server: each makes the native session that it needs, and
// a server answers its questions.

const { splitALPNProtocols } = require('./alpn');
const {
  createSecureContext, handleOf, isContext, namesContext, nativeContext, pskContext,
} = require('./context');
const { major, nodeError } = require('./errors');
const { answerHello, asksHello, storeSession } = require('./hello');
const keyLog = require('./keylog');
const { ServerSettings, Session, isServerName } = require('./native');
const { identityFor, keyOf } = require('./psk');
const sessions = require('./sessions');

const MAX_HINT = 256;

/** The role that the options of a TLSSocket describe. */
function roleOf(options) {
  return options.isServer ? new ServerRole(options) : new ClientRole(options);
}

class Role {
  /** The socket on whose behalf the program is asked. */
  socket = null;
  /** The name for SNI, as the program wrote it. */
  servername;
  secureContext;
  /** The session that is offered to the server. */
  #offered;
  /** The certificate to show whatever the client offers. */
  #identity = null;
  #psk;

  constructor(options) {
    this.#psk = { callback: options.pskCallback, hint: options.isServer ? options.pskIdentityHint : undefined };
    this.secureContext = options.secureContext || options.credentials || createSecureContext(options);
    nativeContext(this.secureContext);
  }

  get context() {
    return this.#psk.callback ? pskContext(this.secureContext, this.#psk.hint) : nativeContext(this.secureContext);
  }

  /** The context for a name that is not a host name; undefined without a callback. */
  get contextForNames() {
    return this.#psk.callback ? this.context : namesContext(this.secureContext);
  }

  /** A hint for clients is 256 bytes long at most. */
  checkHint() {
    if (this.#psk.callback && Buffer.byteLength(this.#psk.hint ?? '') > MAX_HINT) {
      throw nodeError(major < 24 ? 'ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED' : 'ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED');
    }
  }

  /** The program's pre-shared key for the request; null without one. */
  keyFor({ identity, hint }) {
    if (this.isServer) return keyOf(this.socket, this.#psk.callback, identity);
    return identityFor(this.#psk.callback, hint ?? null);
  }

  /** Offers a session to the server. One with another server than `name` is passed over. */
  offer(session, name) {
    const bytes = typeof session === 'string' ? Buffer.from(session, 'latin1') : session;
    sessions.check(bytes);
    this.#offered = sessions.open(bytes, name);
  }

  /** What is offered: its session, and whether its server was found to be the one of that name. */
  get offered() {
    return this.#offered;
  }

  /** Shows this certificate, whatever the client offers. */
  show(context) {
    this.#identity = nativeContext(isContext(context) ? context : createSecureContext(context || {}));
  }

  get identity() {
    return this.#identity;
  }
}

class ClientRole extends Role {
  isServer = false;
  #requestOcsp;
  #alpn;

  constructor(options) {
    super(options);
    this.#requestOcsp = Boolean(options.requestOCSP);
    this.#alpn = options.ALPNProtocols ? splitALPNProtocols(options.ALPNProtocols) : [];
  }

  session({ trace }) {
    const context = this.servername && !isServerName(this.servername) ? this.contextForNames : undefined;
    return Session.client(context ?? this.context, {
      serverName: this.servername,
      anyServerName: context !== undefined,
      session: this.offered?.session,
      requestOcsp: this.#requestOcsp,
      keyLog: true,
      trace,
      alpn: this.#alpn,
    });
  }
}

/** What each server wants of its connections: for the addon, and what that was made of. */
const wanted = new WeakMap();

const isSame = (one, other) => Object.keys(one).every((name) => one[name] === other[name]);

/** The settings for the addon: those of the server's last connection, if they are the same. */
function nativeSettings(server, settings) {
  const last = wanted.get(server);
  if (last && isSame(last.settings, settings)) return last.native;
  const native = new ServerSettings({ ...settings, alpn: settings.protocols ? splitALPNProtocols(settings.protocols) : [] });
  if (server instanceof Object) wanted.set(server, { settings, native });
  return native;
}

class ServerRole extends Role {
  isServer = true;
  #settings;

  /** Whether the client may have a certificate that is to be judged. */
  get judgesPeer() {
    return this.#settings.requestCertificate;
  }

  constructor(options) {
    super(options);
    // As it is now: what is set later counts for the connections to come.
    this.#settings = {
      requestCertificate: Boolean(options.requestCert),
      requireCertificate: Boolean(options.rejectUnauthorized),
      askClientHello: asksHello(options) || this.#asksForTicketKeys,
      askStoreSession: options.server?.listenerCount?.('newSession') > 0,
      keyLog: keyLog.isWanted(options.server),
      protocols: options.ALPNProtocols,
    };
  }

  session({ trace }) {
    this.checkHint();
    return Session.server(this.context, nativeSettings(this.socket.server, this.#settings), trace);
  }

  /** Asks the program about a ClientHello, and gives its answer to `reply`. */
  onHello(hello, reply) {
    // Known from here on, also of a connection that comes to nothing.
    this.socket.servername ??= hello.serverName ?? null;
    if (this.#asksForTicketKeys) handleOf(this.secureContext).askForTicketKeys(hello.ticketHeads);
    const context = hello.namesHost ? null : this.contextForNames ?? null;
    answerHello(this.socket, this.context, hello, (answer) => reply({ ...answer, context, identity: this.identity }));
  }

  get #asksForTicketKeys() {
    return handleOf(this.secureContext).asksForTicketKeys;
  }

  /** Gives a session to the program's store, and continues when it is there. */
  onSession(id, data, proceed) {
    storeSession(this.socket, id, data, proceed);
  }
}

module.exports = { roleOf };
