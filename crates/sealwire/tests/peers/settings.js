// Makes a secure context of the options in each line, and tells what Node says to them.
//
// In: one JSON object a line, the options of tls.createSecureContext; `ca`, `cert`, `key` and `crl`
// name files. Out: `SEEN` and the error's code, or null, as JSON.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const tls = require('node:tls');

const read = (file) => (Array.isArray(file) ? file.map(read) : fs.readFileSync(file));

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const options = JSON.parse(line);
    for (const name of ['ca', 'cert', 'key', 'crl']) {
      if (options[name]) options[name] = read(options[name]);
    }
    let code = null;
    try {
      tls.createSecureContext(options);
    } catch (error) {
      code = error.code ?? error.message;
    }
    console.log('SEEN ' + JSON.stringify(code));
  }
})();
