import { crc32 } from 'node:zlib'
import type { App } from '../../cloud-foundry/app.ts'
import { type AppEvent, CONTAINER, CONTAINER_EVENT, CONTAINER_USAGE, HTTP, USAGE, USAGE_METRICS } from '../../cloud-foundry/app-event.ts'
import { METHODS } from '../../cloud-foundry/methods.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { formatFloat } from '../../lib/float.ts'
import { type Backslash, cleanTagValue, escapeTagValue } from '../../lib/tag-value.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import { isInRange, withLastDigits } from './timestamp.ts'

/** InfluxDB's limit for `measurement,tags`, four bytes of its own and a field's key. */
const MAX_SERIES_KEY_BYTES = 65_535
const INFLUXDB_OVERHEAD_BYTES = 4
const LONGEST_FIELD_KEY_BYTES = {
  http: 'response_size'.length,
  log: 'count'.length,
  container: 'memory_quota'.length,
  usage: 'absolute_entitlement'.length,
  containerUsage: 'throttled_seconds'.length,
  happening: 'container'.length,
}

const HTTP_REQUEST = snippet('http_request')
const METHOD_TAGS = METHODS.map((name) => snippet(`,method=${name}`))
const METHOD = snippet(',method=')
const STATUS_CODE = snippet(',status_code=')
const DURATION = snippet(' count=1i,duration=')
const RESPONSE_SIZE = snippet(',response_size=')

const LOG = snippet('log')
const TYPE_OUT = snippet(',type=OUT')
const TYPE_ERR = snippet(',type=ERR')
const TYPE_RTR = snippet(',type=RTR')
const TYPE = snippet(',type=')
const SIZE = snippet(' count=1i,size=')

const CONTAINER_METRIC = snippet('instance')
const CPU = snippet(' cpu=')
const DISK = snippet('disk=')
const DISK_PCT = snippet('i,disk_pct=')
const DISK_QUOTA = snippet('i,disk_quota=')
const NEXT_DISK_QUOTA = snippet(',disk_quota=')
const MEMORY = snippet('i,memory=')
const MEMORY_PCT = snippet('i,memory_pct=')
const MEMORY_QUOTA = snippet('i,memory_quota=')
const NEXT_MEMORY_QUOTA = snippet(',memory_quota=')

/** In readings: the others are whole numbers. */
const FLOATS = new Set(['cpu', 'throttled_seconds'])
const HAPPENING = snippet('container_event')
/** Of a container's id. */
const CONTAINER_DIGITS = 12

const USAGE_FIELDS = USAGE_METRICS.map((name) => snippet(`${name}=`))

const INSTANCE = snippet(',instance=')
const END_OF_FIELDS = snippet('i ')

const NEWLINE = 0x0a
const SPACE = 0x20
const COMMA = 0x2c
const ZERO = 0x30
const NINE = 0x39

/** More than a line has beside its app's snippets, its instance and its CPU percentage. */
const ROOM_BYTES = 1024
/** With so many digits, of which the first is no 9, every timestamp is in InfluxDB's range. */
const TIMESTAMP_DIGITS = 19

export interface LineEncoderOptions {
  /** Let the CRC-32 of the message be the last three digits of the timestamp, so that equal timestamps part. */
  readonly uniqueTimestamps: boolean
  /** How tag values are to be escaped. */
  readonly backslash?: () => Backslash
}

/** Writes events as InfluxDB's line protocol. */
export class LineEncoder {
  /** Points written of which some tag value had to be cleaned. */
  sanitized = 0
  #isSanitized = false
  readonly #uniqueTimestamps: boolean
  readonly #backslash: () => Backslash

  constructor({ uniqueTimestamps, backslash = () => 'literal' }: LineEncoderOptions) {
    this.#uniqueTimestamps = uniqueTimestamps
    this.#backslash = backslash
  }

  /**
   * Appends the event's line, with its newline. Where InfluxDB could never take it, appends nothing and returns the reason.
   * `message` is what the event was decoded from.
   */
  encode(event: AppEvent, app: App, message: Uint8Array, lines: ByteBuffer): string | undefined {
    const spans = 2 * (event.instanceEnd - event.instance) + Math.max(0, event.cpuEnd - event.cpu)
    lines.reserve(app.nameLength + app.placeLength + spans + ROOM_BYTES)
    const start = lines.length
    this.#isSanitized = app.isSanitized
    const problem = this.#append(event, app, lines) ?? this.#appendTimestamp(event, message, lines)
    if (problem !== undefined) {
      lines.length = start
      return problem
    }
    lines.appendByte(NEWLINE)
    if (this.#isSanitized) this.sanitized++
    return undefined
  }

  #append(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
    if (event.kind === HTTP) return appendHttp(event, app, lines)
    if (event.kind === CONTAINER) return appendContainer(event, app, lines)
    if (event.kind === USAGE) return appendUsage(event, app, lines)
    if (event.kind === CONTAINER_USAGE) return this.#appendContainerUsage(event, app, lines)
    if (event.kind === CONTAINER_EVENT) return this.#appendHappening(event, app, lines)
    return this.#appendLog(event, app, lines)
  }

