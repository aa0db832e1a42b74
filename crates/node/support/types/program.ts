// A program that uses every export, as TypeScript sees them.

import * as http2 from "sealwire/http2";
import * as https from "sealwire/https";
import * as pki from "sealwire/pki";
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

export const both: http2.Http2SecureServer = http2.createSecureServer({ ...identity, allowHTTP1: true });
http2.connect("https://localhost/", { ca: "ca" }).close();

export async function made(): Promise<tls.SecureContext> {
  const issuer: pki.Identity = await pki.createAuthority({ name: "Mine", permitted: ["example.com"] });
  const { key } = pki.createKeySync({ type: "rsa:3072", passphrase: "word" });
  const { csr } = await pki.createRequest({ key, passphrase: "word", names: "app.example.com", keyUsage: "digitalSignature" });
  const { cert } = await pki.createCertificate({ csr, issuer, copyNames: true, notAfter: new Date() });
  const pfx: Buffer = pki.createPfxSync({ key, keyPassphrase: "word", cert, ca: [issuer.cert], passphrase: "word" });
  const crl: string = await pki.createRevocationList({ issuer, revoked: [cert, { serial: "0a", reason: "superseded" }] });
  const contents: pki.PfxContents = await pki.readPfx(pfx, "word");
  const self: tls.SecureContextOptions = pki.selfSignedSync("localhost", { extendedKeyUsage: ["serverAuth", "1.2.3.4"] });
  return tls.createSecureContext({ ...self, pfx, passphrase: "word", crl, ca: contents.ca });
}

// @ts-expect-error: a mistake is seen.
tls.connect({ port: true });
// @ts-expect-error: in pki, too.
pki.createKeySync({ type: "dsa" });
