'use strict';
// ldapjs, client and server: LDAPS, and STARTTLS in the middle of a connection.
const ldap = require('ldapjs');
const net = require('node:net');
const tls = require('node:tls');
const { ca, server, report } = require('./credentials');
const { listen, outcome, read } = require('./world');

function search(client) {
  return new Promise((resolve, reject) => {
    client.search('o=example', { scope: 'sub' }, (error, response) => {
      if (error) return reject(error);
      const found = [];
      response.on('searchEntry', (entry) => found.push(String(entry.objectName ?? entry.dn)));
      response.on('error', reject);
      response.on('end', () => resolve(found));
      return undefined;
    });
  });
}

function connected(options) {
  return new Promise((resolve, reject) => {
    const client = ldap.createClient({ strictDN: false, ...options });
    client.once('connect', () => resolve(client));
    client.once('error', reject);
    client.once('connectError', reject);
    client.on('error', () => {});
  });
}

(async () => {
  const directory = ldap.createServer({ certificate: server.cert, key: server.key });
  directory.bind('cn=root', (request, response, next) => {
    if (request.credentials !== 'word') return next(new ldap.InvalidCredentialsError());
    response.end();
    return next();
  });
  directory.search('o=example', (request, response, next) => {
    for (let n = 0; n < 200; n++) response.send({ dn: `cn=user${n}, o=example`, attributes: { cn: `user${n}`, text: 'x'.repeat(500) } });
    response.end();
    return next();
  });
  await new Promise((resolve) => directory.listen(0, 'localhost', resolve));
  const url = `ldaps://localhost:${directory.address().port}`;
  const client = await connected({ url, tlsOptions: { ca } });
  const bind = (...credentials) => outcome(new Promise((resolve, reject) => {
    client.bind(...credentials, (error) => (error ? reject(error) : resolve('bound')));
  }));
  const found = { bound: await bind('cn=root', 'word'), wrong: await bind('cn=root', 'other'), entries: (await search(client)).length };
  found.untrusted = await outcome(connected({ url }).then(() => 'connected'));
  // STARTTLS in front of the same directory: a stub that answers the extended request (RFC 4511, 4.14).
  const starting = net.createServer(async (socket) => {
    socket.on('error', () => {});
    const [, length] = await read(socket, 2);
    const [, , id] = await read(socket, length);
    socket.write(Buffer.from([0x30, 0x0c, 2, 1, id, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]));
    const secure = new tls.TLSSocket(socket, { isServer: true, ...server });
    secure.on('error', () => {});
    const there = tls.connect({ host: 'localhost', port: directory.address().port, ca });
    there.on('error', () => {});
    secure.pipe(there).pipe(secure);
  });
  await listen(starting);
  const plain = await connected({ url: `ldap://localhost:${starting.address().port}` });
  found.starttls = await outcome(new Promise((resolve, reject) => {
    plain.starttls({ ca, host: 'localhost' }, [], (error) => (error ? reject(error) : resolve('secure')));
  }));
  found.after = (await search(plain)).length;
  report(found);
  process.exit();
})();
