// Makes a key and a certificate for localhost: node certificate.js MODULE ec|rsa CERT KEY.
'use strict'
const fs = require('fs')
const [name, kind, certFile, keyFile] = process.argv.slice(2)

const makers = {
  async selfsigned() {
    const { generate } = require('selfsigned')
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: kind,
      keySize: 2048,
      curve: 'P-256',
      algorithm: 'sha256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    })
    return { cert, key }
  },
  // It has no keys but RSA ones.
  async 'node-forge'() {
    const { pki, md } = require('node-forge')
    const { publicKey, privateKey } = await new Promise((resolve, reject) => {
      pki.rsa.generateKeyPair({ bits: 2048 }, (error, pair) => (error ? reject(error) : resolve(pair)))
    })
    const certificate = pki.createCertificate()
    certificate.publicKey = publicKey
    certificate.serialNumber = '01'
    certificate.validity.notAfter = new Date(Date.now() + 90 * 86400e3)
    const subject = [{ name: 'commonName', value: 'localhost' }]
    certificate.setSubject(subject)
    certificate.setIssuer(subject)
    certificate.setExtensions([{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }])
    certificate.sign(privateKey, md.sha256.create())
    return { cert: pki.certificateToPem(certificate), key: pki.privateKeyToPem(privateKey) }
  },
}

makers[name]().then(({ cert, key }) => {
  fs.writeFileSync(certFile, cert)
  fs.writeFileSync(keyFile, key, { mode: 0o600 })
})
