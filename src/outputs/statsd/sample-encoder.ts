import type { App } from '../../cloud-foundry/app.ts'
import {
  ABSENT_LENGTH,
  ABSENT_METHOD,
  ABSENT_STATUS,
  type AppEvent,
  CONTAINER_EVENT,
  CONTAINER_USAGE,
  HTTP,
  LOG,
  textAt,
  USAGE,
  USAGE_METRICS,
} from '../../cloud-foundry/app-event.ts'
import { METHODS } from '../../cloud-foundry/methods.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import { type EventEncoder, NOT_TAKEN } from '../../cloud-foundry/translator.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import { InstanceSeries } from './instance-series.ts'
import { cleanTag, type NameOptions, seriesTexts } from './metric-names.ts'
import type { StatsdSettings } from './variables.ts'

export type SampleEncoderOptions = NameOptions & Pick<StatsdSettings, 'maxAgeMs'> & { readonly nowMs?: () => number }

const COUNT = snippet('c ')
const TIME = snippet('m ')
const GAUGE = snippet('g ')

const REQUEST_COUNT = snippet('http_request.count')
const RESPONSE_SIZE = snippet('http_request.response_size')
const DURATION = snippet('http_request.duration')
const LOG_COUNT = snippet('log.count')
const LOG_SIZE = snippet('log.size')
const CPU = snippet('instance.cpu')
const MEMORY = snippet('instance.memory')
const MEMORY_QUOTA = snippet('instance.memory_quota')
const DISK = snippet('instance.disk')
const DISK_QUOTA = snippet('instance.disk_quota')
const EVENT_COUNT = snippet('container_event.count')
/** Of what a container engine reads, by the field of a point: as many as there are of these. */
const READING_NAMES = new Map<string, Snippet>()
const USAGE_NAMES = USAGE_METRICS.map((name) => snippet(`instance.${name}`))

const SPACE = 0x20
const NEWLINE = 0x0a
const ZERO = 0x30
const ONE = 0x31
const MINUS = 0x2d
/** Between a time in ns and one in ms. */
const DIGITS_BELOW_MS = 6
const NS_PER_MS = 1_000_000
/** Longer times have more ms than a small integer holds. */
const LONGEST_SECONDS = 2_000_000
/** A sample has no more beside its names, its tags and what is copied of the event. */
const ROOM_BYTES = 256

/**
 * Writes events as samples: lines `TYPE TIME VALUE NAME TAGS`, with one space between. TYPE is `c` (count), `m` (time, in ms) or `g` (gauge), TIME the
 * event's in ns. NAME and TAGS are whole, as the dialect has them. What comes with equal names and tags is added up when it is sent.
 */
export class SampleEncoder implements EventEncoder {
  readonly #options: SampleEncoderOptions
  readonly #nowMs: () => number
  readonly #apps: PerApp<InstanceSeries>
  readonly #methodTags: readonly Snippet[]
  readonly #methodTag: string
  readonly #statusTag: Snippet
  readonly #actionTag: string

  constructor(options: SampleEncoderOptions) {
    const { format, nowMs = Date.now } = options
    this.#options = options
    this.#nowMs = nowMs
    this.#apps = new PerApp(({ owner }: App) => new InstanceSeries((instance) => seriesTexts(owner, instance, options)))
    const equals = format === 'influx' ? '=' : ':'
    this.#methodTag = `,method${equals}`
    this.#methodTags = METHODS.map((method) => snippet(this.#methodTag + method))
    this.#statusTag = snippet(`,status_code${equals}`)
    this.#actionTag = `,action${equals}`
  }

  encode(event: AppEvent, app: App, _message: Uint8Array, buffer: ByteBuffer): typeof NOT_TAKEN | undefined {
    const { maxAgeMs, format } = this.#options
    if (maxAgeMs > 0 && this.#nowMs() - millisecondsOf(event) > maxAgeMs) return NOT_TAKEN
    if (format === 'graphite' && event.view.getUint8(event.timestamp) === MINUS) return NOT_TAKEN
    const series = this.#apps.of(app)
    series.find(event)
    if (event.kind === HTTP) this.#appendRequest(event, series, buffer)
    else if (event.kind === LOG) {
      appendOne(event, buffer, series)
      this.#end(event, series, LOG_COUNT, buffer)
      begin(COUNT, event, buffer, series)
      buffer.appendInteger(event.payloadSize)
      this.#end(event, series, LOG_SIZE, buffer)
    } else if (event.kind === USAGE) {
      for (let i = 0; i < USAGE_NAMES.length; i++) {
        const start = event.usage[2 * i] as number
        this.#appendGauge(event, start, event.usage[2 * i + 1] as number, USAGE_NAMES[i] as Snippet, series, buffer)
      }
    } else if (event.kind === CONTAINER_USAGE) {
      for (const [name, digits] of Object.entries(event.readings)) {
        begin(GAUGE, event, buffer, series)
        buffer.appendAscii(digits)
        this.#end(event, series, readingName(name), buffer)
      }
    } else if (event.kind === CONTAINER_EVENT) {
      appendOne(event, buffer, series)
      this.#end(event, series, EVENT_COUNT, buffer)
    } else {
      this.#appendGauge(event, event.cpu, event.cpuEnd, CPU, series, buffer)
      this.#appendGauge(event, event.memory, event.memoryEnd, MEMORY, series, buffer)
      this.#appendGauge(event, event.memoryQuota, event.memoryQuotaEnd, MEMORY_QUOTA, series, buffer)
      this.#appendGauge(event, event.disk, event.diskEnd, DISK, series, buffer)
      this.#appendGauge(event, event.diskQuota, event.diskQuotaEnd, DISK_QUOTA, series, buffer)
    }
    return undefined
  }

  #appendRequest(event: AppEvent, series: InstanceSeries, buffer: ByteBuffer): void {
    const { view, contentLength, contentLengthEnd, durationSeconds, durationNanoseconds } = event
    appendOne(event, buffer, series)
    this.#end(event, series, REQUEST_COUNT, buffer)
    const hasLength = !(event.absent & ABSENT_LENGTH) && contentLength < contentLengthEnd && view.getUint8(contentLength) !== MINUS
    if (hasLength) {
      begin(COUNT, event, buffer, series)
      buffer.appendSpan(view, contentLength, contentLengthEnd)
      this.#end(event, series, RESPONSE_SIZE, buffer)
    }
    // A timer has no time below zero: StatsD takes such a line for a bad one.
    if (durationSeconds < 0 || durationNanoseconds < 0) return
    begin(TIME, event, buffer, series)
    appendMilliseconds(durationSeconds, durationNanoseconds, buffer)
    this.#end(event, series, DURATION, buffer)
  }

