import { Agent, type Dispatcher, request } from 'undici'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { addressText, type EngineAddress } from './address.ts'
import { EngineFailed, noAnswer, refused } from './engine-failed.ts'
import { parseExactJson } from './json-lines.ts'
import { commonVersion, compareVersions, SPOKEN_VERSIONS } from './version.ts'
import { type WholeAnswer, wholeAnswer } from './whole-answer.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const MAX_ERROR_BYTES = 64 * 1024
const ONE_SHOT = '1.41'
const NS_PER_MS = 1_000_000n
const HEADERS = { 'user-agent': 'cf-metrics-refinery' }

const maxBytesOf = (statusCode: number) => (statusCode === 200 ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES)

interface EngineTls {
  /** In PEM. Undefined: Node's own authorities, no client certificate. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface EngineOptions {
  readonly address: EngineAddress
  /** Undefined: plain. */
  readonly tls?: EngineTls | undefined
  /** For a connection, and for an answer that ends by itself. */
  readonly timeoutMs: number
}

/** An answer that goes on for as long as there is something to say. */
export interface EngineStream {
  /** In lower case, without parameters; '' where there is none. */
  readonly contentType: string
  /** Not pulling is back-pressure. Throws {@link EngineFailed} where it breaks, and the signal's reason where that aborts. */
  readonly chunks: AsyncIterable<Buffer>
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * A client of Docker's Engine API, or what speaks like it. Streams have no time-out: a quiet container is no fault. Errors are
 * {@link EngineFailed} and say what to do; aborting `signal` rejects with its reason.
 */
export class Engine {
  readonly where: string
  readonly #origin: string
  readonly #agent: Agent
  readonly #timeoutMs: number
  #version: string | undefined
  #isPodman = false
  /** What its clock said, and when that came. */
  #clock: { readonly ms: number; readonly atMs: number } | undefined

  constructor({ address, tls, timeoutMs }: EngineOptions) {
    this.where = addressText(address)
    this.#timeoutMs = timeoutMs
    const { ca, cert, key } = tls ?? {}
    const certificates = { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }
    const connect = address.kind === 'unix' ? { socketPath: address.path } : certificates
    this.#agent = new Agent({ connect: { ...connect, timeout: timeoutMs }, headersTimeout: 0, bodyTimeout: 0, pipelining: 1 })
    const scheme = tls === undefined || address.kind === 'unix' ? 'http' : 'https'
    this.#origin = address.kind === 'unix' ? 'http://docker' : `${scheme}://${address.host}:${address.port}`
  }

  /** Podman's service answers as Docker does, but not in everything. Known once {@link connect} has resolved. */
  get isPodman(): boolean {
    return this.#isPodman
  }

  /** Whether one reading of a container's usage can be had without a second one, a cycle later. */
  get hasOneShot(): boolean {
    return this.#version !== undefined && compareVersions(this.#version, ONE_SHOT) >= 0
  }

  /** Whether its clock has not come to that time yet, as far as it has told its clock. */
  isBefore(timeNs: bigint): boolean {
    return this.#clock !== undefined && BigInt(Math.ceil(this.#clock.ms + steadyNowMs() - this.#clock.atMs)) * NS_PER_MS < timeNs
  }

  /**
   * Resolves to the version that is spoken from now on. Again whenever the engine was away: it may be another one.
   */
  async connect(signal: AbortSignal): Promise<string> {
    const { headers } = await this.#ask('/_ping', 'ask for its version', signal)
    const offered = String(headers['api-version'] ?? '')
    const version = commonVersion(offered)
    if (version === undefined) {
      throw new EngineFailed(
        `Docker engine at ${this.where}: found API version ${offered || 'none'}, expected ${SPOKEN_VERSIONS}. Is it a Docker engine, and not older than 19.03?`,
      )
    }
    this.#isPodman = /libpod/i.test(String(headers['server'] ?? ''))
    this.#version = version
    return version
  }

  /** An answer that ends by itself, as `parseExactJson` has it. `what` is for the error: `list containers`. */
  async json(path: string, query: Query, what: string, signal: AbortSignal): Promise<unknown> {
    const { text } = await this.#ask(this.#pathOf(path, query), what, signal)
    try {
      return parseExactJson(text)
    } catch (cause) {
      throw new EngineFailed(`Docker engine at ${this.where}: ${what}: the answer is not JSON`, { cause })
    }
  }

  /** Resolves once the answer has begun, which an older engine lets wait until there is something to say. */
  async stream(path: string, query: Query, what: string, signal: AbortSignal): Promise<EngineStream> {
    const { statusCode, headers, body } = await this.#send(this.#pathOf(path, query), what, signal)
    if (statusCode !== 200) throw refused(this.where, what, statusCode, await textOf(body, MAX_ERROR_BYTES).catch(() => ''))
    const contentType = String(headers['content-type'] ?? '')
    return { contentType: (contentType.split(';')[0] as string).trim().toLowerCase(), chunks: this.#chunksOf(body, what, signal) }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #pathOf(path: string, query: Query): string {
    if (this.#version === undefined) throw new Error('connect() comes first')
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
    return `/v${this.#version}${path}${parameters.size === 0 ? '' : `?${parameters}`}`
  }

  async #ask(path: string, what: string, signal: AbortSignal): Promise<WholeAnswer> {
    let answer: WholeAnswer
    try {
      answer = await wholeAnswer({
        ...{ dispatcher: this.#agent, origin: this.#origin, path, headers: HEADERS, signal },
        timeoutMs: this.#timeoutMs,
        maxBytes: maxBytesOf,
      })
    } catch (error) {
      signal.throwIfAborted()
      throw noAnswer(this.where, what, error)
    }
    const ms = Date.parse(String(answer.headers['date']))
    if (!Number.isNaN(ms)) this.#clock = { ms, atMs: steadyNowMs() }
    if (answer.statusCode !== 200) throw refused(this.where, what, answer.statusCode, answer.text)
    return answer
  }

  async #send(path: string, what: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    signal.throwIfAborted()
    try {
      return await request(`${this.#origin}${path}`, { dispatcher: this.#agent, signal, headers: HEADERS })
    } catch (error) {
      signal.throwIfAborted()
      throw noAnswer(this.where, what, error)
    }
  }

  async *#chunksOf(body: Dispatcher.ResponseData['body'], what: string, signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) yield chunk
    } catch (error) {
      signal.throwIfAborted()
      throw noAnswer(this.where, `${what}: the stream broke`, error)
    } finally {
      body.destroy()
    }
  }
}

async function textOf(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
