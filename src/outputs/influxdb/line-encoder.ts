import { crc32 } from 'node:zlib'
import type { App } from '../../cloud-foundry/app.ts'
import { type AppEvent, CONTAINER, CONTAINER_EVENT, CONTAINER_USAGE, HTTP, USAGE } from '../../cloud-foundry/app-event.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { type Backslash, cleanTagValue, escapeTagValue } from '../../lib/tag-value.ts'
import { snippet } from '../../lib/words.ts'
import { containerUsageFields, happeningFields } from './container-fields.ts'
import { appendHttp } from './http-line.ts'
import { appendContainer, appendUsage, INSTANCE_MEASUREMENT } from './instance-lines.ts'
import { INSTANCE_TAG, LONGEST_FIELD_KEY_BYTES, seriesKeyProblem } from './series-key.ts'
import { isInRange, withLastDigits } from './timestamp.ts'

const HAPPENING = snippet('container_event')

const LOG = snippet('log')
const TYPE_OUT = snippet(',type=OUT')
const TYPE_ERR = snippet(',type=ERR')
const TYPE_RTR = snippet(',type=RTR')
const TYPE = snippet(',type=')
const SIZE = snippet(' count=1i,size=')

const END_OF_FIELDS = snippet('i ')

const NEWLINE = 0x0a
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
    lines.appendSnippet(INSTANCE_MEASUREMENT)
    lines.appendWords(app.words, app.nameAt, app.nameLength)
    this.#appendSourceInstance(event, lines)
    lines.appendWords(app.words, app.placeAt, app.placeLength)
    const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.containerUsage)
    lines.appendText(containerUsageFields(event.readings))
    return problem
  }

  #appendHappening(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
    const start = lines.length
    lines.appendSnippet(HAPPENING)
    const clean = cleanTagValue(event.happening.action)
    if (clean !== '') lines.appendText(`,action=${escapeTagValue(clean, this.#backslash())}`)
    lines.appendWords(app.words, app.nameAt, app.nameLength)
    this.#appendSourceInstance(event, lines)
    lines.appendWords(app.words, app.placeAt, app.placeLength)
    const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.happening)
    lines.appendText(happeningFields(event.happening, app.container))
    return problem
  }

  #appendSourceInstance(event: AppEvent, lines: ByteBuffer): void {
    const { view, instance, instanceEnd } = event
    if (instance >= instanceEnd) return
    if (isPlain(view, instance, instanceEnd)) {
      lines.appendSnippet(INSTANCE_TAG)
      lines.appendSpan(view, instance, instanceEnd)
      return
    }
    const value = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + instance, instanceEnd - instance).toString()
    const clean = cleanTagValue(value)
    if (clean !== value) this.#isSanitized = true
    if (clean === '') return
    lines.appendSnippet(INSTANCE_TAG)
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

/** Bytes that a tag value may hold as they are. Not 0xC2, with which the C1 controls begin, nor the backslash, which must not come last. */
const PLAIN = new Uint8Array(256).fill(1, 0x21)
for (const byte of [0x2c, 0x3d, 0x5c, 0x7f, 0xc2]) PLAIN[byte] = 0

function isPlain(view: DataView, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (PLAIN[view.getUint8(at)] === 0) return false
  return true
}
