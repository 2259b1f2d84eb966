import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** So many are open at once at most. */
  readonly max: number
  /** A connection on which no request has come for this long is closed. */
  readonly silentMs: number
}

/**
 * The open connections of an HTTP server. However many there are, a new one is let in: the one that has been idle for the longest
 * time goes for it. Node's own limit would refuse the new one, which may be the platform's health check.
 */
export class Connections {
  readonly #limits: ConnectionLimits
  /** Those without a request under way, the longest idle first, each with what closes it if no request ever comes. */
  readonly #idle = new Map<Socket, NodeJS.Timeout | undefined>()
  readonly #busy = new Set<Socket>()

  constructor(server: Server, limits: ConnectionLimits) {
    this.#limits = limits
    server.on('connection', (socket: Socket) => this.#opened(socket))
    server.on('request', ({ socket }, response) => {
      this.#began(socket)
      response.once('close', () => this.#ended(socket))
    })
  }

  #opened(socket: Socket): void {
    if (this.#idle.size + this.#busy.size >= this.#limits.max) {
      const [oldest] = this.#idle.keys()
      if (oldest === undefined) {
        socket.destroy()
        return
      }
      this.#forget(oldest)
      oldest.destroy()
    }
    this.#idle.set(socket, setTimeout(() => socket.destroy(), this.#limits.silentMs).unref())
    socket.once('close', () => this.#forget(socket))
  }

  #began(socket: Socket): void {
    this.#forget(socket)
    this.#busy.add(socket)
  }

  /** From here on Node's time for a connection that is kept alive holds. */
  #ended(socket: Socket): void {
    this.#busy.delete(socket)
    if (!socket.destroyed) this.#idle.set(socket, undefined)
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#idle.get(socket))
    this.#idle.delete(socket)
    this.#busy.delete(socket)
  }
}
