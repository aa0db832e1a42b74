// mockttp that passes everything on: node mockttp.js PORT CA CA_KEY ORIGIN_CA.
'use strict'
const { getLocal } = require('mockttp')
const [port, certPath, keyPath, originCa] = process.argv.slice(2)

const server = getLocal({ https: { certPath, keyPath } })
server
  .forAnyRequest()
  .thenPassThrough({ additionalTrustedCAs: [{ certPath: originCa }] })
  .then(() => server.start(Number(port)))
