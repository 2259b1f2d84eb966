import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { toError } from '../lib/errors.ts'
import { sleep } from '../lib/sleep.ts'
import { steadyNowMs } from '../lib/steady-clock.ts'

/** So many at once, then a pause in ms: what comes faster than a receiver reads overflows its buffer, and nobody says so. */
const BURST = 8
const PAUSE_MS = 4
/** The name behind the address is asked for anew after this. */
const CONNECTED_MS = 60_000
/** A host that refuses a datagram is expected to have said so by then. */
const REFUSAL_MS = 20

export interface Sent {
  /** Datagrams from the first one on that nobody has refused. */
  readonly taken: number
  /** What ended it before the last one was taken: no address, no room, or the host's word that nobody listens. */
  readonly problem?: Error
}

/**
 * Datagrams to one address. Nobody answers; but a host may say that nobody listens (ECONNREFUSED), a moment after the operating system has
 * taken the datagram. So none counts as taken before that moment has passed, and what was sent within it is sent again after a refusal.
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

  /**
   * Sends them in their order, and resolves once all are taken or something has gone wrong; never rejects. One caller at a time.
   * A datagram behind the taken ones may have arrived nevertheless, shortly before its receiver went away.
   */
  async send(datagrams: readonly Buffer[]): Promise<Sent> {
    const sentMs: number[] = []
    let taken = 0
    try {
      const socket = await this.#connected()
      await this.#heard()
      for (const datagram of datagrams) {
        sentMs.push(steadyNowMs())
        await this.#sendOne(socket, datagram)
        if (++this.#sent % BURST === 0) await sleep(PAUSE_MS)
        const heardMs = await this.#heard()
        while (taken < sentMs.length && (sentMs[taken] as number) + REFUSAL_MS < heardMs) taken++
      }
      await sleep(REFUSAL_MS)
      await this.#heard()
      return { taken: datagrams.length }
    } catch (error) {
      this.close()
      return { taken, problem: toError(error) }
    }
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  #sendOne(socket: Socket, datagram: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.send(datagram, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Throws where the host has refused something. Resolves to a time (as of `steadyNowMs()`) until which it has not. */
  async #heard(): Promise<number> {
    // What has arrived while callbacks run is read in the turn after this one.
    await nextTurn()
    const nowMs = steadyNowMs()
    await nextTurn()
    if (this.#problem !== undefined) throw this.#problem
    return nowMs
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
