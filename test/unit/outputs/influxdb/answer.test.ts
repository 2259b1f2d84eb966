import { describe, expect, it } from 'vitest'
import { droppedCount, type InfluxDbApi, judgeAnswer } from '../../../../src/outputs/influxdb/answer.ts'
import { linesOf } from '../../../fakes/lines.ts'

const sent = linesOf(['http_request,app=a count=1i 1', "log,app=it's count=1i 2", 'instance,app=c cpu=1 3'])

const judge = (status: number, body: unknown, api: InfluxDbApi = 'v1', retryAfter?: string) =>
  judgeAnswer({ status, body: typeof body === 'string' ? body : JSON.stringify(body), retryAfter }, sent, api)
const partial = (text: string) => `partial write: ${text}`
const conflict = 'field type conflict: input field "count" on measurement "log" is type float, already exists as type integer'

describe('stored', () => {
  it.each([
    [204, ''],
    [200, ''],
    [200, '{}'],
    [200, '{"results":[{"statement_id":0}]}'],
    [500, '{"error":"hinted handoff queue not empty"}'],
  ])('%i %j', (status, body) => expect(judge(status, body)).toEqual({ outcome: 'stored' }))
})

describe('refused points', () => {
  it.each([
    ['1.x, 400', 400, { error: `${partial(conflict)} dropped=1` }],
    ['2.x, 422', 422, { code: 'unprocessable entity', message: `failure writing points to database: ${partial(conflict)} dropped=1` }],
    ['2.0, 500', 500, { code: 'internal error', message: `unexpected error writing points to database: ${partial(conflict)} dropped=1` }],
    ['3.x through v2', 400, { code: 'invalid', message: 'partial write of line protocol occurred' }],
    ['behind a 200', 200, { error: `${partial(conflict)} dropped=1` }],
    ['2.0, 500 without those words', 500, { code: 'internal error', message: `unexpected error writing points to database: ${conflict}` }],
  ])('a partial write, %s', (_, status, body) => {
    expect(judge(status, body, 'v2')).toMatchObject({ outcome: 'refused', named: [], isTotal: false, isAboutPoints: true })
  })

  it('each, where an InfluxDB before 1.2 says only what is the matter', () => {
    expect(judge(400, { error: conflict })).toMatchObject({ outcome: 'refused', isAboutPoints: true, isTotal: false })
  })

  it('all of them, where as many were dropped as sent', () => {
    expect(judge(400, { error: `${partial(conflict)} dropped=3` })).toMatchObject({ isTotal: true })
    expect(judge(400, { error: `${partial('points beyond retention policy')} dropped=2` })).toMatchObject({ isTotal: false })
    const text = 'dropped 3 points outside retention policy of duration 1h0m0s - oldest a, newest b'
    const message = `failure writing points to database: ${partial(text)} dropped=3 for database: cf for retention policy: week`
    expect(judge(422, { code: 'unprocessable entity', message })).toMatchObject({ isTotal: true })
  })

  it('the text of a tag value does not pass for the number dropped', () => {
    const limit = (value: string) => `max-values-per-tag limit exceeded (1/1): measurement="log" tag="app" value="${value}"`
    expect(droppedCount(`${partial(limit('x dropped=3'))} dropped=1`)).toBe(1)
    expect(droppedCount(`${partial(limit('x dropped=3 for database: y'))} dropped=1`)).toBe(1)
    expect(droppedCount(partial(limit('x dropped=3')))).toBeUndefined()
  })

  it('those that 1.x quotes, behind a partial write or alone', () => {
    const quoted = `unable to parse 'http_request,app=a count=1i 1': bad timestamp\nunable to parse 'log,app=it's count=1i 2': invalid number`
    const named = [
      { record: 0, reason: 'unable to parse: bad timestamp' },
      { record: 1, reason: 'unable to parse: invalid number' },
    ]
    expect(judge(400, { error: quoted })).toMatchObject({ named })
    expect(judge(400, { error: `${partial(quoted)} dropped=0` })).toMatchObject({ named })
    expect(judge(400, { code: 'invalid', message: quoted }, 'v2')).toMatchObject({ named })
  })

  it('those that 1.x quotes, where line and reason have quotes in them', () => {
    const error = "unable to parse 'log,app=it's count=1i 2': cannot use 'it's': why"
    expect(judge(400, { error })).toMatchObject({ named: [{ record: 1, reason: "unable to parse: cannot use 'it's': why" }] })
  })

  it('those that 3.x lists by number, from 1', () => {
    const error = 'partial write of line protocol occurred'
    const entry = { original_line: 'log,app=it', line_number: 2, error_message: 'invalid column type' }
    expect(judge(400, { error, data: [entry] }, 'v2')).toMatchObject({ named: [{ record: 1, reason: 'invalid column type' }] })
    const single = { error: 'parsing failed for write_lp endpoint', data: entry }
    expect(judge(400, single, 'v2')).toMatchObject({ named: [{ record: 1 }], isAboutPoints: true })
  })

  it('those that Cloud Dedicated numbers in words', () => {
    const message =
      'failed to parse line protocol: errors encountered on line(s):\nerror parsing line 1 (1-based): No fields were provided\nerror writing line 3 (1-based): conflict'
    expect(judge(400, { code: 'invalid', line: 1, message }, 'v2')).toMatchObject({
      named: [
        { record: 0, reason: 'No fields were provided' },
        { record: 2, reason: 'conflict' },
      ],
    })
  })

  it('none, where the name fits no line that was sent', () => {
    const error = 'partial write of line protocol occurred'
    const data = [0, 4, 1.5, 'x', null].map((line_number) => ({ line_number, error_message: 'bad' }))
    const other = { line_number: 1, original_line: 'log,app=it', error_message: 'bad' }
    expect(judge(400, { error, data: [...data, other, null, 3] }, 'v2')).toMatchObject({ named: [], isAboutPoints: true })
    expect(judge(400, { error: "unable to parse 'log,app=z count=1i 2': bad" })).toMatchObject({ named: [], isAboutPoints: true })
  })

  it('perhaps, where a 400 says anything else', () => {
    expect(judge(400, { error: 'database is required' })).toMatchObject({ outcome: 'refused', isAboutPoints: false })
    expect(judge(422, { code: 'unprocessable entity', message: 'no' }, 'v2')).toMatchObject({ outcome: 'refused', isAboutPoints: false })
  })

  it('without what was sent in the reason', () => {
    const { reason } = judge(400, { error: "unable to parse 'log,app=z count=1i 2': bad timestamp" }) as { reason: string }
    expect(reason).toBe('HTTP 400: unable to parse: bad timestamp')
  })
})

