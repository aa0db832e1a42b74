'use strict';

// Is the certificate for this host? Node's rules: see `checkServerIdentity` in its documentation.

const net = require('net');
const { domainToASCII } = require('url');
const { explain } = require('./advice');
const { major, nodeError } = require('./errors');

/**
 * On the certificate of a connection: what the CA's name constraints have against a host that the
 * common name was taken for. Node leaves that to OpenSSL, which does not know what host it stood for.
 */
const commonNameLimits = Symbol('commonNameLimits');

/**
 * Compares a host with a certificate in its legacy form. Gives the error, or undefined.
 */
function checkServerIdentity(hostname, cert) {
  const host = `${hostname}`;
  const subject = cert.subject;
  const altNames = cert.subjectaltname;
  const { dns, ips } = altNames ? readAltNames(altNames) : { dns: [], ips: [] };
  const reason = net.isIP(withoutDot(host)) ?
    checkAddress(withoutDot(host), ips) :
    checkName(host, dns, altNames, subject, cert[commonNameLimits]);
  return reason === undefined ? undefined : mismatch(reason, host, cert);
}

function checkAddress(host, ips) {
  const wanted = canonicalAddress(host);
  if (ips.includes(wanted)) return undefined;
  return `IP: ${host} is not in the cert's list: ${ips.join(', ')}`;
}

function checkName(hostname, dns, altNames, subject, limits) {
  const host = withoutDot(hostname);
  const ascii = domainToASCII(host);
  // `127.1` is one address to a URL and may be another to the resolver (CVE-2026-106069, -106072).
  if (net.isIP(ascii)) return 'Host is a non-canonical IP address';
  const labels = splitLabels(major >= 22 ? ascii || host : host);
  if (dns.length > 0) {
    if (dns.some((pattern) => covers(labels, pattern))) return undefined;
    return `Host: ${host}. is not in the cert's altnames: ${altNames}`;
  }
  const commonName = subject?.CN;
  if (commonName === undefined) return 'Cert does not contain a DNS name';
  if ([commonName].flat().some((pattern) => covers(labels, pattern))) return limits?.(labels.join('.'));
  return `Host: ${host}. is not cert's CN: ${commonName}`;
}

function mismatch(reason, host, cert) {
  const error = new Error(`Hostname/IP does not match certificate's altnames: ${reason}`);
  Error.captureStackTrace(error, checkServerIdentity);
  error.code = 'ERR_TLS_CERT_ALTNAME_INVALID';
  error.reason = reason;
  error.host = host;
  error.cert = cert;
  return explain(error, reason);
}

/** `DNS:a, IP Address:1.2.3.4, URI:"http://a\u002cb"`: values that hold a comma are JSON strings. */
function readAltNames(text) {
  const dns = [];
  const ips = [];
  for (const name of splitAltNames(text)) {
    if (name.startsWith('DNS:')) dns.push(name.slice(4));
    else if (name.startsWith('IP Address:')) ips.push(canonicalAddress(name.slice(11)));
  }
  return { dns, ips };
}

function splitAltNames(text) {
  if (!text.includes('"')) return text.split(', ');
  const names = [];
  let name = '';
  for (let at = 0; at < text.length;) {
    if (text.startsWith(', ', at)) {
      names.push(name);
      name = '';
      at += 2;
    } else if (text[at] === '"') {
      const quoted = /^"(?:[^"\\]|\\.)*"/.exec(text.slice(at));
      if (quoted === null) throw nodeError('ERR_TLS_CERT_ALTNAME_FORMAT');
      name += parseQuoted(quoted[0]);
      at += quoted[0].length;
    } else {
      name += text[at++];
    }
  }
  names.push(name);
  return names;
}

function parseQuoted(literal) {
  try {
    return JSON.parse(literal);
  } catch {
    throw nodeError('ERR_TLS_CERT_ALTNAME_FORMAT');
  }
}

/** One spelling for each address, so that `0:0:0:0:0:0:0:1` is `::1`. */
function canonicalAddress(text) {
  if (net.isIPv6(text)) {
    try {
      return withDots(new URL(`http://[${text}]`).hostname.slice(1, -1));
    } catch {
      return '';
    }
  }
  return net.isIPv4(text) ? text : '';
}

/** An address of IPv4 within IPv6, as libuv writes it. */
function withDots(address) {
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped === null) return address;
  const [high, low] = mapped.slice(1).map((part) => Number.parseInt(part, 16));
  return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function withoutDot(name) {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function splitLabels(name) {
  return withoutDot(name).toLowerCase().split('.');
}

/** Whether a name of a certificate covers the host whose labels are given. */
function covers(host, pattern) {
  if (!pattern) return false;
  const labels = splitLabels(pattern);
  if (labels.length !== host.length || labels.includes('') || host.includes('')) return false;
  // What is not printable ASCII is in no host name.
  if (labels.some((label) => /[^\x21-\x7e]/.test(label))) return false;
  for (let i = 1; i < labels.length; i++) {
    if (labels[i] !== host[i]) return false;
  }
  const [first] = labels;
  const parts = first.split('*', 3);
  if (parts.length === 1 || first.includes('xn--')) return first === host[0];
  // `*` may stand in the first label only, once, and never for a whole domain of a registry.
  if (parts.length > 2 || labels.length <= 2) return false;
  const [before, after] = parts;
  return before.length + after.length <= host[0].length &&
    host[0].startsWith(before) && host[0].endsWith(after);
}

module.exports = { checkServerIdentity, commonNameLimits };
