// The two programs that this project began with: a server that greets and echoes, and a client
// that says whether it is authorized, reads the greeting and leaves.
//
// Arguments: `server` or `client`, then key, certificate, CA, and the port for a client.
'use strict';

const fs = require('node:fs');
const tls = require('node:tls');

const [role, key, cert, ca, port] = process.argv.slice(2);
const options = {
  key: fs.readFileSync(key),
  cert: fs.readFileSync(cert),
  ca: [fs.readFileSync(ca)],
};

if (role === 'server') {
  const server = tls.createServer(options, (socket) => {
    socket.write('Hello World !\n');
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1', () => console.log('PORT ' + server.address().port));
} else {
  const socket = tls.connect(Number(port), options, () => {
    if (socket.authorized) console.log('authorized');
    else console.log('not authorized: ' + socket.authorizationError);
  });
  socket.on('data', (data) => {
    console.log('data: ' + data);
    socket.end();
  });
}