describe('an operator is needed', () => {
  it.each<[InfluxDbApi, number, unknown, string]>([
    ['v1', 401, { error: 'authorization failed' }, 'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD'],
    ['v1', 403, { error: '"me" user is not authorized to write to database "cf"' }, 'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD'],
    ['v2', 401, { code: 'unauthorized', message: 'unauthorized access' }, 'CFMR_INFLUXDB_TOKEN'],
    ['v1', 404, { error: 'database not found: "cf"' }, 'CFMR_INFLUXDB_DATABASE'],
    ['v2', 404, { code: 'not found', message: 'bucket "cf" not found' }, 'CFMR_INFLUXDB_BUCKET'],
    ['v2', 404, { code: 'not found', message: 'organization name "o" not found' }, 'CFMR_INFLUXDB_ORG'],
    ['v1', 404, '404 page not found', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 404, '<html><title>nginx</title>', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 500, { error: 'retention policy not found: week' }, 'CFMR_INFLUXDB_RETENTIONPOLICY'],
    ['v1', 301, '', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 307, '<html>', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 200, '<!doctype html><title>Log in</title>', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 200, 'OK', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 200, { status: 'ok' }, 'CFMR_INFLUXDB_ADDR'],
    ['v2', 400, 'Bad Request', 'CFMR_INFLUXDB_ADDR'],
    ['v2', 404, "404 Not Found: Requested route ('influx.example.com') does not exist.", 'CFMR_INFLUXDB_ADDR'],
    ['v1', 422, '', 'CFMR_INFLUXDB_ADDR'],
    ['v1', 404, { message: 'no Route matched with those values' }, 'CFMR_INFLUXDB_ADDR'],
    ['v1', 400, `${partial(conflict)} dropped=1`, 'CFMR_INFLUXDB_ADDR'],
    ['v1', 400, '<html><title>400 The plain HTTP request was sent to HTTPS port</title>', 'CFMR_INFLUXDB_ADDR'],
  ])('%s %i %j: %s', (api, status, body, variable) => {
    expect(judge(status, body, api)).toMatchObject({ outcome: 'misconfigured', variable })
  })
})

it("what is the answer of the platform's router is no word of InfluxDB, whatever it looks like", () => {
  const body = JSON.stringify({ error: 'database not found' })
  const answer = judgeAnswer({ status: 404, body, routerError: 'unknown_route' }, sent, 'v1')
  expect(answer).toMatchObject({
    outcome: 'misconfigured',
    variable: 'CFMR_INFLUXDB_ADDR',
    reason: expect.stringContaining('unknown_route'),
  })
})

describe('to be tried again', () => {
  it.each([
    [500, { error: 'timeout' }],
    [502, '<html><title>Bad Gateway</title>'],
    [503, ''],
    [504, ''],
    [429, 'slow down'],
    [408, ''],
    [405, ''],
    [418, 'teapot'],
    [200, { error: 'engine is closed' }],
    [200, { results: [{ error: 'timeout' }] }],
    [400, { error: partial('write: /data/cf/_series/06/0002: no space left on device dropped=5') }],
    [400, { error: partial('open /data/cf/autogen/1/000001.tsl: too many open files dropped=3') }],
    [400, { error: partial('engine: cache-max-memory-size exceeded: (1073741913/1073741824) dropped=0') }],
    [400, { error: 'partial write' }],
    [400, { error: 'partial write:  dropped=3' }],
    [422, { code: 'unprocessable entity', message: `failure writing points to database: ${partial('engine is closed dropped=3')}` }],
    [500, { error: partial('[shard 7] write: input/output error dropped=3') }],
    [500, { error: 'WAL write failed' }],
  ])('%i %j', (status, body) => expect(judge(status, body)).toMatchObject({ outcome: 'failed', retryAfterMs: undefined }))

  it('not before Retry-After', () => {
    expect(judge(503, '', 'v1', '7')).toMatchObject({ outcome: 'failed', retryAfterMs: 7000 })
    expect(judge(429, '', 'v2', '3600')).toMatchObject({ retryAfterMs: 3_600_000 })
  })
})

it('a batch that is too large', () => {
  expect(judge(413, '<html>')).toMatchObject({ outcome: 'too-large' })
  expect(judgeAnswer({ status: 413, body: '<html>' }, linesOf(['a v=1 1']), 'v1')).toMatchObject({ variable: 'CFMR_INFLUXDB_ADDR' })
  expect(judge(413, { error: 'Request Entity Too Large' })).toMatchObject({ outcome: 'too-large' })
})

it('a long answer makes a short reason', () => {
  const { reason } = judge(503, `<title>${'x'.repeat(9999)}</title>`) as { reason: string }
  expect(reason.length).toBeLessThan(600)
})
