import { HttpError } from '@influxdata/influxdb-client'
import { retryAfterMs } from '../lib/backoff.ts'
import type { Lines, RefusedLine } from '../types.ts'
import { namedLines } from './influxdb-named-lines.ts'

export interface InfluxDbResponse {
  readonly status: number
  readonly contentType?: string | undefined
  readonly retryAfter?: string | undefined
  readonly body: string
}

/** `/write` of InfluxDB 1.x, or `/api/v2/write`: only which variable an operator has to look at depends on it. */
export type InfluxDbApi = 'v1' | 'v2'

export interface Refusal {
  readonly outcome: 'refused'
  readonly reason: string
  /** The lines that the answer names, numbered as sent, with the reason for each. */
  readonly named: readonly RefusedLine[]
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
  | { readonly outcome: 'misconfigured'; readonly reason: string; readonly variable: string; readonly error: Error }
  | { readonly outcome: 'failed'; readonly reason: string; readonly error: Error; readonly retryAfterMs: number | undefined }

/**
 * Judges an answer by its body, then by its status. Pure, but for the clock a date in Retry-After is measured by. What the
 * servers say was read in their sources: InfluxDB 1.6 to 1.12 (services/httpd), 2.0 to 2.9 (http, v1/coordinator) and 3.9
 * (influxdb3_server, mutable_batch_lp).
 *
 * - 1.x answers 400 `partial write: … dropped=N`, having stored the rest, in the words of the first shard that complains.
 * - 2.x wraps the same text in `message`: 422, in 2.0 also 500. It stores nothing when a line does not parse.
 * - 3.x lists lines by number; through `/api/v2/write` only `partial write of line protocol occurred`.
 */
export function judgeAnswer(response: InfluxDbResponse, sent: Lines, api: InfluxDbApi): InfluxDbAnswer {
  const { status } = response
  const body = readBody(response.body)
  const isSuccess = status >= 200 && status < 300
  if (status === 204 || (isSuccess && body.isWell)) return { outcome: 'stored' }

  const reason = oneLine(body.text === '' ? `HTTP ${status}` : `HTTP ${status}: ${body.text}`)
  const mayRefuse = isSuccess || status === 400 || status === 422 || status === 500
  if (mayRefuse) {
    const refusal = readRefusal(body, reason, sent)
    if (refusal.isAboutPoints) return refusal
  }
  if (status === 413) return { outcome: 'too-large', reason }

  const error = httpError(response)
  const variable = variableOf(status, body, api)
  if (variable !== undefined) return { outcome: 'misconfigured', reason, variable, error }
  if (status === 400 || status === 422) return { outcome: 'refused', reason, named: [], isTotal: false, isAboutPoints: false }
  return { outcome: 'failed', reason, error, retryAfterMs: retryAfterMs(response.retryAfter, Date.now()) }
}

interface Body {
  /** What it says went wrong, as far as that can be told; '' for nothing. */
  readonly text: string
  readonly json: unknown
  readonly isHtml: boolean
  /** Empty, or JSON that speaks of no error. */
  readonly isWell: boolean
}

function readBody(body: string): Body {
  const text = body.trim()
  if (text === '') return { text, json: undefined, isHtml: false, isWell: true }
  if (text.startsWith('<')) return { text: htmlTitle(text), json: undefined, isHtml: true, isWell: false }
  try {
    const json: unknown = JSON.parse(text)
    const error = errorIn(json)
    return { text: error ?? text, json, isHtml: false, isWell: error === undefined }
  } catch {
    return { text, json: undefined, isHtml: false, isWell: false }
  }
}

/** `error` of 1.x and 3.x, `message` of 2.x, or the error of a statement's result. */
function errorIn(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const { error, message, code, results } = json as Record<string, unknown>
  if (error !== undefined && error !== null && error !== '') return typeof error === 'string' ? error : JSON.stringify(error)
  if (code !== undefined || message !== undefined) return typeof message === 'string' && message !== '' ? message : JSON.stringify(json)
  return Array.isArray(results) ? results.map(errorIn).find((found) => found !== undefined) : undefined
}

function readRefusal({ text, json }: Body, reason: string, sent: Lines): Refusal {
  const named = namedLines(text, json, sent)
  return {
    outcome: 'refused',
    reason: withoutLine(reason),
    named,
    isTotal: droppedCount(text) === sent.count,
    isAboutPoints: named.length > 0 || /\bpartial write\b|\bunable to parse '/.test(text),
  }
}

/** `dropped=N` at the end, where no tag value can have put it; 1.8 and later add database and retention policy behind it. */
export function droppedCount(text: string): number | undefined {
  const match = /^partial write: [\s\S]* dropped=(\d+)(?: for database: [\s\S]*)?$/.exec(
    text.slice(Math.max(0, text.indexOf('partial write: '))),
  )
  return match?.[1] === undefined ? undefined : Number(match[1])
}

function variableOf(status: number, { text, isHtml, isWell }: Body, api: InfluxDbApi): string | undefined {
  if (/retention policy not found/.test(text)) return 'CFMR_INFLUXDB_RETENTIONPOLICY'
  if (status === 401 || status === 403) {
    return api === 'v1' ? 'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD' : 'CFMR_INFLUXDB_TOKEN'
  }
  if (status === 404) {
    if (isHtml || isWell || /page not found/.test(text)) return 'CFMR_INFLUXDB_ADDR'
    if (api === 'v1') return 'CFMR_INFLUXDB_DATABASE'
    return /\borg/.test(text) ? 'CFMR_INFLUXDB_ORG' : 'CFMR_INFLUXDB_BUCKET'
  }
  if ((status >= 300 && status < 400) || (isHtml && (status < 300 || status === 400))) return 'CFMR_INFLUXDB_ADDR'
  return undefined
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