  #appendLog(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
    const start = lines.length
    lines.appendSnippet(LOG)
    lines.appendWords(app.words, app.nameAt, app.nameLength)
    this.#appendSourceInstance(event, lines)
    lines.appendWords(app.words, app.placeAt, app.placeLength)
    if (event.isRouterLog) lines.appendSnippet(TYPE_RTR)
    else if (event.messageType === 1) lines.appendSnippet(TYPE_OUT)
    else if (event.messageType === 2) lines.appendSnippet(TYPE_ERR)
    else {
      lines.appendSnippet(TYPE)
      lines.appendAscii(String(event.messageType))
    }
    const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.log)
    lines.appendSnippet(SIZE)
    lines.appendInteger(event.payloadSize)
    lines.appendSnippet(END_OF_FIELDS)
    return problem
  }

  #appendContainerUsage(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
    const start = lines.length
    lines.appendSnippet(CONTAINER_METRIC)
    lines.appendWords(app.words, app.nameAt, app.nameLength)
    this.#appendSourceInstance(event, lines)
    lines.appendWords(app.words, app.placeAt, app.placeLength)
    const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.containerUsage)
    lines.appendText(usageFields(event.readings))
    return problem
  }

  #appendHappening(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
    const { action, exitCode, signal, isOom } = event.happening
    const start = lines.length
    lines.appendSnippet(HAPPENING)
    const clean = cleanTagValue(action)
    if (clean !== '') lines.appendText(`,action=${escapeTagValue(clean, this.#backslash())}`)
    lines.appendWords(app.words, app.nameAt, app.nameLength)
    this.#appendSourceInstance(event, lines)
    lines.appendWords(app.words, app.placeAt, app.placeLength)
    const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.happening)
    const container = app.container === undefined ? '' : `,container="${app.container.id.slice(0, CONTAINER_DIGITS)}"`
    const fields = [
      `count=1i${container}`,
      ...(exitCode === undefined ? [] : [`exit_code=${exitCode}i`]),
      ...(isOom === true ? ['oom=true'] : []),
      ...(signal === undefined ? [] : [`signal=${signal}i`]),
    ]
    lines.appendText(` ${fields.join(',')} `)
    return problem
  }

  #appendSourceInstance(event: AppEvent, lines: ByteBuffer): void {
    const { view, instance, instanceEnd } = event
    if (instance >= instanceEnd) return
    if (isPlain(view, instance, instanceEnd)) {
      lines.appendSnippet(INSTANCE)
      lines.appendSpan(view, instance, instanceEnd)
      return
    }
    const value = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + instance, instanceEnd - instance).toString()
    const clean = cleanTagValue(value)
    if (clean !== value) this.#isSanitized = true
    if (clean === '') return
    lines.appendSnippet(INSTANCE)
    lines.appendText(escapeTagValue(clean, this.#backslash()))
  }

  #appendTimestamp(event: AppEvent, message: Uint8Array, lines: ByteBuffer): string | undefined {
    const { view, timestamp, timestampEnd } = event
    if (timestampEnd - timestamp <= TIMESTAMP_DIGITS && view.getUint8(timestamp) < NINE && !this.#uniqueTimestamps) {
      lines.appendSpan(view, timestamp, timestampEnd)
      return undefined
    }
    let text = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + timestamp, timestampEnd - timestamp).toString('latin1')
    if (this.#uniqueTimestamps) text = withLastDigits(text, crc32(message) % 1000)
    lines.appendAscii(text)
    return isInRange(text) ? undefined : `timestamp ${text} is outside the range that InfluxDB can store`
  }
}

function appendHttp(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view, method } = event
  const start = lines.length
  lines.appendSnippet(HTTP_REQUEST)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  const methodTag = METHOD_TAGS[method]
  if (methodTag !== undefined) lines.appendSnippet(methodTag)
  else {
    lines.appendSnippet(METHOD)
    lines.appendAscii(String(method))
  }
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  lines.appendSnippet(STATUS_CODE)
  lines.appendSpan(view, event.statusCode, event.statusCodeEnd)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.http)
  lines.appendSnippet(DURATION)
  appendDuration(event.durationSeconds, event.durationNanoseconds, lines)
  lines.appendSnippet(RESPONSE_SIZE)
  lines.appendSpan(view, event.contentLength, event.contentLengthEnd)
  lines.appendSnippet(END_OF_FIELDS)
  return problem
}

