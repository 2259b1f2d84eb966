import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { CONTAINER, HTTP, LOG } from '../../../../src/cloud-foundry/app-event.ts'
import { ByteBuffer } from '../../../../src/lib/byte-buffer.ts'
import { LineEncoder } from '../../../../src/outputs/influxdb/line-encoder.ts'
import { type EventFields, makeEvent } from '../../../support/make-event.ts'

const metadata = { app: 'shop', app_guid: 'ag', org: 'acme', org_guid: 'og', space: 'prod', space_guid: 'sg' }
const place = 'org=acme,org_guid=og,space=prod,space_guid=sg'
const message = Buffer.from('the message')

const http: EventFields = { kind: HTTP, timestamp: '1527158917310717456', instance: '5', statusCode: '200', contentLength: '27292' }
const log: EventFields = { kind: LOG, timestamp: '1527158917414112260', instance: '3', messageType: 1, payloadSize: 42 }
const container: EventFields = {
  ...{ kind: CONTAINER, timestamp: '1527158917416743462', instance: '1', cpu: '1.5' },
  ...{ memory: '10', disk: '20', memoryQuota: '40', diskQuota: '80' },
}

/** The line of an event without its newline, or why it is refused. */
function encoded(fields: EventFields, app: Partial<typeof metadata> = {}, encoder = new LineEncoder({ uniqueTimestamps: false })): string {
  const lines = new ByteBuffer(16)
  lines.reserve(10)
  lines.appendAscii('before\n')
  const refusal = encoder.encode(makeEvent(fields), App.of('ag', { ...metadata, ...app }, 0), message, lines)
  const text = lines.bytes.toString('utf8', 0, lines.length)
  if (refusal !== undefined) {
    expect(text).toBe('before\n')
    return refusal
  }
  expect(text).toMatch(/^before\n.*\n$/)
  return text.slice(7, -1)
}

test('a request', () => {
  expect(encoded({ ...http, durationNanoseconds: 105_744_904 })).toBe(
    `http_request,app=shop,app_guid=ag,instance=5,method=GET,${place},status_code=200 count=1i,duration=0.105744904,response_size=27292i 1527158917310717456`,
  )
})

test('a log message', () => {
  expect(encoded(log)).toBe(`log,app=shop,app_guid=ag,instance=3,${place},type=OUT count=1i,size=42i 1527158917414112260`)
})

test('a container metric', () => {
  expect(encoded(container)).toBe(
    `instance,app=shop,app_guid=ag,instance=1,${place} cpu=1.5,disk=20i,disk_pct=0.25,disk_quota=80i,memory=10i,memory_pct=0.25,memory_quota=40i 1527158917416743462`,
  )
})

test('an app that does not exist has its guid alone', () => {
  const lines = new ByteBuffer(16)
  new LineEncoder({ uniqueTimestamps: false }).encode(makeEvent(log), App.of('gone, really', undefined, 0), message, lines)
  expect(lines.bytes.toString('utf8', 0, lines.length)).toBe(
    'log,app_guid=gone\\,\\ really,instance=3,type=OUT count=1i,size=42i 1527158917414112260\n',
  )
})

test.each([
  [1, 'GET'],
  [2, 'POST'],
  [14, 'LABEL'],
  [44, 'VERSION_CONTROL'],
  [0, '0'],
  [45, '45'],
  [-2147483648, '-2147483648'],
])('the method %d is %s', (method, name) => {
  expect(encoded({ ...http, method })).toContain(`,method=${name},org=`)
})

test.each([
  [1, false, 'OUT'],
  [2, false, 'ERR'],
  [2, true, 'RTR'],
  [0, false, '0'],
  [3, false, '3'],
  [-1, false, '-1'],
])('message type %d, of the router: %s, is %s', (messageType, isRouterLog, type) => {
  expect(encoded({ ...log, messageType, isRouterLog })).toContain(`,type=${type} count`)
})

test.each([
  [0, 0, '0'],
  [1, 0, '1'],
  [0, 81, '0.000000081'],
  [12, 500_000_000, '12.5'],
  [1_031_550, 29_154_585, '1031550.029154585'],
  // The sum of both parts, as the original adds it, is not the quotient of the whole.
  [7, 523_564_860, '7.5235648600000005'],
  [999_999, 999_999_999, '999999.999999999'],
  [-1, -500_000_000, '-1.5'],
  [0, -1, '-0.000000001'],
  [9_223_372_036, 854_775_807, '9223372036.854776'],
  [-9_223_372_036, -854_775_808, '-9223372036.854776'],
])('the duration of %d s and %d ns is %s', (durationSeconds, durationNanoseconds, text) => {
  expect(encoded({ ...http, durationSeconds, durationNanoseconds })).toContain(`duration=${text},`)
})

