import { Client } from 'undici'
import { errorText } from '../../lib/error-text.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { EventReader } from './event-reader.ts'
import { explainAnswer, explainError } from './explain.ts'
import type { GatewayAccess } from './gateway-access.ts'
import type { Cause, StreamEnd } from './stream-end.ts'

export interface GatewayStreamOptions {
  readonly access: GatewayAccess
  /** As `shard_id`: streams of one share what there is. */
  readonly shardId: string
  /** For a connection, and for the answer to begin. */
  readonly timeoutMs: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted?: readonly string[] | undefined
  /** Without a byte for so long it is dead; the gateway sends heartbeats every 15 s. */
  readonly silenceMs: number
  /** The data of an event, which should hold a batch. A view: it may be kept. */
  readonly batch: (data: Buffer) => void
  /** An event was longer than is read, or the end of the stream cut it off; `bytes` of it came. */
  readonly lost: (what: 'oversized' | 'truncated', bytes: number) => void
}

/** What makes points, and the counters in which the platform says what it has dropped. */
const SELECTION = 'log=&timer=&gauge=&counter.name=dropped'
const ERROR_BYTES = 2000
/** An answer that ends within this, with nothing in it, is RLP's way to say that it takes no more. */
const AT_ONCE_MS = 1000
const TICK_MS = 1000
/** So long a batch that has begun to come may take to come to its end, where the stream is to be ended. */
const FINISH_MS = 500

/**
 * One stream of the gateway, from its connection, which is its own so that names are asked for anew, to its end. What comes is handed on as it
 * comes, and nothing ever makes it wait.
 */
export class GatewayStream {
  readonly #options: GatewayStreamOptions
  readonly #cut = new AbortController()
  #cutBy: Cause = 'stopped'
  #openedMs: number | undefined
  #hasData = false
  #isClosing = false
  #silentTicks = 0
  #reader: EventReader | undefined
  /** Whether it is open, once that is known. */
  readonly opened: Promise<boolean>
  readonly ended: Promise<StreamEnd>
  #settleOpened: (isOpen: boolean) => void = () => {}

  constructor(options: GatewayStreamOptions) {
    this.#options = options
    this.opened = new Promise((resolve) => {
      this.#settleOpened = resolve
    })
    this.ended = this.#live().finally(() => this.#settleOpened(false))
  }

  get isOpen(): boolean {
    return this.#openedMs !== undefined && !this.#cut.signal.aborted
  }

