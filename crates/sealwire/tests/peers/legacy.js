// Tells Node's legacy object of each certificate file named, one JSON object a line.
'use strict';

const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');

for (const file of process.argv.slice(2)) {
  const { raw, ...object } = new X509Certificate(fs.readFileSync(file)).toLegacyObject();
  if (object.pubkey) object.pubkey = object.pubkey.toString('hex');
  console.log(JSON.stringify(object));
}
