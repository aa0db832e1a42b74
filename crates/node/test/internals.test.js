'use strict';

const { test } = require('node:test');
const { allSupported } = require('../support/nodes');

test('all supported versions of Node are here', allSupported);
