import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

let isDone = false

/**
 * Lets kafkajs's connections rest, in this whole process: from the first answer on, each looks for requests that wait to be
 * sent, and where none does, again after a millisecond, for ever (on Node 24 with a warning, since the time it waits is
 * negative). Whatever makes a request wait looks by itself, so without one there is nothing to look for.
 */
export function restWithoutRequests(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as { readonly prototype: RequestQueue }
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}
