'use strict';
// Mail by SMTP: STARTTLS on a plain connection, and TLS from the start.
const { once } = require('node:events');
const nodemailer = require('nodemailer');
const { SMTPServer } = require('smtp-server');
const { ca, server, report } = require('./credentials');

async function send(options, transport) {
  const mails = [];
  const smtp = new SMTPServer({
    ...server,
    ...options,
    authOptional: true,
    onData(stream, session, done) {
      let size = 0;
      stream.on('data', (part) => { size += part.length; });
      stream.on('end', () => {
        mails.push({ secure: session.secure, large: size > 200_000 });
        done();
      });
    },
  });
  smtp.on('error', () => {}); // the client that does not trust it
  smtp.listen(0, 'localhost');
  await once(smtp.server, 'listening');
  const { port } = smtp.server.address();
  const mailer = nodemailer.createTransport({ host: 'localhost', port, tls: { ca }, ...transport });
  const { response } = await mailer.sendMail({
    from: 'a@example.com', to: 'b@example.com', subject: 'TLS', text: 'word '.repeat(60_000),
  });
  mailer.close();
  const untrusting = nodemailer.createTransport({ host: 'localhost', port, ...transport });
  const refused = await untrusting.sendMail({ from: 'a@example.com', to: 'b@example.com', text: '' })
    .then(() => 'sent', (error) => error.message);
  await new Promise((resolve) => smtp.close(resolve));
  return { mails, accepted: response.startsWith('250'), refused: /certificate/.test(refused) };
}

(async () => {
  const starttls = await send({ secure: false }, { secure: false, requireTLS: true });
  const implicit = await send({ secure: true }, { secure: true });
  report({ starttls, implicit });
})();
