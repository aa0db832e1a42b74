'use strict';

// What new connections take of the event loop, a little in each of its turns.

/**
 * So many steps are taken in one turn of the event loop; then whatever else waits for it has its turn. Node
 * takes all that the system has, and stands still meanwhile: 300 clients that come back at once are a hundredth of
 * a second.
 */
const AT_ONCE = 8;

/** Gives what is added to `take`, so many in each turn of the event loop. */
class InTurns {
  #take;
  #waiting = [];
  #taken = 0;
  #isDue = false;

  constructor(take) {
    this.#take = take;
  }

  add(one) {
    if (this.#taken === AT_ONCE) {
      this.#waiting.push(one);
      return;
    }
    this.#taken += 1;
    // One that comes alone has no turn after it.
    if (this.#taken > 1) this.#callLater();
    this.#take(one);
  }

  #callLater() {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#goOn());
  }

  #goOn() {
    this.#isDue = false;
    const turn = this.#waiting.splice(0, AT_ONCE);
    this.#taken = turn.length;
    if (turn.length > 0) this.#callLater();
    // Each separately: a listener that throws must not keep others from being told.
    for (const one of turn) process.nextTick(this.#take, one);
  }
}

module.exports = { InTurns };
