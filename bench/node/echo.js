// A server over the `tls` of a module: node echo.js MODULE PORT CERT KEY HTTPS_PORT DELAY_PORT. Runs
// in Node, Deno and Bun. PORT echoes; HTTPS_PORT answers requests; DELAY_PORT, without TLS, tells for
// how long the event loop has stood still since it was asked last. With `node:net` there is no TLS at all.
'use strict'
const fs = require('fs')
const net = require('net')
const path = require('path')
const { performance } = require('perf_hooks')
const [name, port, cert, key, httpsPort, delayPort] = process.argv.slice(2)
const tls = require(name)
const sites = { 'node:tls': 'node:https', 'node:net': 'node:http' }
const https = require(sites[name] ?? path.join(name, 'js/https.js'))
const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) }

const server = tls.createServer(options, (socket) => {
  socket.setNoDelay(true)
  // Clients that have what they wanted hang up without a word.
  socket.on('error', () => {})
  socket.pipe(socket)
})
server.on('tlsClientError', () => {})

const site = https.createServer(options, (request, response) => {
  response.end('hello, world\n')
})
site.on('tlsClientError', () => {})

// A timer of a millisecond, and by how much it is late. The same in every runtime, which
// `monitorEventLoopDelay` is not. It only runs once somebody has asked.
let late = []
let due = 0
function tick() {
  const now = performance.now()
  late.push(Math.max(0, now - due))
  due = now + 1
  setTimeout(tick, 1)
}
net.createServer((socket) => {
  if (due === 0) {
    due = performance.now() + 1
    setTimeout(tick, 1)
  }
  const sorted = late.sort((a, b) => a - b)
  late = []
  const at = (part) => sorted[Math.round((sorted.length - 1) * part)] ?? 0
  socket.on('error', () => {})
  socket.end(`${at(0.5)} ${at(0.99)} ${at(1)}\n`)
}).listen(Number(delayPort), '127.0.0.1')

site.listen(Number(httpsPort), '127.0.0.1')
server.listen(Number(port), '127.0.0.1')
