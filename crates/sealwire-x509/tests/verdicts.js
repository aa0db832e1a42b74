// Asks Node for its verdicts: one TLS handshake in this process for each line of the file given,
//   name TAB S|C TAB chain.pem TAB key TAB ca.pem TAB crl.pem or -
// S judges the chain as a server's, C as a client's. Prints name TAB S|C TAB code, or `ok`.
'use strict'
const fs = require('node:fs')
const tls = require('node:tls')

// The security level (key sizes, weak digests) is not what is asked here.
const ANY = 'DEFAULT:@SECLEVEL=0'

const read = name => name === '-' ? undefined : fs.readFileSync(name)
const plainKey = read('judge.key')
const plainCert = read('judge.pem')

function judge (judged, chain, key, ca, crl) {
  return new Promise((resolve) => {
    const verdict = socket => socket.authorized ? 'ok' : String(socket.authorizationError?.code ?? socket.authorizationError)
    const server = tls.createServer(judged === 'S'
      ? { cert: chain, key, ciphers: ANY }
      : { cert: plainCert, key: plainKey, ca, crl, ciphers: ANY, requestCert: true, rejectUnauthorized: false })
    const done = (answer) => { server.close(); resolve(answer) }
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {})
      if (judged === 'C') done(verdict(socket))
      socket.end()
    })
    server.on('tlsClientError', error => done('handshake: ' + error.code))
    server.listen(0, '127.0.0.1', () => {
      const client = tls.connect({
        port: server.address().port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(judged === 'S' ? { ca, crl, ciphers: ANY } : { cert: chain, key, ciphers: ANY })
      })
      client.on('error', error => done('handshake: ' + error.code))
      client.on('secureConnect', () => { if (judged === 'S') done(verdict(client)); client.end() })
    })
  })
}

// Node reads one list of each element.
const lists = pem => pem?.toString().split(/(?<=END X509 CRL-----\n)/)

async function main () {
  for (const line of fs.readFileSync(process.argv[2], 'utf8').trim().split('\n')) {
    const [name, judged, chain, key, ca, crl] = line.split('\t')
    let answer
    try {
      answer = await judge(judged, read(chain), read(key), read(ca), lists(read(crl)))
    } catch (error) {
      answer = 'setup: ' + error.code
    }
    console.log([name, judged, answer].join('\t'))
  }
}

main()
