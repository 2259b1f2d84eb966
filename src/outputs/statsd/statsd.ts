import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import { errorText } from '../../lib/error-text.ts'
import { toError } from '../../lib/errors.ts'
import { ByteStream } from '../byte-stream.ts'
import { Datagrams, type Sent } from '../datagrams.ts'
import { type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { IntervalSums } from './interval-sums.ts'
import { packed, statsdPackets } from './packets.ts'
import type { StatsdSettings } from './variables.ts'

export type StatsdOptions = StatsdSettings & Pick<RetryingOptions, 'backoff' | 'log'>

const LINE_END = Buffer.from('\n')

/** Sums of samples to a StatsD daemon, or to Graphite. What the operating system has taken counts as written: nobody answers. */
export class Statsd extends RetryingOutput implements Output {
  readonly #options: StatsdOptions
  readonly #stream: ByteStream
  readonly #datagrams: Datagrams
  /** Of Graphite alone. */
  readonly #sums: IntervalSums | undefined

  constructor(options: StatsdOptions) {
    const { address, timeoutMs, format, flushIntervalMs } = options
    super(options, {
      name: `${format === 'graphite' ? 'Graphite' : 'StatsD'} at ${address.protocol}://${address.host}:${address.port}`,
      addressVariable: 'CFMR_STATSD_ADDR',
      startTimeoutVariable: 'CFMR_STATSD_STARTTIMEOUT',
    })
    this.#options = options
    // What was sent twice would count twice.
    this.#stream = new ByteStream({ host: address.host, port: address.port, timeoutMs, windowBytes: 0 })
    this.#datagrams = new Datagrams(address)
    this.#sums = format === 'graphite' ? new IntervalSums(flushIntervalMs) : undefined
  }

  async write({ bytes, count }: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    const startMs = performance.now()
    this.inFlight++
    try {
      const packets = this.#packetsOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      for (let at = 0, failures = 0; at < packets.length; ) {
        const { taken, problem } = await this.#send(packets.slice(at), signal)
        at += taken
        if (taken > 0) failures = 0
        if (problem === undefined) this.works()
        else {
          signal.throwIfAborted()
          await this.waitToRetry(failures++, { reason: errorText(problem), error: problem }, signal)
        }
      }
      this.countStored(count, bytes.length, (performance.now() - startMs) / 1000)
      this.batches++
      return []
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.limitedLog.flush()
    this.#stream.close()
    this.#datagrams.close()
  }

  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    if (this.#options.address.protocol === 'udp') return undefined
    try {
      await this.#stream.connect(signal)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }

  #packetsOf(samples: Buffer): readonly Buffer[] {
    const mtu = this.#options.mtu - LINE_END.length
    if (this.#sums === undefined) return statsdPackets(samples, mtu)
    const { restarted } = this.#sums
    const packets = packed(this.#sums.add(samples), mtu)
    if (this.#sums.restarted > restarted) {
      this.limitedLog.error(
        'forgotten',
        { sums: this.#sums.restarted },
        `${this.destination}: sums of intervals that were forgotten may have begun anew, and Graphite has too little there`,
      )
    }
    return packets
  }

  /** Sums that may have begun anew, though Graphite has more: see {@link IntervalSums.restarted}. */
  get restarted(): number | undefined {
    return this.#sums?.restarted
  }

  /** Datagrams end what they hold; Graphite wants the line's end there, too. */
  async #send(packets: readonly Buffer[], signal: AbortSignal): Promise<Sent> {
    const { address, format } = this.#options
    const isUdp = address.protocol === 'udp'
    const ended = isUdp && format !== 'graphite' ? packets : packets.map((packet) => Buffer.concat([packet, LINE_END]))
    if (isUdp) return this.#datagrams.send(ended)
    for (const [taken, packet] of ended.entries()) {
      try {
        await this.waitFor(() => this.#stream.write([packet], signal))
      } catch (error) {
        return { taken, problem: toError(error) }
      }
    }
    return { taken: ended.length }
  }
}