  /** Ends it, once the batch is there that has begun to come. */
  end(cause: Cause = 'stopped'): void {
    if (this.#cut.signal.aborted) return
    this.#cutBy = cause
    const reader = this.#reader
    if (cause === 'silent' || reader === undefined || reader.unfinishedBytes === 0) this.#cut.abort()
    else {
      reader.endAfterEvent()
      void sleep(FINISH_MS, this.#cut.signal).then(() => this.#cut.abort())
    }
  }

  async #live(): Promise<StreamEnd> {
    const { access } = this.#options
    const signal = this.#cut.signal
    let url: string
    let token: string
    try {
      url = await access.url(signal)
      token = await access.token(signal)
    } catch (error) {
      if (signal.aborted) return this.#end(this.#cutBy, '')
      const { retryAfterMs, needsOperator = false } = error as { retryAfterMs?: number; needsOperator?: boolean }
      return { ...this.#end('login', errorText(error)), retryAfterMs, needsOperator }
    }
    const client = this.#clientFor(url)
    const watch = new AbortController()
    void this.#watch(watch.signal)
    try {
      return { ...(await this.#read(client, url, token)), token }
    } catch (error) {
      if (signal.aborted) return this.#end(this.#cutBy, this.#cutBy === 'silent' ? this.#silence() : '')
      const isOpen = this.#openedMs !== undefined
      const { text, needsOperator } = explainError(error, access)
      return { ...this.#end(isOpen ? 'broken' : 'unreachable', `${url}: ${text}`), needsOperator }
    } finally {
      watch.abort()
      this.#cut.abort()
      await client.destroy().catch(() => {})
    }
  }

  #clientFor(url: string): Client {
    const { timeoutMs, skipSslValidation, trusted } = this.#options
    return new Client(new URL(url).origin, {
      connect: { rejectUnauthorized: !skipSslValidation, timeout: timeoutMs, ...(trusted && { ca: [...trusted] }) },
      headersTimeout: timeoutMs,
      bodyTimeout: 0,
      pipelining: 1,
    })
  }

  async #read(client: Client, url: string, token: string): Promise<StreamEnd> {
    const { shardId, access } = this.#options
    const path = `${new URL(url).pathname.replace(/\/+$/, '')}/v2/read?${SELECTION}&shard_id=${encodeURIComponent(shardId)}`
    // Lower case: the gateway takes no other.
    const headers = { authorization: `bearer ${token}`, accept: 'text/event-stream', 'user-agent': 'cf-metrics-refinery' }
    const { statusCode, headers: answered, body } = await client.request({ method: 'GET', path, headers, signal: this.#cut.signal })
    if (statusCode !== 200 || !mayBeEvents(answered['content-type'])) {
      const text = access.excerpt(await beginningOf(body))
      const routerError = answered['x-cf-routererror']
      const { cause, error, needsOperator } = explainAnswer(url, statusCode, text, routerError && access.excerpt(String(routerError)))
      return { ...this.#end(cause, error), needsOperator }
    }
    this.#openedMs = steadyNowMs()
    this.#silentTicks = 0
    this.#settleOpened(true)
    const reader = this.#eventReader()
    this.#reader = reader
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        this.#silentTicks = 0
        reader.push(chunk)
        if (reader.isAtEnd) this.#cut.abort()
      }
    } finally {
      if (reader.unfinishedBytes > 0) this.#options.lost('truncated', reader.unfinishedBytes)
    }
    if (this.#isClosing) return this.#end('closing', `${url}: the gateway has closed a stream, as it does after some time`)
    const isAtOnce = !this.#hasData && steadyNowMs() - this.#openedMs < AT_ONCE_MS
    if (isAtOnce) return this.#end('overloaded', `${url}: the gateway ends a stream at once, as it does where it takes no more streams`)
    return this.#end('eof', `${url}: a stream has ended without a word, as where the gateway is restarted`)
  }

  #eventReader(): EventReader {
    const { batch, lost } = this.#options
    return new EventReader({
      data: (bytes) => {
        this.#hasData = true
        batch(bytes)
      },
      named: (name) => {
        if (name === 'closing') this.#isClosing = true
      },
      tooLong: (bytes) => lost('oversized', bytes),
    })
  }

  /** Counts seconds in which this process ran: one that was frozen itself knows nothing of the gateway's silence. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { silenceMs, timeoutMs } = this.#options
    const tickMs = Math.min(TICK_MS, silenceMs / 5)
    while (!signal.aborted) {
      await sleep(tickMs, signal)
      this.#silentTicks++
      // An answer that is no stream has the time for a connection, for its head and for its body.
      const mostMs = this.#openedMs === undefined ? 3 * timeoutMs : silenceMs
      if (this.#silentTicks * tickMs >= mostMs) this.end('silent')
    }
  }

  #silence(): string {
    if (this.#openedMs === undefined) return 'the gateway does not end its answer'
    return `nothing has come over a stream for ${Math.round(this.#options.silenceMs / 1000)} s, not even a heartbeat`
  }

  #end(cause: Cause, error: string): StreamEnd {
    return { cause, error, livedMs: this.#openedMs === undefined ? 0 : steadyNowMs() - this.#openedMs }
  }
}

function mayBeEvents(contentType: string | string[] | undefined): boolean {
  return contentType === undefined || /^text\/event-stream\b/i.test(String(contentType))
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of body) {
    text += chunk.toString()
    if (text.length > ERROR_BYTES) break
  }
  return text
}
