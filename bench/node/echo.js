// An echo server over the `tls` of a module: node echo.js MODULE PORT CERT KEY. Runs in Node, Deno
// and Bun.
'use strict'
const fs = require('fs')
const [name, port, cert, key] = process.argv.slice(2)
const tls = require(name)
const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) }
const server = tls.createServer(options, (socket) => {
  socket.setNoDelay(true)
  // Clients that have what they wanted hang up without a word.
  socket.on('error', () => {})
  socket.pipe(socket)
})
server.on('tlsClientError', () => {})
server.listen(Number(port), '127.0.0.1')