  #appendGauge(event: AppEvent, start: number, end: number, metric: Snippet, series: InstanceSeries, buffer: ByteBuffer): void {
    if (start >= end) return
    begin(GAUGE, event, buffer, series)
    buffer.reserve(end - start + series.sizeBytes + ROOM_BYTES)
    buffer.appendSpan(event.view, start, end)
    this.#end(event, series, metric, buffer)
  }

  /** Appends ` NAME TAGS` and the line's end. */
  #end(event: AppEvent, series: InstanceSeries, metric: Snippet, buffer: ByteBuffer): void {
    buffer.appendByte(SPACE)
    series.appendName(metric, buffer)
    if (!series.hasTags) buffer.appendByte(SPACE)
    else if (this.#options.format === 'influx') {
      this.#appendTags(event, series, buffer)
      buffer.appendByte(SPACE)
    } else {
      buffer.appendByte(SPACE)
      this.#appendTags(event, series, buffer)
    }
    buffer.appendByte(NEWLINE)
  }

  #appendTags(event: AppEvent, series: InstanceSeries, buffer: ByteBuffer): void {
    series.appendTags(buffer)
    if (event.kind === CONTAINER_EVENT) {
      const tag = this.#actionTag + cleanTag(event.happening.action)
      buffer.reserve(tag.length + ROOM_BYTES)
      buffer.appendText(tag)
    }
    if (event.kind !== HTTP) return
    if (!(event.absent & ABSENT_METHOD)) {
      const known = this.#methodTags[event.method]
      if (known !== undefined) buffer.appendSnippet(known)
      else buffer.appendAscii(this.#methodTag + event.method)
    }
    if (event.absent & ABSENT_STATUS || event.statusCode >= event.statusCodeEnd) return
    buffer.appendSnippet(this.#statusTag)
    buffer.appendSpan(event.view, event.statusCode, event.statusCodeEnd)
  }
}

function readingName(field: string): Snippet {
  let name = READING_NAMES.get(field)
  if (name === undefined) {
    name = snippet(`instance.${field}`)
    READING_NAMES.set(field, name)
  }
  return name
}

/** Appends `TYPE TIME `, with room for all that follows but a gauge's value. */
function begin(type: Snippet, { view, timestamp, timestampEnd }: AppEvent, buffer: ByteBuffer, series: InstanceSeries): void {
  buffer.reserve(series.sizeBytes + ROOM_BYTES)
  buffer.appendSnippet(type)
  buffer.appendSpan(view, timestamp, timestampEnd)
  buffer.appendByte(SPACE)
}

function appendOne(event: AppEvent, buffer: ByteBuffer, series: InstanceSeries): void {
  begin(COUNT, event, buffer, series)
  buffer.appendByte(ONE)
}

/** A duration of not less than 0, exact to the ns. */
function appendMilliseconds(seconds: number, nanoseconds: number, buffer: ByteBuffer): void {
  if (seconds >= LONGEST_SECONDS) {
    buffer.appendAscii(String(BigInt(seconds) * 1000n + BigInt(Math.trunc(nanoseconds / NS_PER_MS))))
    return
  }
  const ms = Math.trunc(nanoseconds / NS_PER_MS)
  buffer.appendInteger(seconds * 1000 + ms)
  buffer.appendFraction((nanoseconds - ms * NS_PER_MS) * 1000)
}

/** The event's time, in ms since 1970. */
function millisecondsOf(event: AppEvent): number {
  const { view, timestamp, timestampEnd } = event
  if (view.getUint8(timestamp) === MINUS) return Number(textAt(event, timestamp, timestampEnd)) / NS_PER_MS
  let ms = 0
  for (let at = timestamp; at < timestampEnd - DIGITS_BELOW_MS; at++) ms = ms * 10 + view.getUint8(at) - ZERO
  return ms
}