function appendContainer(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view } = event
  const start = lines.length
  lines.appendSnippet(CONTAINER_METRIC)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.container)
  if (event.cpu < event.cpuEnd) {
    lines.appendSnippet(CPU)
    lines.appendSpan(view, event.cpu, event.cpuEnd)
    lines.appendByte(COMMA)
  } else {
    lines.appendByte(SPACE)
  }
  lines.appendSnippet(DISK)
  lines.appendSpan(view, event.disk, event.diskEnd)
  const diskRatio = event.diskBytes / event.diskQuotaBytes
  if (Number.isFinite(diskRatio)) {
    lines.appendSnippet(DISK_PCT)
    lines.appendAscii(formatFloat(diskRatio))
    lines.appendSnippet(NEXT_DISK_QUOTA)
  } else {
    lines.appendSnippet(DISK_QUOTA)
  }
  lines.appendSpan(view, event.diskQuota, event.diskQuotaEnd)
  lines.appendSnippet(MEMORY)
  lines.appendSpan(view, event.memory, event.memoryEnd)
  const memoryRatio = event.memoryBytes / event.memoryQuotaBytes
  if (Number.isFinite(memoryRatio)) {
    lines.appendSnippet(MEMORY_PCT)
    lines.appendAscii(formatFloat(memoryRatio))
    lines.appendSnippet(NEXT_MEMORY_QUOTA)
  } else {
    lines.appendSnippet(MEMORY_QUOTA)
  }
  lines.appendSpan(view, event.memoryQuota, event.memoryQuotaEnd)
  lines.appendSnippet(END_OF_FIELDS)
  return problem
}

/** ` cpu=1.5,memory=7i … `, with the share of the quota where both are there. */
function usageFields(readings: AppEvent['readings']): string {
  const fields = Object.entries(readings).flatMap(([name, digits]) => {
    const field = `${name}=${digits}${FLOATS.has(name) ? '' : 'i'}`
    const ratio = name === 'memory' ? Number(digits) / Number(readings['memory_quota']) : Number.NaN
    return Number.isFinite(ratio) ? [field, `memory_pct=${formatFloat(ratio)}`] : [field]
  })
  return ` ${fields.join(',')} `
}

function appendUsage(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view, usage } = event
  const start = lines.length
  lines.appendSnippet(CONTAINER_METRIC)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.usage)
  let separator = SPACE
  for (let i = 0; i < USAGE_FIELDS.length; i++) {
    const from = usage[2 * i] as number
    const end = usage[2 * i + 1] as number
    if (from >= end) continue
    lines.reserve(end - from + ROOM_BYTES)
    lines.appendByte(separator)
    lines.appendSnippet(USAGE_FIELDS[i] as Snippet)
    lines.appendSpan(view, from, end)
    separator = COMMA
  }
  lines.appendByte(SPACE)
  return problem
}

/** The index of HTTP, CONTAINER and USAGE events, 0 where it is absent. */
function appendInstanceIndex({ view, instance, instanceEnd }: AppEvent, lines: ByteBuffer): void {
  lines.appendSnippet(INSTANCE)
  if (instance < instanceEnd) lines.appendSpan(view, instance, instanceEnd)
  else lines.appendByte(ZERO)
}

/**
 * The sum of both parts decides, as the original adds. Where it equals the quotient of the whole, the digits are at hand already:
 * up to 15 of them are always the shortest.
 */
function appendDuration(seconds: number, nanoseconds: number, lines: ByteBuffer): void {
  const sum = seconds + nanoseconds / 1e9
  if (seconds >= 0 && nanoseconds >= 0 && seconds < 1e6 && sum === (seconds * 1e9 + nanoseconds) / 1e9) {
    lines.appendInteger(seconds)
    lines.appendFraction(nanoseconds)
  } else {
    lines.appendAscii(formatFloat(sum))
  }
}

function seriesKeyProblem(keyBytes: number, longestFieldKeyBytes: number): string | undefined {
  const size = keyBytes + INFLUXDB_OVERHEAD_BYTES + longestFieldKeyBytes
  if (size <= MAX_SERIES_KEY_BYTES) return undefined
  return `measurement and tags take ${size} bytes with the longest field key, more than InfluxDB's ${MAX_SERIES_KEY_BYTES}`
}

/** Bytes that a tag value may hold as they are. Not 0xC2, with which the C1 controls begin, nor the backslash, which must not come last. */
const PLAIN = new Uint8Array(256).fill(1, 0x21)
for (const byte of [0x2c, 0x3d, 0x5c, 0x7f, 0xc2]) PLAIN[byte] = 0

function isPlain(view: DataView, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (PLAIN[view.getUint8(at)] === 0) return false
  return true
}
