'use strict';

// What a turn of a handshake has brought: see src/turn.rs.

const HAS_OUTPUT = 1;
const ASKS_AGAIN = 2;
const NAMED = 4;
const COMPLETE = 8;
const MORE = 16;
const PANICKED = 32;

/** In words: an object of the addon's only where the bits do not say all. Null: the engine has panicked. */
function progressOf(session, bits) {
  if (bits & PANICKED) return null;
  if (bits & MORE) return session.progress();
  const isComplete = (bits & COMPLETE) !== 0;
  return {
    hasOutput: (bits & HAS_OUTPUT) !== 0,
    asksAgain: (bits & ASKS_AGAIN) !== 0,
    serverName: bits & NAMED ? session.takeServerName() : undefined,
    complete: isComplete ? session.agreed() : undefined,
    rest: isComplete ? session.takeRest() : undefined,
  };
}

module.exports = { progressOf };
