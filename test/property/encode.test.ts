import fc from 'fast-check'
import { expect, test } from 'vitest'
import { App } from '../../src/cloud-foundry/app.ts'
import { CONTAINER, HTTP, LOG } from '../../src/cloud-foundry/app-event.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { METHODS } from '../../src/cloud-foundry/methods.ts'
import { ByteBuffer } from '../../src/lib/byte-buffer.ts'
import { LineEncoder } from '../../src/outputs/influxdb/line-encoder.ts'
import { parseLine } from '../support/line-protocol.ts'
import { type EventFields, makeEvent } from '../support/make-event.ts'

/** Names that want to break out of their tag. */
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('\\', ',', '=', ' ', '\n', '\r', '\t', '"', 'a', '\x7f', '\u0085', '日'), maxLength: 12 }),
)
const metadata = fc.record({ app: name, app_guid: name, org: name, org_guid: name, space: name, space_guid: name })

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String)
const count = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 1000n })).map(String)
const timestamp = fc.oneof(fc.bigInt({ min: -(2n ** 63n) + 2n, max: 2n ** 63n - 2n }), fc.bigInt({ min: -9999n, max: 9999n })).map(String)
/** In ns. */
const duration = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
  fc.bigInt({ min: 0n, max: 10n ** 7n }),
)

const http = fc
  .record({ timestamp, instance: fc.oneof(int32, fc.constant('')), method: fc.integer({ min: -2, max: 50 }), statusCode: int32, duration })
  .chain((event) => fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((size) => ({ ...event, contentLength: String(size) })))
  .map(({ duration: ns, ...event }): EventFields => {
    return { ...event, kind: HTTP, durationSeconds: Number(ns / 10n ** 9n), durationNanoseconds: Number(ns % 10n ** 9n) }
  })
const log = fc
  .record({ timestamp, instance: name, messageType: fc.integer({ min: -1, max: 4 }), isRouterLog: fc.boolean(), payloadSize: fc.nat() })
  .map((event): EventFields => ({ ...event, instance: Buffer.from(event.instance).toString(), kind: LOG }))
const container = fc
  .record({ timestamp, instance: int32, cpu: fc.constantFrom('', '0', '-0', '0.0000001', '3.25', '100') })
  .chain((event) =>
    fc
      .tuple(count, count, count, count)
      .map(([memory, disk, memoryQuota, diskQuota]) => ({ ...event, memory, disk, memoryQuota, diskQuota })),
  )
  .map((event): EventFields => ({ ...event, kind: CONTAINER }))

test('a line is what the contract says, word for word', () => {
  const encoder = new LineEncoder({ uniqueTimestamps: false })
  fc.assert(
    fc.property(fc.oneof(http, log, container), metadata, (event, app) => {
      const lines = new ByteBuffer(1)
      expect(encoder.encode(makeEvent(event), App.of('unused', app, 0), Buffer.of(), lines)).toBeUndefined()
      expect(lines.bytes.toString('utf8', 0, lines.length)).toBe(expectedLine(event, app))
    }),
    { numRuns: 2000 },
  )
})

test('no name can break out of its tag', () => {
  const encoder = new LineEncoder({ uniqueTimestamps: false })
  fc.assert(
    fc.property(fc.oneof(http, log, container), metadata, (event, app) => {
      const lines = new ByteBuffer(1)
      encoder.encode(makeEvent(event), App.of('unused', app, 0), Buffer.of(), lines)
      const { tags } = parseLine(lines.bytes.toString('utf8', 0, lines.length))
      const named = Object.fromEntries(
        Object.entries(app).flatMap(([key, value]) => (cleaned(value) === '' ? [] : [[key, cleaned(value)]])),
      )
      const { instance: _instance, method: _method, status_code: _status, type: _type, ...rest } = tags
      expect(rest).toEqual(named)
      if (event.kind === LOG) expect(tags['instance'] ?? '').toBe(cleaned(event.instance))
    }),
    { numRuns: 1000 },
  )
})

