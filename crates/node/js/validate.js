'use strict';

// Checks of arguments that fail with Node's errors.

const { types: { isArrayBufferView } } = require('util');
const { nodeError } = require('./errors');

const VIEWS = ['Buffer', 'TypedArray', 'DataView'];

function check(right, name, type, value) {
  if (!right) throw nodeError('ERR_INVALID_ARG_TYPE', name, type, value);
}

function string(value, name) {
  check(typeof value === 'string', name, 'string', value);
}

function boolean(value, name) {
  check(typeof value === 'boolean', name, 'boolean', value);
}

function func(value, name) {
  check(typeof value === 'function', name, 'Function', value);
}

function object(value, name) {
  check(value !== null && typeof value === 'object' && !Array.isArray(value), name, 'Object', value);
}

function view(value, name = 'buffer') {
  check(isArrayBufferView(value), name, VIEWS, value);
}

function stringOrView(value, name) {
  check(typeof value === 'string' || isArrayBufferView(value), name, ['string', ...VIEWS], value);
}

function number(value, name, min, max) {
  check(typeof value === 'number', name, 'number', value);
  if (value < min || value > max || Number.isNaN(value)) {
    const range = max === undefined ? `>= ${min}` : `>= ${min} && <= ${max}`;
    throw nodeError('ERR_OUT_OF_RANGE', name, range, value);
  }
}

function integer(value, name, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) {
  check(typeof value === 'number', name, 'number', value);
  if (!Number.isInteger(value)) throw nodeError('ERR_OUT_OF_RANGE', name, 'an integer', value);
  if (value < min || value > max) {
    throw nodeError('ERR_OUT_OF_RANGE', name, `>= ${min} && <= ${max}`, value);
  }
}

function int32(value, name, min = -(2 ** 31), max = 2 ** 31 - 1) {
  integer(value, name, min, max);
}

function uint32(value, name, positive = false) {
  integer(value, name, positive ? 1 : 0, 2 ** 32 - 1);
}

/** The bytes of a string or view, without a copy where there are bytes already. */
function bytes(value, encoding) {
  if (typeof value === 'string') return Buffer.from(value, encoding);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

module.exports = {
  boolean, bytes, func, int32, integer, number, object, string, stringOrView, uint32, view,
};