describe('a field that is not finite is left out, and the rest is written:', () => {
  test.each([
    ['cpu', { cpu: '' }, ' disk=20i,disk_pct=0.25,disk_quota=80i,memory=10i,memory_pct=0.25,memory_quota=40i '],
    ['disk_pct', { diskQuota: '0' }, ' cpu=1.5,disk=20i,disk_quota=0i,memory=10i,memory_pct=0.25,memory_quota=40i '],
    ['memory_pct', { memory: '0', memoryQuota: '0' }, ' cpu=1.5,disk=20i,disk_pct=0.25,disk_quota=80i,memory=0i,memory_quota=0i '],
    ['all', { cpu: '', memoryQuota: '0', diskQuota: '0' }, ' disk=20i,disk_quota=0i,memory=10i,memory_quota=0i '],
  ])('%s', (_, fields, text) => {
    expect(encoded({ ...container, ...fields })).toContain(text)
  })
})

test('a ratio has no exponent', () => {
  expect(encoded({ ...container, memory: '1', memoryQuota: '9223372036854775807' })).toContain(
    ',memory_pct=0.00000000000000000010842021724855044,',
  )
})

test('an absent instance is 0, but of a log it is left out', () => {
  expect(encoded({ ...http, instance: '' })).toContain(',instance=0,method=')
  expect(encoded({ ...container, instance: '' })).toContain(',instance=0,org=')
  expect(encoded({ ...log, instance: '' })).toContain(',app_guid=ag,org=')
})

describe('a source instance is written as', () => {
  test.each([
    ['a=b, c', 'a\\=b\\,\\ c', 0],
    ['日本😀', '日本😀', 0],
    ['\u00a0\u00bf', '\u00a0\u00bf', 0],
    ['a\\b', 'a\\b', 0],
    ['x\ny', 'x\\ y', 1],
    ['\u0085', '\\ ', 1],
    ['a\\', 'a', 1],
    ['\\\\', undefined, 1],
    ['long '.repeat(1000), 'long\\ '.repeat(1000), 0],
  ])('%j', (instance, written, sanitized) => {
    const encoder = new LineEncoder({ uniqueTimestamps: false })
    expect(encoded({ ...log, instance }, {}, encoder)).toContain(`app_guid=ag,${written === undefined ? '' : `instance=${written},`}org=`)
    expect(encoder.sanitized).toBe(sanitized)
  })
})

test('a point counts as sanitized once, however many of its values were, and only if it is written', () => {
  const encoder = new LineEncoder({ uniqueTimestamps: false })
  encoded({ ...log, instance: '\n' }, { app: 'a\n', space: 'b\\' }, encoder)
  expect(encoder.sanitized).toBe(1)
  encoded(http, { app: 'a\n' }, encoder)
  expect(encoder.sanitized).toBe(2)
  expect(encoded({ ...log, timestamp: '9223372036854775807' }, { app: 'a\n' }, encoder)).toMatch(/^timestamp/)
  encoded(log, {}, encoder)
  expect(encoder.sanitized).toBe(2)
})

test('empty tags are left out', () => {
  expect(encoded(log, { org: '', space_guid: '' })).toContain('app=shop,app_guid=ag,instance=3,org_guid=og,space=prod,type=')
})

describe('the timestamp', () => {
  test.each(['0', '77', '-1', '-9223372036854775806', '9223372036854775806', '9000000000000000000', '99999'])(
    '%s is written',
    (timestamp) => {
      expect(encoded({ ...log, timestamp }).endsWith(` ${timestamp}`)).toBe(true)
    },
  )

  test.each(['-9223372036854775807', '-9223372036854775808', '9223372036854775807'])('%s is refused', (timestamp) => {
    expect(encoded({ ...log, timestamp })).toBe(`timestamp ${timestamp} is outside the range that InfluxDB can store`)
  })
})

describe('a unique timestamp ends in the checksum of the message,', () => {
  const checksum = BigInt(crc32(message) % 1000)
  const encoder = new LineEncoder({ uniqueTimestamps: true })

  test.each([
    ['1527158917414112260', 1527158917414112000n + checksum],
    ['0', checksum],
    ['77', checksum],
    ['-1', -checksum],
    ['-1500', -1000n - checksum],
  ])('%s', (timestamp, unique) => {
    expect(encoded({ ...log, timestamp }, {}, encoder).endsWith(` ${unique}`)).toBe(true)
  })

  test('unless that is out of range', () => {
    const line = encoded({ ...log, timestamp: '9223372036854775000' }, {}, encoder)
    expect(line.endsWith(` ${9223372036854775000n + checksum}`)).toBe(checksum <= 806n)
  })
})

describe('measurement and tags may take 65,535 bytes with four and the longest field key:', () => {
  test.each([
    ['http_request', http, 'response_size'],
    ['log', log, 'count'],
    ['instance', container, 'memory_quota'],
  ])('%s', (_, fields, longestKey) => {
    const sizeWith = (app: string) => Buffer.byteLength(/^(\\.|[^ ])*/.exec(encoded(fields, { app }))?.[0] ?? '') + 4 + longestKey.length
    const fitting = 65_535 - sizeWith('')
    const longest = 'n'.repeat(fitting - ',app='.length)
    expect(sizeWith(longest)).toBe(65_535)
    expect(encoded(fields, { app: `${longest}n` })).toBe(
      "measurement and tags take 65536 bytes with the longest field key, more than InfluxDB's 65535",
    )
  })
})
