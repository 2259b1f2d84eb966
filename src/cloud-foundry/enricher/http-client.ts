import { STATUS_CODES } from 'node:http'
import { Agent, type Dispatcher, request } from 'undici'
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import type { Secrets } from '../../lib/secrets.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import type { SourceTraffic } from '../metadata.ts'
import { RequestFailed } from './request-failed.ts'

const MAX_BODY_BYTES = 64 * 1024 * 1024
const EXCERPT_CHARACTERS = 200
/** Cloud Controller's rate limits last an hour at most; more than that is a mistake of somebody's clock. */

export interface HttpClientOptions {
  /** For one request, from the first byte sent to the last byte read. */
  readonly timeoutMs: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted?: readonly string[] | undefined
  /** Values that servers may quote in their errors and that must not be passed on. */
  readonly secrets: Secrets
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpReply {
  readonly request: HttpRequest
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly text: string
}

/**
 * Requests to Cloud Controller and UAA: time-outs that cover the body too, verified TLS, no redirects (a token must not follow
 * one), and errors in words. Once a server has asked for quiet (`Retry-After`), it is not asked again before that has passed.
 */
export class HttpClient implements SourceTraffic {
  requests = 0
  failures = 0
  lastFailureMs = 0
  lastError: string | undefined
  readonly secrets: Secrets
  readonly #agent: Agent
  readonly #timeoutMs: number
  readonly #quietUntilMs = new Map<string, number>()

  constructor({ timeoutMs, skipSslValidation, trusted, secrets }: HttpClientOptions) {
    this.#timeoutMs = timeoutMs
    this.secrets = secrets
    this.#agent = new Agent({
      connect: { rejectUnauthorized: !skipSslValidation, timeout: timeoutMs, ...(trusted && { ca: [...trusted] }) },
      connections: 10,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** Resolves with any answer, of whatever status; rejects with RequestFailed where there is none, or with the reason `signal` aborted for. */
  async send(call: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    signal.throwIfAborted()
    this.#keepQuiet(call)
    const cut = new AbortController()
    const ended = new AbortController()
    const abort = () => cut.abort()
    signal.addEventListener('abort', abort, { once: true })
    void sleep(this.#timeoutMs, ended.signal).then(abort)
    this.requests++
    try {
      const { method, url, headers, body = null } = call
      const answer = await request(url, { method, headers, body, dispatcher: this.#agent, signal: cut.signal })
      const text = await textOf(answer.body)
      return this.#noteRetryAfter({ request: call, status: answer.statusCode, headers: answer.headers, text })
    } catch (error) {
      signal.throwIfAborted()
      throw this.#count(cut.signal.aborted ? this.#timeOut(call) : this.#noAnswer(call, error))
    } finally {
      ended.abort()
      signal.removeEventListener('abort', abort)
    }
  }

  /** The body of a reply as JSON, where its status is 200. */
  json(reply: HttpReply): unknown {
    if (reply.status !== 200) throw this.refused(reply)
    try {
      return JSON.parse(reply.text)
    } catch (cause) {
      throw this.unusable(reply, `the answer is not JSON (${this.#excerpt(reply.text)})`, cause)
    }
  }

  /** An answer of another status than asked for. */
  refused(reply: HttpReply): RequestFailed {
    const { status } = reply
    const advice = adviceFor(reply)
    const text = `${status} ${STATUS_CODES[status] ?? ''}`.trim()
    return this.#count(
      new RequestFailed(`${nameOf(reply.request)}: ${text}: ${this.#excerpt(reply.text)}${advice === '' ? '' : `. ${advice}`}`, {
        status,
        retryAfterMs: retryAfterOf(reply),
        needsOperator: advice !== '' && status !== 429,
      }),
    )
  }

  /** An answer of the right status that means nothing. */
  unusable(reply: HttpReply, why: string, cause?: unknown): RequestFailed {
    return this.#count(new RequestFailed(`${nameOf(reply.request)}: ${this.secrets.redact(why)}`, { status: reply.status, cause }))
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #keepQuiet(call: HttpRequest): void {
    const waitMs = (this.#quietUntilMs.get(new URL(call.url).origin) ?? 0) - steadyNowMs()
    if (waitMs <= 0) return
    const text = `${nameOf(call)}: not asked, since the server wants to be left alone for ${Math.ceil(waitMs / 1000)} s more (Retry-After)`
    throw new RequestFailed(text, { status: 429, retryAfterMs: waitMs })
  }

  #noteRetryAfter(reply: HttpReply): HttpReply {
    const waitMs = retryAfterOf(reply)
    if (waitMs !== undefined) this.#quietUntilMs.set(new URL(reply.request.url).origin, steadyNowMs() + waitMs)
    return reply
  }

  #timeOut(call: HttpRequest): RequestFailed {
    return new RequestFailed(`${nameOf(call)}: no answer within ${this.#timeoutMs} ms (CFMR_CF_TIMEOUT)`)
  }

  #noAnswer(call: HttpRequest, error: unknown): RequestFailed {
    const why = this.secrets.redact(errorText(error))
    const code = String((error as { code?: unknown } | undefined)?.code ?? '')
    if (!/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code))
      return new RequestFailed(`${nameOf(call)}: ${why}. Is it up, and is CFMR_CF_API right?`, { cause: error })
    const advice = 'Let Node.js trust its issuer (NODE_EXTRA_CA_CERTS), or set CFMR_CF_SKIPSSLVALIDATION=true'
    return new RequestFailed(`${nameOf(call)}: its certificate is not trusted: ${why} (${code}). ${advice}`, {
      cause: error,
      needsOperator: true,
    })
  }

  #excerpt(text: string): string {
    return this.secrets.excerpt(text, EXCERPT_CHARACTERS) || 'empty body'
  }

  #count(failure: RequestFailed): RequestFailed {
    this.failures++
    this.lastFailureMs = Date.now()
    this.lastError = failure.message
    return failure
  }
}

async function textOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes: lower CFMR_CF_RESULTSPERPAGE`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Without the query, which may be thousands of characters of guids. */
function nameOf({ method, url }: HttpRequest): string {
  const { origin, pathname } = new URL(url)
  return `${pathname.endsWith('/oauth/token') ? 'UAA' : 'Cloud Controller'}: ${method} ${origin}${pathname}`
}

function retryAfterOf({ status, headers }: HttpReply): number | undefined {
  if (status !== 429 && status !== 503) return undefined
  const askedMs = retryAfterMs(headers['retry-after'], Date.now())
  return askedMs === undefined ? undefined : Math.min(askedMs, MAX_RETRY_AFTER_MS)
}

function adviceFor({ status, headers, text, request: { url } }: HttpReply): string {
  if (status >= 300 && status < 400) return `It points to ${String(headers['location'])}: set CFMR_CF_API to where the API itself answers`
  if (status === 401 && !url.endsWith('/oauth/token'))
    return 'The token is not accepted: look at the login (CFMR_CF_USER, CFMR_CF_CLIENTID or CFMR_CF_TOKEN)'
  if (status === 403) return 'The account needs to see all apps: make it a global auditor (cloud_controller.global_auditor)'
  if (status === 404 && text.includes('V2 endpoints disabled')) return 'This foundation has switched v2 off: set CFMR_CF_APIVERSION=v3'
  if (status === 404 && !/\/v2\/\w+\/./.test(url)) return 'Is CFMR_CF_API the address of a Cloud Controller?'
  if (status === 429) return 'The rate limit of this account is reached'
  return ''
}
