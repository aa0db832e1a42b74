'use strict';

// What a socket is given to write, in pieces, as one.

/** As much as is gathered of what is written in pieces: more is joined in a buffer of its own. */
const gathered = Buffer.allocUnsafeSlow(64 * 1024);

/** Puts all pieces there, and gives how many bytes they are; -1: they do not fit. */
function gatherAll(chunks) {
  const { allBuffers } = chunks;
  let end = 0;
  for (let n = 0; n < chunks.length && end >= 0; n += 1) {
    const entry = chunks[n];
    const isEntry = !allBuffers || entry.chunk !== undefined;
    end = isEntry ? gather(entry.chunk, entry.encoding, end) : gather(entry, 'buffer', end);
  }
  return end;
}

/** Puts one there, behind `start` others, and gives where it ends. */
function gather(data, encoding, start) {
  if (typeof data !== 'string') {
    if (data.length > gathered.length - start) return -1;
    gathered.set(data, start);
    return start + data.length;
  }
  if (data.length === 0) return start;
  // No encoding makes more than three bytes of what counts as one in a string.
  if (data.length * 3 > gathered.length - start) return -1;
  return start + gathered.write(data, start, encoding);
}

function toBuffer(data, encoding) {
  return typeof data === 'string' ? Buffer.from(data, encoding) : data;
}

function join(chunks) {
  return Buffer.concat(chunks.allBuffers ? chunks.map((entry) => entry.chunk ?? entry) :
    chunks.map(({ chunk, encoding }) => toBuffer(chunk, encoding)));
}

module.exports = { gather, gatherAll, gathered, join, toBuffer };
