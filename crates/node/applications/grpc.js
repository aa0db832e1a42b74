'use strict';
// grpc-js: calls and streams both ways, client certificates, refusals, metadata, the peer's certificate.
const grpc = require('@grpc/grpc-js');
const { ca, server, client, report } = require('./credentials');

const bytes = { serialize: (value) => value, deserialize: (value) => value };
const method = (path, requestStream, responseStream) => ({
  path, requestStream, responseStream,
  requestSerialize: bytes.serialize, requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize, responseDeserialize: bytes.deserialize,
});
const service = {
  echo: method('/echo.Echo/echo', false, false),
  both: method('/echo.Echo/both', true, true),
};
const Client = grpc.makeGenericClientConstructor(service, 'Echo');

function call(stub, body) {
  return new Promise((resolve) => {
    stub.echo(body, { deadline: Date.now() + 10_000 }, (error, answer) => {
      resolve(error ? [error.code, /certificate|altnames|CERT/i.test(error.details)] : answer.length);
    });
  });
}

(async () => {
  const listening = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const seen = [];
  listening.addService(service, {
    echo(request, callback) {
      const auth = request.getAuthContext();
      seen.push([auth.transportSecurityType, auth.sslPeerCertificate?.subject?.CN]);
      callback(null, request.request);
    },
    both(stream) {
      stream.on('data', (data) => stream.write(data));
      stream.on('end', () => stream.end());
    },
  });
  const credentials = grpc.ServerCredentials.createSsl(ca, [{ private_key: server.key, cert_chain: server.cert }], true);
  const port = await new Promise((resolve, reject) => {
    listening.bindAsync('localhost:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const to = (channel) => new Client(`localhost:${port}`, channel, { 'grpc.max_receive_message_length': -1 });
  const known = to(grpc.credentials.createSsl(ca, client.key, client.cert));
  const sizes = [await call(known, Buffer.from('hi')), await call(known, Buffer.alloc(2_000_000))];
  const echoed = await new Promise((resolve, reject) => {
    const stream = known.both();
    let count = 0;
    stream.on('data', () => { count++; });
    stream.on('end', () => resolve(count));
    stream.on('error', reject);
    for (let n = 0; n < 100; n++) stream.write(Buffer.alloc(1000));
    stream.end();
  });
  const anonymous = (await call(to(grpc.credentials.createSsl(ca)), Buffer.from('x')))[0];
  const untrusting = await call(to(grpc.credentials.createSsl(null, client.key, client.cert)), Buffer.from('x'));
  known.close();
  report({ sizes, echoed, anonymous, untrusting, seen });
  process.exit();
})();