test('an App goes on being the same until a line of it would be another', () => {
  const twice = fc.tuple(metadata, metadata, fc.subarray(['app', 'org', 'space'] as const))
  fc.assert(
    fc.property(twice, ([app, other, keys]) => {
      const changed = { ...app, ...Object.fromEntries(keys.map((key) => [key, other[key]])) }
      const known = App.of('unused', app, 7)
      const anew = App.of('unused', changed, 7)
      expect(known.isStill('unused', app)).toBe(true)
      expect(known.isStill('unused', changed)).toBe(known.tags === anew.tags && known.isSanitized === anew.isSanitized)
      const { tags, usedAtMs, exists, isSanitized } = known
      known.move()
      expect(known).toMatchObject({ tags, usedAtMs, exists, isSanitized })
    }),
    { numRuns: 1000 },
  )
})

/** The contract, written down with strings and without haste. */
function expectedLine(event: EventFields, app: AppMetadata): string {
  const { statusCode = '', contentLength = '', messageType = 1, method = 1 } = event
  const tags: Record<string, string> = { ...app }
  if (event.kind === LOG) {
    tags['instance'] = event.instance
    tags['type'] = event.isRouterLog ? 'RTR' : ['', 'OUT', 'ERR'][messageType] || String(messageType)
  } else tags['instance'] = event.instance || '0'
  if (event.kind === HTTP) Object.assign(tags, { method: METHODS[method] ?? String(method), status_code: statusCode })

  const fields: Record<string, string> = {}
  if (event.kind === HTTP) {
    const { durationSeconds = 0, durationNanoseconds = 0 } = event
    Object.assign(fields, { count: '1i', duration: plain(durationSeconds + durationNanoseconds / 1e9), response_size: `${contentLength}i` })
  } else if (event.kind === LOG) Object.assign(fields, { count: '1i', size: `${event.payloadSize}i` })
  else {
    const { cpu = '', memory = '', disk = '', memoryQuota = '', diskQuota = '' } = event
    if (cpu !== '') fields['cpu'] = cpu
    Object.assign(fields, { disk: `${disk}i`, disk_quota: `${diskQuota}i`, memory: `${memory}i`, memory_quota: `${memoryQuota}i` })
    if (diskQuota !== '0') fields['disk_pct'] = plain(Number(disk) / Number(diskQuota))
    if (memoryQuota !== '0') fields['memory_pct'] = plain(Number(memory) / Number(memoryQuota))
  }
  const measurement = { [HTTP]: 'http_request', [LOG]: 'log', [CONTAINER]: 'instance' }[event.kind]
  const tagTexts = sorted(tags).flatMap(([key, value]) => (cleaned(value) === '' ? [] : [`,${key}=${escaped(cleaned(value))}`]))
  const fieldTexts = sorted(fields).map(([key, value]) => `${key}=${value}`)
  return `${measurement}${tagTexts.join('')} ${fieldTexts.join(',')} ${event.timestamp}\n`
}

function sorted(entries: Record<string, string>): [string, string][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))
}

function cleaned(value: string): string {
  let text = ''
  // What is half a surrogate pair is written as U+FFFD, since there is no UTF-8 for it.
  for (const character of Buffer.from(value).toString()) {
    const code = character.codePointAt(0) ?? 0
    text += code < 0x20 || (code >= 0x7f && code <= 0x9f) ? ' ' : character
  }
  while (text.endsWith('\\')) text = text.slice(0, -1)
  return text
}

function escaped(value: string): string {
  return Array.from(value, (character) => (',= '.includes(character) ? `\\${character}` : character)).join('')
}

/** By moving the point, digit by digit. */
function plain(number: number): string {
  const [mantissa = '', exponent] = String(number).split('e')
  if (exponent === undefined) return mantissa
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  let digits = whole + fraction
  let point = whole.length + Number(exponent)
  for (; point < 1; point++) digits = `0${digits}`
  while (digits.length < point) digits += '0'
  const after = digits.slice(point)
  return sign + digits.slice(0, point) + (after === '' ? '' : `.${after}`)
}
