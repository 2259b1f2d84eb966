import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { AppEvent, DISCARDED, guidOf, NO_APP_GUID, POINT, UNSURE, type Verdict } from '../../../../src/cloud-foundry/app-event.ts'
import { decodeFastJson } from '../../../../src/cloud-foundry/decode/fast-json.ts'
import { forget } from '../../../../src/cloud-foundry/decode/json-text.ts'

const event = new AppEvent()
const decoded = (text: string) => decodedBytes(Buffer.from(text))

/** Where the message before lay. */
function decodedBytes(message: Uint8Array): Verdict {
  forget()
  return decodeFastJson(message, event)
}

const span = (start: number, end: number) => Buffer.from(event.bytes.subarray(start, end)).toString()

const head = '{"origin":"rep","eventType":TYPE,"timestamp":1527158917416339031,"deployment":"cf","job":"cell","index":"0","ip":"10.0.16.22"'
const log =
  `${head.replace('TYPE', '5')},"logMessage":{"message":"5pel5pys","message_type":2,"timestamp":1527158917414112260,` +
  '"app_id":"9748ed3e-e42a-41a5-8e53-5a69b774fe83","source_type":"APP/PROC/WEB","source_instance":"3"}}'
const http =
  `${head.replace('TYPE', '4')},"httpStartStop":{"startTimestamp":1527158917310717456,"stopTimestamp":1527158917416462360,` +
  '"requestId":{"low":7059002767475046311,"high":18446744073709551615},"peerType":2,"method":2,"uri":"http://a/?b\\u0026c",' +
  '"remoteAddress":"10.1.247.94:48770","userAgent":"","statusCode":500,"contentLength":-1,"applicationId":{"low":18346500000000000000,' +
  '"high":2444926850032194471},"instanceIndex":5,"instanceId":"da5ff4ed","forwarded":["100.73.106.243","10.1.2.3"]}}'
const container =
  `${head.replace('TYPE', '9')},"containerMetric":{"applicationId":"cf76e270-6974-414e-bb18-9ea5821c74db","instanceIndex":1,` +
  '"cpuPercentage":0.5141225974786617,"memoryBytes":370107300,"diskBytes":243949617,"memoryBytesQuota":536870912,"diskBytesQuota":4294967296}}'

test('a log message', () => {
  expect(decoded(log)).toBe(POINT)
  expect(event).toMatchObject({ kind: 5, messageType: 2, isRouterLog: false, payloadSize: 6 })
  expect(span(event.timestamp, event.timestampEnd)).toBe('1527158917414112260')
  expect(span(event.instance, event.instanceEnd)).toBe('3')
  expect(guidOf(event)).toBe('9748ed3e-e42a-41a5-8e53-5a69b774fe83')
})

test('a request', () => {
  expect(decoded(http)).toBe(POINT)
  expect(event).toMatchObject({ kind: 4, method: 2, durationSeconds: 0, durationNanoseconds: 105_744_904 })
  expect(span(event.timestamp, event.timestampEnd)).toBe('1527158917310717456')
  expect(span(event.statusCode, event.statusCodeEnd)).toBe('500')
  expect(span(event.contentLength, event.contentLengthEnd)).toBe('-1')
  expect(span(event.instance, event.instanceEnd)).toBe('5')
  expect(guidOf(event)).toBe('0040b4cb-8bdc-9bfe-a7d3-fb2d0420ee21')
})

test('a container metric', () => {
  expect(decoded(container)).toBe(POINT)
  expect(event).toMatchObject({ kind: 9, memoryBytes: 370107300, diskQuotaBytes: 4294967296 })
  expect(span(event.timestamp, event.timestampEnd)).toBe('1527158917416339031')
  expect(span(event.cpu, event.cpuEnd)).toBe('0.5141225974786617')
  expect(span(event.memoryQuota, event.memoryQuotaEnd)).toBe('536870912')
})

test.each([
  [1527158917000000000n, 1527158918500000000n, 1, 500_000_000],
  [1527158917900000000n, 1527158919000000000n, 1, 100_000_000],
  [1527158919000000000n, 1527158917900000000n, -1, -100_000_000],
  [1527158917000000001n, 1527158917000000000n, 0, -1],
  [1000000000000000000n, 8999999999999999999n, 7_999_999_999, 999_999_999],
])('the duration from %d to %d', (start, stop, seconds, nanoseconds) => {
  expect(decoded(http.replace(/"startTimestamp":\d+,"stopTimestamp":\d+/, `"startTimestamp":${start},"stopTimestamp":${stop}`))).toBe(POINT)
  expect(event.durationSeconds).toBe(seconds)
  expect(event.durationNanoseconds).toBe(nanoseconds)
})

const withoutAppId = (text: string) => text.replace(/"app_id":"[^"]*",/, '')

