// TLS of both legs: what was agreed on, the verdict and what to do, the chain, and the handshake told.

import { clock, h } from './dom.js';
import { get } from './api.js';

/** @param {import('./api.js').Detail} flow */
export async function tls(flow) {
  let connection;
  try { connection = await get(`connections/${flow.connection}`); } catch (error) {
    return h('p', { class: 'note' }, `Of its connection nothing is recorded: ${/** @type {Error} */ (error).message}`);
  }
  const rows = [['Client', connection.client], ['Came by', connection.entrance], ['Origin', connection.host && `${connection.host}:${connection.port}`], ['Address', connection.address],
    ['Opened', clock(connection.started)], ['Closed', clock(connection.ended)], ['Fault', connection.fault], ['Passed by unread', connection.passed_by]];
  const facts = h('table', {}, ...rows.filter(([, value]) => value).map(([name, value]) => h('tr', {}, h('th', {}, name), h('td', {}, value))));
  const shakes = connection.handshakes ?? [];
  if (!shakes.length) return h('div', {}, h('h2', {}, `Connection ${connection.id}`), facts, h('p', { class: 'note' }, 'No TLS: anyone on the path could read and change it.'));
  return h('div', {}, h('h2', {}, `Connection ${connection.id}`), facts, ...shakes.map(leg));
}

/** @param {any} shake */
function leg(shake) {
  const origin = shake.leg === 'origin';
  const rows = [['Version', shake.version], ['Cipher suite', shake.cipher], ['Key exchange', shake.group && `${shake.group}${/mlkem/i.test(shake.group) ? ' (post-quantum hybrid)' : ''}`],
    ['ALPN', shake.alpn], ['Resumed', shake.resumed ? 'yes: no certificate was shown' : 'no'], ['Server name', shake.hello?.server_name], ['ALPN offered', shake.hello?.alpn?.join(', ')],
    ['JA4', shake.hello?.ja4], ['JA3', shake.hello?.ja3],
    ['Revocation on the public web', shake.public_revocation && `${shake.public_revocation.status}, by upki’s data${shake.public_revocation.hours === null ? '' : `, ${shake.public_revocation.hours} hours old`}`],
    ['Requests a client certificate of', shake.asked_for_certificate && (shake.asked_for_certificate.join('; ') || 'any CA')]];
  const verdict = shake.verdict;
  const failure = shake.failure;
  return h('section', {},
    h('h2', {}, origin ? 'From the proxy to the origin' : 'From the client to the proxy'),
    failure ? h('div', { class: 'verdict no' }, h('b', {}, 'The handshake failed. '), failure.reason, failure.refused_certificate ? ' The client refused our certificate: it pins another, or does not trust this CA.' : '') : null,
    verdict ? h('div', { class: `verdict ${verdict.authorized ? '' : 'no'}` }, h('b', {}, verdict.authorized ? 'The origin is authenticated.' : `Not trusted: ${verdict.code ?? ''}`),
      ...verdict.evidence.map((/** @type {string} */ line) => h('div', {}, line)), ...verdict.advice.map((/** @type {string} */ line) => h('div', { class: 'good' }, `→ ${line}`))) : null,
    h('table', {}, ...rows.filter(([, value]) => value).map(([name, value]) => h('tr', {}, h('th', {}, name), h('td', {}, value)))),
    shake.chain.length ? h('h3', {}, origin ? 'Certificates of the origin' : 'Certificates of the client') : null,
    ...shake.chain.map((/** @type {any} */ certificate) => h('details', {}, h('summary', {}, certificate.subject ?? 'certificate'),
      h('table', {}, ...[['Issuer', certificate.issuer], ['Valid', certificate.not_before && `${new Date(certificate.not_before).toISOString().slice(0, 10)} to ${new Date(certificate.not_after).toISOString().slice(0, 10)}`], ['SHA-256', certificate.sha256]]
        .map(([name, value]) => h('tr', {}, h('th', {}, name), h('td', {}, value)))),
      h('pre', {}, certificate.text), h('pre', {}, certificate.pem ?? ''))),
    shake.told.length ? h('h3', {}, 'The handshake, message by message') : null,
    shake.told.length ? h('div', { class: 'told' }, shake.told.join('\n')) : null,
    shake.key_log?.length ? h('details', {}, h('summary', {}, 'Key log (secrets of this connection)'), h('pre', {}, shake.key_log.join('\n'))) : null);
}
