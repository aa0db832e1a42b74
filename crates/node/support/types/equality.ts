// The types of the package beside those of Node: what is equal, and every difference by name.

import * as nodeHttps from "node:https";
import * as node from "node:tls";
import * as ours from "sealwire";
import * as https from "sealwire/https";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function holds<_Claim extends true>() {}

/** At run time these are in Node, too; its types do not tell. */
type OnlyOurs = "convertALPNProtocols";

holds<Equal<Exclude<keyof typeof node, keyof typeof ours>, never>>();
holds<Equal<Exclude<keyof typeof ours, keyof typeof node>, OnlyOurs>>();
holds<Equal<keyof typeof https, keyof typeof nodeHttps>>();

export const asNode: typeof node = ours;
export const asOurs: Omit<typeof ours, OnlyOurs> = node;
export const asNodeHttps: typeof nodeHttps = https;
export const asOurHttps: typeof https = nodeHttps;

holds<Equal<typeof ours.connect, typeof node.connect>>();
holds<Equal<typeof ours.createServer, typeof node.createServer>>();
holds<Equal<typeof ours.createSecureContext, typeof node.createSecureContext>>();
holds<Equal<typeof ours.checkServerIdentity, typeof node.checkServerIdentity>>();
holds<Equal<typeof ours.getCACertificates, typeof node.getCACertificates>>();
holds<Equal<typeof ours.getCertificateCompressionAlgorithms, typeof node.getCertificateCompressionAlgorithms>>();
holds<Equal<typeof ours.setDefaultCACertificates, typeof node.setDefaultCACertificates>>();
holds<Equal<typeof ours.TLSSocket, typeof node.TLSSocket>>();
holds<Equal<typeof ours.Server, typeof node.Server>>();

holds<Equal<ours.Certificate, node.Certificate>>();
holds<Equal<ours.CertificateCompressionAlgorithm, node.CertificateCompressionAlgorithm>>();
holds<Equal<ours.CipherNameAndProtocol, node.CipherNameAndProtocol>>();
holds<Equal<ours.CommonConnectionOptions, node.CommonConnectionOptions>>();
holds<Equal<ours.ConnectionOptions, node.ConnectionOptions>>();
holds<Equal<ours.DetailedPeerCertificate, node.DetailedPeerCertificate>>();
holds<Equal<ours.EphemeralKeyInfo, node.EphemeralKeyInfo>>();
holds<Equal<ours.KeyObject, node.KeyObject>>();
holds<Equal<ours.PeerCertificate, node.PeerCertificate>>();
holds<Equal<ours.PxfObject, node.PxfObject>>();
holds<Equal<ours.SecureContext, node.SecureContext>>();
holds<Equal<ours.SecureContextOptions, node.SecureContextOptions>>();
holds<Equal<ours.SecureVersion, node.SecureVersion>>();
holds<Equal<ours.TLSSocketOptions, node.TLSSocketOptions>>();
holds<Equal<ours.TlsOptions, node.TlsOptions>>();
holds<Equal<https.AgentOptions, nodeHttps.AgentOptions>>();
holds<Equal<https.RequestOptions, nodeHttps.RequestOptions>>();
holds<Equal<https.ServerOptions, nodeHttps.ServerOptions>>();