test.each<[string, string, Verdict]>([
  ['a log of the router', log.replace('APP/PROC/WEB', 'RTR'), POINT],
  ['a log of an app of old', log.replace('APP/PROC/WEB', 'App'), POINT],
  ['a log of the platform', log.replace('APP/PROC/WEB', 'CELL'), DISCARDED],
  ['a log of the platform without an app', withoutAppId(log.replace('APP/PROC/WEB', 'API')), DISCARDED],
  ['a log without an app', withoutAppId(log), NO_APP_GUID],
  ['a log with an empty app id', log.replace(/"app_id":"[^"]*"/, '"app_id":""'), NO_APP_GUID],
  ['a request to no app', http.replace(/,"applicationId":\{[^}]*\}/, ''), NO_APP_GUID],
  ['a metric with an empty app id', container.replace(/"applicationId":"[^"]*"/, '"applicationId":""'), NO_APP_GUID],
  ['tags', log.replace(',"logMessage"', ',"tags":{"a":"1","":"\\u003c"},"logMessage"'), POINT],
  ['no deployment, job and index', http.replace(',"deployment":"cf","job":"cell","index":"0"', ''), UNSURE],
  ['no job', http.replace(',"job":"cell"', ''), POINT],
  ['an empty payload', log.replace('5pel5pys', ''), POINT],
  ['no payload', log.replace('"message":"5pel5pys",', ''), POINT],
  ['any id', log.replace(/"app_id":"[^"]*"/, '"app_id":"routing_api, or so"'), POINT],
])('%s', (_, text, verdict) => {
  expect(decoded(text)).toBe(verdict)
})

test('invalid UTF-8 in a string that no point uses is accepted', () => {
  const message = Buffer.from(http)
  message[message.indexOf('http://')] = 0xff
  expect(decodedBytes(message)).toBe(POINT)
})

test.each([
  ['5pel', 3],
  ['5peA5pc=', 5],
  ['5pelQQ==', 4],
])('the payload %s has %d bytes', (base64, size) => {
  expect(decoded(log.replace('5pel5pys', base64))).toBe(POINT)
  expect(event.payloadSize).toBe(size)
})

describe('is left to the exact decoder:', () => {
  test.each([
    ['white space', log.replace('"origin":', '"origin": ')],
    ['another order of keys', log.replace(/("message_type":2),("timestamp":\d+)/, '$2,$1')],
    ['a key in capitals', log.replace('"origin"', '"Origin"')],
    ['an unknown key', log.replace('"message":', '"x":1,"message":')],
    ['a key given twice', log.replace('"message_type":2', '"message_type":2,"message_type":1')],
    ['an escape in the app id', log.replace('9748', '\\u0039748')],
    ['an escape in the source type', log.replace('APP/', '\\u0041PP/')],
    ['an escape in the instance', log.replace('"source_instance":"3"', '"source_instance":"\\u0033"')],
    ['an instance that is not ASCII', log.replace('"source_instance":"3"', '"source_instance":"日"')],
    ['a raw control character', log.replace('"rep"', '"r\np"')],
    ['a bad escape', log.replace('"rep"', '"r\\xp"')],
    ['a bad \\u escape', log.replace('"rep"', '"r\\u00gp"')],
    ['a NUL', log.replace('"rep"', '"r\0p"')],
    ['a payload without padding', log.replace('5pel5pys', '5pel5py')],
    ['a payload that is no base64', log.replace('5pel5pys', '5pel5p-s')],
    ['padding within the payload', log.replace('5pel5pys', '5p==5pys')],
    ['a line break in the payload', log.replace('5pel5pys', '5pel\\n5pys')],
    ['a leading zero', http.replace('"statusCode":500', '"statusCode":0500')],
    ['minus zero', http.replace('"contentLength":-1', '"contentLength":-0')],
    ['a fraction', http.replace('"statusCode":500', '"statusCode":500.0')],
    ['2^64', http.replace('18446744073709551615', '18446744073709551616')],
    ['a name for a method', http.replace('"method":2', '"method":"POST"')],
    ['a time before 2001', http.replace('"startTimestamp":1527158917310717456', '"startTimestamp":999999999999999999')],
    ['a time with a leading zero', http.replace('"startTimestamp":1527158917310717456', '"startTimestamp":0527158917310717456')],
    ['a time after 2255', http.replace('"startTimestamp":1527158917310717456', '"startTimestamp":9000000000000000000')],
    ['an exponent', container.replace('0.5141225974786617', '5e-7')],
    ['more digits than a double has', container.replace('0.5141225974786617', '0.51412259747866171')],
    ['a zero behind the last digit', container.replace('0.5141225974786617', '0.50')],
    ['no instance index', container.replace('"instanceIndex":1,', '')],
    ['a quantity beyond 15 digits', container.replace('370107300', '9007199254740993')],
    ['another event type', log.replace('"eventType":5', '"eventType":6')],
    ['what follows the end', `${log} `],
    ['another brace', `${log}}`],
    ['a brace too few', log.slice(0, -1)],
    ['null', 'null'],
    ['nothing', ''],
  ])('%s', (_, text) => {
    expect(decoded(text)).toBe(UNSURE)
  })

  test('a message of more than two megabytes', () => {
    expect(decoded(log.replace('5pel5pys', 'AAAA'.repeat(600_000)))).toBe(UNSURE)
    expect(decoded(log)).toBe(POINT)
  })

  test('every letter of a key that is another', () => {
    for (const text of [log, http, container])
      for (const { 0: key, index } of text.matchAll(/"\w+":/g))
        for (let at = index; at < index + key.length; at++) {
          const misspelt = `${text.slice(0, at)}x${text.slice(at + 1)}`
          expect(decoded(misspelt), misspelt).toBe(text[at] === 'x' ? POINT : UNSURE)
        }
  })

  test('every beginning of a message, whatever the message before left behind', () => {
    for (const text of [log, http, container]) {
      const whole = Buffer.from(text)
      for (let length = 0; length < whole.length; length++) {
        expect(decodedBytes(whole)).toBe(POINT)
        expect(decodedBytes(whole.subarray(0, length)), `cut at ${length}`).toBe(UNSURE)
      }
    }
  })
})

test('all of what a busy platform sends is understood', () => {
  const mix = gunzipSync(readFileSync(new URL('../../../fixtures/mix-4k.ndjson.gz', import.meta.url)))
  const counts: Partial<Record<Verdict, number>> = {}
  for (const line of mix.toString().trimEnd().split('\n')) {
    const verdict = decoded(line)
    counts[verdict] = (counts[verdict] ?? 0) + 1
  }
  expect(counts).toEqual({ [POINT]: 3828, [DISCARDED]: 172 })
})
