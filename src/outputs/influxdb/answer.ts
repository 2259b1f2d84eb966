import { HttpError } from '@influxdata/influxdb-client'
import type { Records, RefusedRecord } from '../../flow/contracts.ts'
import { retryAfterMs } from '../../lib/backoff.ts'
import { namedLines } from './named-lines.ts'

export interface InfluxDbResponse {
  readonly status: number
  readonly contentType?: string | undefined
  readonly retryAfter?: string | undefined
  /** What the platform's router says in `X-Cf-RouterError` when the answer is its own. */
  readonly routerError?: string | undefined
  /** What the server says of itself: its version, and a header that only VictoriaMetrics sends. */
  readonly version?: string | undefined
  readonly isVictoriaMetrics?: boolean
  readonly body: string
}

/** `/write` of InfluxDB 1.x, or `/api/v2/write`: only which variable an operator has to look at depends on it. */
export type InfluxDbApi = 'v1' | 'v2'

export interface Refusal {
  readonly outcome: 'refused'
  readonly reason: string
  /** All that the answer says, however long: what to search by, and not for people. */
  readonly hint: string
  /** The lines that the answer names, numbered as sent, with the reason for each. */
  readonly named: readonly RefusedRecord[]
  /** The answer says that not one of the lines was taken. */
  readonly isTotal: boolean
  /** False where the text does not say that a point is at fault: it could be the request, or the server. */
  readonly isAboutPoints: boolean
}

/** What an answer to a write means for the lines that were sent. */
export type InfluxDbAnswer =
  | { readonly outcome: 'stored' }
  | Refusal
  | { readonly outcome: 'too-large'; readonly reason: string }
  /** Somebody has to change something before it can pass: `variable` names what to look at. */
  | {
      readonly outcome: 'misconfigured'
      readonly reason: string
      readonly variable: string
      readonly error: Error
      readonly retryAfterMs: number | undefined
    }
  | { readonly outcome: 'failed'; readonly reason: string; readonly error: Error; readonly retryAfterMs: number | undefined }

/**
 * Judges an answer by its body, then by its status. Pure, but for the clock a date in Retry-After is measured by. What the
 * servers say was read in their sources: InfluxDB 1.6 to 1.12 (services/httpd), 2.0 to 2.9 (http, v1/coordinator) and 3.9
 * (influxdb3_server, mutable_batch_lp).
 *
 * - 1.x answers 400 `partial write: … dropped=N`, having stored the rest, in the words of the first shard that complains. These
 *   may be about the server (`no space left on device`): then nothing is said of points, whatever `dropped` is.
 * - 2.x wraps the same text in `message`: 422, in 2.0 also 500. It stores nothing when a line does not parse.
 * - 3.x lists lines by number; through `/api/v2/write` only `partial write of line protocol occurred`.
 *
 * What speaks no JSON as InfluxDB does is something in between, such as a proxy, and knows nothing of points.
 */
export function judgeAnswer(response: InfluxDbResponse, sent: Records, api: InfluxDbApi): InfluxDbAnswer {
  const { status } = response
  const body = readBody(response)
  const isSuccess = status >= 200 && status < 300
  if (status === 204 || (isSuccess && body.isWell)) return { outcome: 'stored' }
  // Taken, for a node that is away; only the order in which it gets it is open.
  if (status === 500 && body.isOwn && body.text.includes('hinted handoff queue not empty')) return { outcome: 'stored' }

  const reason = oneLine(body.text === '' ? `HTTP ${status}` : `HTTP ${status}: ${body.text}`)
  const mayRefuse = body.isOwn && (isSuccess || status === 400 || status === 422 || status === 500)
  if (mayRefuse) {
    const refusal = readRefusal(body, reason, sent)
    if (refusal.isAboutPoints) return refusal
  }
  const failed: InfluxDbAnswer = {
    outcome: 'failed',
    reason,
    error: httpError(response),
    retryAfterMs: retryAfterMs(response.retryAfter, Date.now()),
  }
  if (mayRefuse && /\bpartial write\b/.test(body.text)) return failed
  // A proxy's limit is another than InfluxDB's: what is smaller may get through, and what cannot is not the point's fault.
  if (status === 413 && (body.isOwn || sent.count > 1)) return { outcome: 'too-large', reason }
  const variable = variableOf(status, body, api)
  if (variable !== undefined) return { ...failed, outcome: 'misconfigured', variable }
  if (status === 400 || status === 422) return { ...NOT_ABOUT_POINTS, reason, hint: body.text }
  return failed
}

const NOT_ABOUT_POINTS = { outcome: 'refused', named: [], isTotal: false, isAboutPoints: false } as const

