'use strict';

// What net.Socket asks of a handle and the transport under it answers: a handle that is carried by
// another stream.

const { executionAsyncId } = require('async_hooks');

class CarriedHandle {
  /** The stream that carries the records, once there is one. */
  transport = null;

  get writeQueueSize() {
    return this.transport?._handle?.writeQueueSize ?? this.transport?.writableLength ?? 0;
  }

  get fd() {
    return this.transport?._handle?.fd ?? -1;
  }

  getAsyncId() {
    return this.transport?._handle?.getAsyncId?.() ?? executionAsyncId();
  }

  ref() {
    this.transport?.ref?.();
  }

  unref() {
    this.transport?.unref?.();
  }

  setNoDelay(enable) {
    this.transport?.setNoDelay?.(enable);
  }

  setKeepAlive(enable, seconds) {
    this.transport?.setKeepAlive?.(enable, seconds * 1000);
  }

  getpeername(out) {
    const { remoteAddress, remoteFamily, remotePort } = this.transport ?? {};
    if (remoteAddress !== undefined) {
      Object.assign(out, { address: remoteAddress, family: remoteFamily, port: remotePort });
    }
    return 0;
  }

  getsockname(out) {
    Object.assign(out, this.transport?.address?.());
    return 0;
  }
}

module.exports = { CarriedHandle };
