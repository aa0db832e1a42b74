// A program that uses every export, as TypeScript sees them.

import * as https from "sealwire/https";
import * as tls from "sealwire";

const identity: tls.SecureContextOptions = { key: "key", cert: "cert", minVersion: tls.DEFAULT_MIN_VERSION };
const context: tls.SecureContext = tls.createSecureContext(identity);
const options: tls.TlsOptions = {
  ...identity,
  requestCert: true,
  ciphers: tls.DEFAULT_CIPHERS,
  ecdhCurve: tls.DEFAULT_ECDH_CURVE,
  ca: [...tls.rootCertificates, ...tls.getCACertificates("system")],
  SNICallback: (_name, done) => done(null, context),
};

export const server: tls.Server = tls.createServer(options, (socket: tls.TLSSocket) => {
  const cipher: tls.CipherNameAndProtocol = socket.getCipher();
  const peer: tls.DetailedPeerCertificate = socket.getPeerCertificate(true);
  const subject: tls.Certificate = peer.subject;
  socket.end(`${cipher.standardName} ${subject.CN} ${socket.authorized} ${socket.authorizationError}`);
});
server.addContext("other.example", identity);

const connection: tls.ConnectionOptions = { host: "localhost", port: 1, maxVersion: tls.DEFAULT_MAX_VERSION };
connection.checkServerIdentity = (name, certificate) => tls.checkServerIdentity(name, certificate);
export const client = tls.connect(connection, () => client.setMaxSendFragment(1024));
client.on("session", (session: Buffer) => tls.connect({ ...connection, session }));
client.once("secureConnect", () => client.exportKeyingMaterial(32, "label", Buffer.alloc(0)));

const out: { ALPNProtocols?: Buffer } = {};
tls.convertALPNProtocols(["h2", "http/1.1"], out);
tls.setDefaultCACertificates(tls.getCACertificates());
export const told: (string | number)[] = [
  ...tls.getCiphers(),
  ...tls.getCertificateCompressionAlgorithms(),
  tls.CLIENT_RENEG_LIMIT,
  tls.CLIENT_RENEG_WINDOW,
];

const agent = new https.Agent({ ca: "ca", keepAlive: true });
https.get("https://localhost/", { agent }, (response) => response.resume());
https.request({ agent: https.globalAgent, servername: "localhost" }).end();
export const web: https.Server = https.createServer(identity, (_request, response) => response.end());

// @ts-expect-error: a mistake is seen.
tls.connect({ port: true });