interface Body {
  /** What it says went wrong, as far as that can be told; '' for nothing. */
  readonly text: string
  readonly json: unknown
  /** JSON in which InfluxDB says what went wrong. */
  readonly isOwn: boolean
  /** Empty, or InfluxDB's JSON that speaks of no error. */
  readonly isWell: boolean
}

function readBody({ body, routerError }: InfluxDbResponse): Body {
  const foreign = { json: undefined, isOwn: false, isWell: false }
  const text = body.trim()
  if (routerError !== undefined) return { ...foreign, text: `the platform's router: ${routerError}` }
  if (text === '') return { ...foreign, text, isWell: true }
  if (text.startsWith('<')) return { ...foreign, text: htmlTitle(text) }
  try {
    const json: unknown = JSON.parse(text)
    const error = errorIn(json)
    return { text: error ?? text, json, isOwn: error !== undefined, isWell: error === undefined && isEmptyAnswer(json) }
  } catch {
    return { ...foreign, text }
  }
}

/** `{}`, or the results of statements. */
function isEmptyAnswer(json: unknown): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && Object.keys(json).every((key) => key === 'results')
}

/** `error` of 1.x and 3.x, `message` of 2.x, or the error of a statement's result. */
function errorIn(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const { error, message, code, results } = json as Record<string, unknown>
  if (error !== undefined && error !== null && error !== '') return typeof error === 'string' ? error : JSON.stringify(error)
  if (code !== undefined && message !== undefined) return typeof message === 'string' && message !== '' ? message : JSON.stringify(json)
  return Array.isArray(results) ? results.map(errorIn).find((found) => found !== undefined) : undefined
}

/**
 * Reasons that are about points, behind what servers put before them: all others are the server's own trouble, whatever they
 * say of points dropped.
 */
const ABOUT_POINTS = new RegExp(
  `^(?:[^:'"]{0,80}: ){0,3}(?:${[
    'field type conflict',
    'points beyond retention policy',
    'dropped \\d+ points outside retention policy',
    'max-values-per-tag',
    'max-series-per-database',
    "unable to parse '",
    'time outside range',
    'max key length exceeded',
    '(?:field|tag|measurement|series|point)[ \\w]* (?:key|name|tag|value)?[ \\w]*too long',
    'invalid (?:field|tag|measurement|point|series|key|line|number|boolean|timestamp)',
    'input field "time" on measurement',
    'tag key "time"',
    'duplicate tags',
    'missing (?:field|tag|measurement|points)',
  ].join('|')})`,
)

function readRefusal({ text, json }: Body, reason: string, sent: Records): Refusal {
  const named = namedLines(text, json, sent)
  return {
    outcome: 'refused',
    reason: withoutLine(reason),
    hint: text,
    named,
    isTotal: droppedCount(text) === sent.count,
    isAboutPoints: named.length > 0 || ABOUT_POINTS.test(text) || /\bpartial write of line protocol\b/.test(text),
  }
}

/** `dropped=N` at the end, where no tag value can have put it; 1.8 and later add database and retention policy behind it. */
export function droppedCount(text: string): number | undefined {
  const match = /^partial write: [\s\S]* dropped=(\d+)(?: for database: [\s\S]*)?$/.exec(
    text.slice(Math.max(0, text.indexOf('partial write: '))),
  )
  return match?.[1] === undefined ? undefined : Number(match[1])
}

function variableOf(status: number, { text, isOwn }: Body, api: InfluxDbApi): string | undefined {
  if (/retention policy not found/.test(text)) return 'CFMR_INFLUXDB_RETENTIONPOLICY'
  if (status === 401 || status === 403) {
    return api === 'v1' ? 'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD' : 'CFMR_INFLUXDB_TOKEN'
  }
  if (status >= 300 && status < 400) return 'CFMR_INFLUXDB_ADDR'
  if (!isOwn && (status < 300 || status === 400 || status === 404 || status === 413 || status === 422)) return 'CFMR_INFLUXDB_ADDR'
  if (status !== 404) return undefined
  if (api === 'v1') return 'CFMR_INFLUXDB_DATABASE'
  return /\borg/.test(text) ? 'CFMR_INFLUXDB_ORG' : 'CFMR_INFLUXDB_BUCKET'
}

function httpError({ status, contentType, retryAfter, body }: InfluxDbResponse): HttpError {
  return new HttpError(status, undefined, body.slice(0, 1000), retryAfter, contentType)
}

const htmlTitle = (html: string): string => `a web page${/<title>([^<]*)/i.exec(html)?.[1]?.replace(/^/, ', ') ?? ''}`

const LONGEST_REASON = 500

const oneLine = (text: string): string => (text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text).replace(/\s+/g, ' ')

/** What was sent does not belong into logs. */
const withoutLine = (text: string): string =>
  text.replace(/unable to parse '.*'/, 'unable to parse').replace(/unable to parse '.*/, 'unable to parse')
