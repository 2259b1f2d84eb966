import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import type { SocketOptions } from '../../lib/connect-socket.ts'
import { errorText } from '../../lib/error-text.ts'
import { toError } from '../../lib/errors.ts'
import { ByteStream } from '../byte-stream.ts'
import { Datagrams, type Sent } from '../datagrams.ts'
import { type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { framesOf } from './frame-encoder.ts'
import { RelpSession } from './relp.ts'
import type { SyslogSettings } from './variables.ts'

export type SyslogOptions = SyslogSettings & Pick<RetryingOptions, 'backoff' | 'log'>

/** Frames written together to a stream. */
const FRAMES_AT_ONCE = 500

/** Messages to a syslog receiver: over RELP acknowledged one by one, over TCP, TLS and UDP handed over. */
export class Syslog extends RetryingOutput implements Output {
  readonly #options: SyslogOptions
  readonly #socket: SocketOptions
  readonly #stream: ByteStream
  #session: RelpSession | undefined
  readonly #datagrams: Datagrams

  constructor(options: SyslogOptions) {
    super(options, {
      name: `the syslog receiver at ${options.address.protocol}://${options.address.host}:${options.address.port}`,
      addressVariable: 'CFMR_SYSLOG_URL',
      startTimeoutVariable: 'CFMR_SYSLOG_STARTTIMEOUT',
    })
    this.#options = options
    this.#socket = socketOptions(options)
    this.#datagrams = new Datagrams(options.address)
    this.#stream = new ByteStream({ ...this.#socket, windowBytes: options.windowBytes })
  }

  async write(records: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    this.inFlight++
    try {
      const unstored = await (this.#options.address.protocol === 'relp'
        ? this.#writeRelp(records, signal)
        : this.#writeUnanswered(records, signal))
      this.batches++
      return unstored
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.limitedLog.flush()
    this.#stream.close()
    this.#datagrams.close()
    await this.#session?.close()
  }

  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { protocol } = this.#options.address
      if (protocol === 'relp') await this.#open(signal)
      else if (protocol !== 'udp') await this.#stream.connect(signal)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }

  /** Whatever is not answered when a session ends is sent again in the next one. */
  async #writeRelp(records: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    const startMs = performance.now()
    const refusals = new Map<number, string>()
    let waiting: readonly number[] = Array.from({ length: records.count }, (_, record) => record)
    for (let failures = 0; ; ) {
      const { unanswered, failure } = await this.#sendOnce(records, waiting, refusals, signal)
      signal.throwIfAborted()
      if (unanswered.length < waiting.length) {
        this.works()
        failures = 0
      }
      waiting = unanswered
      if (failure === undefined) break
      this.#session?.destroy()
      await this.waitToRetry(failures++, { reason: errorText(failure), error: failure }, signal)
    }
    const unstored = [...refusals].map(([record, reason]) => ({ record, reason, isHeld: true })).sort((a, b) => a.record - b.record)
    this.#countAll(records, unstored, startMs)
    if (unstored.length > 0) this.#sayHeld(unstored)
    return unstored
  }

  /** Sends these records in their order. Resolves to those of which not every message has an answer; refused ones are put into `refusals`. */
  async #sendOnce(records: Records, waiting: readonly number[], refusals: Map<number, string>, signal: AbortSignal) {
    const unanswered = new Set<number>()
    const answers: Promise<void>[] = []
    let failure: Error | undefined
    const failed = (record: number) => (error: unknown) => {
      failure ??= toError(error)
      unanswered.add(record)
    }
    let session: RelpSession
    try {
      session = await this.#open(signal)
    } catch (error) {
      return { unanswered: waiting, failure: toError(error) }
    }
    const abort = () => session.destroy()
    signal.addEventListener('abort', abort, { once: true })
    await this.waitFor(async () => {
      const bytes = bytesOf(records)
      for (const record of waiting) {
        refusals.delete(record)
        for (const frame of framesOf(bytes, startOf(records, record), records.endOf(record))) {
          await session.room()
          // RELP has no line feed at the end of a message.
          const answered = (refusal: string | undefined) => void (refusal !== undefined && refusals.set(record, refusal))
          answers.push(session.send(frame.subarray(0, -1)).then(answered, failed(record)))
        }
      }
      await Promise.all(answers)
    })
    signal.removeEventListener('abort', abort)
    return { unanswered: waiting.filter((record) => unanswered.has(record)), failure }
  }

  async #writeUnanswered(records: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    const startMs = performance.now()
    const bytes = bytesOf(records)
    const frames: Buffer[] = []
    for (let record = 0; record < records.count; record++) frames.push(...framesOf(bytes, startOf(records, record), records.endOf(record)))
    for (let at = 0, failures = 0; at < frames.length; ) {
      const some = frames.slice(at, at + FRAMES_AT_ONCE)
      const { taken, problem } = await this.#send(some, signal)
      at += taken
      if (taken > 0) failures = 0
      if (problem === undefined) this.works()
      else {
        signal.throwIfAborted()
        await this.waitToRetry(failures++, { reason: errorText(problem), error: problem }, signal)
      }
    }
    this.repeated = this.#stream.repeated
    this.#countAll(records, [], startMs)
    return []
  }

  async #send(frames: readonly Buffer[], signal: AbortSignal): Promise<Sent> {
    const { address, framing } = this.#options
    if (address.protocol === 'udp') return this.#datagrams.send(frames.map((frame) => frame.subarray(0, -1)))
    try {
      await this.waitFor(() => this.#stream.write(framing === 'octet' ? frames.map(counted) : frames, signal))
      return { taken: frames.length }
    } catch (error) {
      return { taken: 0, problem: toError(error) }
    }
  }

  async #open(signal: AbortSignal): Promise<RelpSession> {
    if (this.#session?.isOpen !== true) this.#session = await RelpSession.open(this.#socket, signal)
    return this.#session
  }

  #countAll(records: Records, unstored: readonly UnstoredRecord[], startMs: number): void {
    const stored = records.count - unstored.length
    if (stored > 0) this.countStored(stored, records.bytes.length, (performance.now() - startMs) / 1000)
  }

  #sayHeld(unstored: readonly UnstoredRecord[]): void {
    const reason = unstored[0]?.reason ?? ''
    this.lastError = reason
    this.limitedLog.error('refused', { error: reason, messages: unstored.length }, `${this.destination} does not take messages over RELP`)
  }
}

export function socketOptions({ address, timeoutMs, ca, cert, key, skipSslValidation }: SyslogSettings): SocketOptions {
  const { protocol, host, port } = address
  return { host, port, timeoutMs, ...(protocol === 'tls' && { tls: { rejectUnauthorized: !skipSslValidation, ca, cert, key } }) }
}

function bytesOf({ bytes }: Records): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function startOf(records: Records, record: number): number {
  return record === 0 ? 0 : records.endOf(record - 1)
}

/** RFC 6587, octet counting. */
function counted(frame: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${frame.length} `), frame])
}
