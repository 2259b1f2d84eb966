import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connectSocket, type SocketOptions } from '../lib/connect-socket.ts'

export interface StreamOptions extends SocketOptions {
  /** Bytes that were written last and are written again after a break, since nobody says what has arrived; 0: none. */
  readonly windowBytes: number
}

/**
 * Frames over TCP or TLS, where nothing is acknowledged: what the operating system has taken may still be lost when the receiver goes away, so
 * the last bytes are kept and written again on the next connection. What lies between a receiver's buffer and that is lost.
 */
export class ByteStream {
  readonly #options: StreamOptions
  #socket: Socket | undefined
  #window: Buffer[] = []
  #windowBytes = 0
  /** Messages that were written again after a break. */
  repeated = 0

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** Resolves once the operating system has taken them, each a whole message. */
  async write(frames: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const socket = await this.#connected(signal)
    await writeTo(socket, Buffer.concat(frames), signal)
    for (const frame of frames) this.#keep(Buffer.from(frame))
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.#connected(signal)
  }

  close(): void {
    this.#socket?.end()
    this.#socket?.destroySoon()
    this.#socket = undefined
  }

  async #connected(signal: AbortSignal): Promise<Socket> {
    // That the receiver has closed its side is read in a turn of its own.
    await nextTurn()
    if (this.#socket !== undefined && isUsable(this.#socket)) return this.#socket
    this.#socket?.destroy()
    const socket = await connectSocket(this.#options, signal)
    // A receiver says nothing: that it has closed its side is all there is to read.
    socket.on('end', () => socket.destroy())
    socket.resume()
    this.#socket = socket
    if (this.#window.length > 0) {
      this.repeated += this.#window.length
      await writeTo(socket, Buffer.concat(this.#window), signal)
    }
    return socket
  }

  #keep(frame: Buffer): void {
    this.#window.push(frame)
    this.#windowBytes += frame.length
    while (this.#windowBytes > this.#options.windowBytes && this.#window.length > 0) this.#windowBytes -= this.#window.shift()?.length ?? 0
  }
}

function isUsable(socket: Socket): boolean {
  return !socket.destroyed && socket.writable && !socket.readableEnded
}

function writeTo(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => end(signal.reason)
    const closed = () => end(new Error('the receiver closed the connection'))
    function end(error: unknown) {
      signal.removeEventListener('abort', abort)
      socket.off('close', closed)
      if (error == null) resolve()
      else reject(error)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', closed)
    socket.write(bytes, end)
  })
}
