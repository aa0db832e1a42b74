'use strict';

// `sealwire/legacy`: the switch for programs that have to speak with old peers by Node's own defaults.

const { enable } = require('./old-peers');

module.exports = { enable };
