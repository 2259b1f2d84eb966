import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { sleep } from '../src/lib/sleep.ts'

export interface ProxyOptions {
  readonly targetPort: number
  /** Its own; a free one by default. */
  readonly port?: number
  /** Resets connections to its clients alone: the target sees them end in peace. */
  readonly sparesTarget?: boolean
}

type Direction = 'request' | 'answer'

/** A TCP proxy on 127.0.0.1 that fails as networks do. */
export class FaultProxy {
  /** Connections made to it so far. */
  accepted = 0
  readonly #targetPort: number
  readonly #sparesTarget: boolean
  #port: number
  #server: Server | undefined
  readonly #clients = new Set<Socket>()
  readonly #targets = new Set<Socket>()
  readonly #held: Record<Direction, boolean> = { request: false, answer: false }
  #bytesPerSecond = Number.POSITIVE_INFINITY
  /** When the bytes passed so far are paid for, at the rate above. */
  readonly #paidMs: Record<Direction, number> = { request: 0, answer: 0 }

  /** Resolves when it listens, healed. */
  static async start(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options)
    await proxy.heal()
    return proxy
  }

  private constructor({ targetPort, port = 0, sparesTarget = false }: ProxyOptions) {
    this.#targetPort = targetPort
    this.#sparesTarget = sparesTarget
    this.#port = port
  }

  get port(): number {
    return this.#port
  }

  /** Resets every connection; new ones are welcome. */
  cut(): void {
    for (const socket of this.#clients) socket.resetAndDestroy()
    for (const socket of this.#targets) this.#resetTarget(socket)
  }

  /** Resets every connection and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server && once(server.close(), 'close')
    this.cut()
    await closed
  }

  /** Nothing passes in either direction, of new connections neither; nothing is closed. */
  freeze(): void {
    this.#held.request = this.#held.answer = true
  }

  /** Requests pass, answers do not: what was asked for is done, and nobody hears of it. */
  swallowAnswers(): void {
    this.#held.answer = true
  }

  /** What may pass in each direction, all connections together. */
  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** As at the start; what was held back passes now. */
  async heal(): Promise<void> {
    this.#held.request = this.#held.answer = false
    this.#bytesPerSecond = Number.POSITIVE_INFINITY
    if (this.#server) return
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client))
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening')
    this.#port = (this.#server.address() as { port: number }).port
  }

  close(): Promise<void> {
    return this.refuse()
  }

  #accept(client: Socket): void {
    this.accepted++
    const target = dial({ port: this.#targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#clients.add(client)
    this.#targets.add(target)
    client.on('error', () => this.#resetTarget(target))
    target.on('error', () => client.resetAndDestroy())
    client.on('close', () => {
      this.#clients.delete(client)
      target.end()
    })
    target.on('close', () => {
      this.#targets.delete(target)
      client.end()
    })
    void this.#pass(client, target, 'request')
    void this.#pass(target, client, 'answer')
  }

  #resetTarget(target: Socket): void {
    if (this.#sparesTarget) target.end()
    else target.resetAndDestroy()
  }

  async #pass(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        await this.#permission(direction, chunk.length, from)
        if (from.destroyed && this.#held[direction]) break
        if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')])
      }
      to.end()
    } catch {
      to.destroy()
    }
  }

  async #permission(direction: Direction, sizeBytes: number, from: Socket): Promise<void> {
    while (this.#held[direction] && !from.destroyed) await sleep(10)
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return
    const nowMs = performance.now()
    this.#paidMs[direction] = Math.max(nowMs, this.#paidMs[direction]) + (sizeBytes / this.#bytesPerSecond) * 1000
    await sleep(this.#paidMs[direction] - nowMs)
  }
}
