'use strict';

// Everything of Node's that this package uses and that Node does not document: the one folder to look
// at when a new version of Node comes. What has no substitute is looked for when the package is
// loaded, and named when it is missing; the rest says what is done without it.

module.exports = {
  // Node's TLS first: what comes after may need it (see there).
  ...require('./builtin'),
  ...require('./needed'),
  ...require('./reading'),
  ...require('./handles'),
  ...require('./accepted'),
  ...require('./connecting'),
  ...require('./socket-over-handle'),
  ...require('./nodes-tls'),
  ...require('./agents'),
  ...require('./process'),
};
