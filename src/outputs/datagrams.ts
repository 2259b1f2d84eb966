import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { sleep } from '../lib/sleep.ts'
import { steadyNowMs } from '../lib/steady-clock.ts'

/** So many at once, then a pause in ms: what comes faster than a receiver reads overflows its buffer, and nobody says so. */
const BURST = 8
const PAUSE_MS = 4
/** The name behind the address is asked for anew after this. */
const CONNECTED_MS = 60_000

/**
 * Datagrams to one address. What the operating system has taken is gone: nobody answers. But where a host says that nobody listens
 * (ECONNREFUSED), the next one fails with that.
 */
export class Datagrams {
  readonly #address: { readonly host: string; readonly port: number }
  #socket: Socket | undefined
  #connectedMs = 0
  #sent = 0
  #problem: Error | undefined

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address
  }

  /** Resolves once the operating system has taken it. One caller at a time. */
  async send(datagram: Buffer): Promise<void> {
    try {
      const socket = await this.#connected()
      if (this.#problem !== undefined) throw this.#problem
      await new Promise<void>((resolve, reject) => {
        socket.send(datagram, (error) => (error === null ? resolve() : reject(error)))
      })
    } catch (error) {
      this.close()
      throw error
    }
    if (++this.#sent % BURST === 0) await sleep(PAUSE_MS)
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== undefined && steadyNowMs() - this.#connectedMs < CONNECTED_MS) return this.#socket
    this.close()
    const { address, family } = await lookup(this.#address.host)
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
    this.#problem = undefined
    socket.on('error', (error) => {
      if (socket === this.#socket) this.#problem = error
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(this.#address.port, address, () => {
        socket.off('error', reject)
        resolve()
      })
    })
    this.#socket = socket
    this.#connectedMs = steadyNowMs()
    return socket
  }
}
