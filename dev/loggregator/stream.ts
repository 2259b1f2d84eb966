import type { ServerResponse } from 'node:http'
import type { GatewayEnvelope, Selection } from './envelope.ts'
import type { GatewayRecord } from './record.ts'

export interface StreamOptions {
  /** The gateway ends a stream after so long. */
  readonly streamTimeoutMs: number
  /** After so long without a write. */
  readonly heartbeatMs: number
  /** The most envelopes in a batch, and how long one may wait for it to fill. */
  readonly batchEnvelopes: number
  readonly batchMs: number
  /** What RLP keeps of a stream whose reader is slow; what is new goes beyond it. */
  readonly bufferEnvelopes: number
  /** Behind commas: protojson puts a space there in some builds. */
  readonly comma: string
  readonly record: GatewayRecord
  /** An envelope found no space. */
  readonly dropped: () => void
  readonly ended: (stream: GatewayStream) => void
}

/** One answer to `GET /v2/read`: server-sent events until the time is over, or a fault. */
export class GatewayStream {
  readonly shardId: string
  readonly selection: Selection
  readonly openedMs = Date.now()
  readonly #response: ServerResponse
  readonly #options: StreamOptions
  readonly #timers: NodeJS.Timeout[]
  #buffer: GatewayEnvelope[] = []
  #heartbeat: NodeJS.Timeout | undefined
  #isWaiting = false
  #isFrozen = false
  isOpen = true

  constructor(response: ServerResponse, shardId: string, selection: Selection, options: StreamOptions) {
    this.#response = response
    this.shardId = shardId
    this.selection = selection
    this.#options = options
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', connection: 'keep-alive' })
    response.flushHeaders()
    response.once('close', () => this.#leave())
    response.on('drain', () => {
      this.#isWaiting = false
      this.#pump(true)
    })
    this.#timers = [
      setInterval(() => this.#pump(false), options.batchMs),
      setTimeout(() => this.#timeOut(), Math.min(options.streamTimeoutMs, 2 ** 31 - 1)),
    ]
    this.#keepAlive()
  }

  offer(envelope: GatewayEnvelope): void {
    const { batchEnvelopes, bufferEnvelopes, dropped, record } = this.#options
    if (this.#buffer.length >= bufferEnvelopes) {
      record.note(envelope.number, 'dropped')
      dropped()
      return
    }
    this.#buffer.push(envelope)
    if (this.#buffer.length >= batchEnvelopes) this.#pump(true)
  }

  /** Writes what waits for a batch to fill. */
  flush(): void {
    this.#pump(false)
  }

  /** Nothing comes any more, not even heartbeats, and nothing is closed. */
  freeze(): void {
    this.#isFrozen = true
    clearTimeout(this.#heartbeat)
  }

  /** The connection breaks in the middle of a frame. */
  cut(): void {
    const frame = this.#frame(this.#buffer.slice(0, this.#options.batchEnvelopes))
    this.#response.write(frame.slice(0, Math.ceil(frame.length / 2)), () => this.#response.destroy())
    this.#leave()
  }

  /** As where RLP restarts or refuses: the body just ends. */
  end(): void {
    this.#leave()
    this.#response.end()
  }

  /** A frame of any text, as it stands. */
  writeRaw(text: string): void {
    this.#response.write(text)
  }

  #timeOut(): void {
    if (this.#isFrozen || !this.isOpen) return
    this.#response.write('event: closing\ndata: closing due to stream timeout\n\n')
    this.end()
  }

  #pump(isFull: boolean): void {
    const { batchEnvelopes, record } = this.#options
    while (this.isOpen && !this.#isFrozen && !this.#isWaiting && this.#buffer.length > 0) {
      if (isFull && this.#buffer.length < batchEnvelopes) return
      const batch = this.#buffer.splice(0, batchEnvelopes)
      this.#isWaiting = !this.#response.write(this.#frame(batch))
      for (const { number } of batch) record.note(number, 'written')
      this.#keepAlive()
    }
  }

  #frame(batch: readonly GatewayEnvelope[]): string {
    return `data: {"batch":[${batch.map(({ text }) => text).join(`,${this.#options.comma}`)}]}\n\n`
  }

  #keepAlive(): void {
    clearTimeout(this.#heartbeat)
    if (!this.isOpen || this.#isFrozen) return
    this.#heartbeat = setTimeout(() => {
      this.#response.write(`event: heartbeat\ndata: ${Math.floor(Date.now() / 1000)}\n\n`)
      this.#keepAlive()
    }, this.#options.heartbeatMs)
  }

  /** What is under way is thrown away, as the real one does. */
  #leave(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const timer of this.#timers) clearTimeout(timer)
    clearTimeout(this.#heartbeat)
    for (const { number } of this.#buffer) this.#options.record.note(number, 'discarded')
    this.#buffer = []
    this.#options.ended(this)
  }
}
