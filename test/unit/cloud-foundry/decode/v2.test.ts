import { describe, expect, test } from 'vitest'
import { loggregator } from '../../../../dev/envelope-protobuf.ts'
import { DISCARDED, NO_APP_GUID, POINT, UNDECODABLE } from '../../../../src/cloud-foundry/app-event.ts'
import { rendered } from '../../../support/render.ts'

const GUID = '9748ed3e-e42a-41a5-8e53-5a69b774fe83'
const base = {
  timestamp: '1527158917416339031',
  source_id: GUID,
  instance_id: '3',
  deprecated_tags: {},
  tags: { source_type: 'APP/PROC/WEB' },
}
const request = {
  ...base,
  instance_id: '0',
  tags: { peer_type: 'Client', method: 'POST', status_code: '200', content_length: '12', instance_id: '7' },
  timer: { name: 'http', start: '1527158917000000000', stop: '1527158918500000000' },
}
const usage = (metrics: Record<string, unknown>) => ({
  ...base,
  gauge: {
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, { unit: 'u', value }])),
  },
})
const five = { cpu: 0.5, memory: 2, disk: 3, memory_quota: 4, disk_quota: 6 }

const render = (message: object | string) => rendered(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
/** What a line has beside the tags of its app. */
const lineOf = (message: object | string) =>
  render(message).line?.trimEnd().replace(`,app=a,app_guid=${GUID}`, '').replace(',org=o,org_guid=og,space=s,space_guid=sg', '')

describe('the point', () => {
  test.each<[string, object, string]>([
    ['of a log', { ...base, log: { payload: 'aGVsbG8=', type: 'ERR' } }, 'log,instance=3,type=ERR count=1i,size=5i 1527158917416339031'],
    ['of a log without zeros', { ...base, log: {} }, 'log,instance=3,type=OUT count=1i,size=0i 1527158917416339031'],
    ['of a log of a type to come', { ...base, log: { type: 7 } }, 'log,instance=3,type=ERR count=1i,size=0i 1527158917416339031'],
    [
      'of a log whose base64 is for URLs and has no padding',
      { ...base, log: { payload: '_-8' } },
      'log,instance=3,type=OUT count=1i,size=2i 1527158917416339031',
    ],
    [
      'of a request',
      request,
      'http_request,instance=0,method=POST,status_code=200 count=1i,duration=1.5,response_size=12i 1527158917000000000',
    ],
    [
      'of a request as its caller saw it, with the instance of its tags',
      { ...request, tags: { ...request.tags, peer_type: 'Server' } },
      'http_request,instance=7,method=POST,status_code=200 count=1i,duration=1.5,response_size=12i 1527158917000000000',
    ],
    [
      'of usage',
      usage(five),
      'instance,instance=3 cpu=0.5,disk=3i,disk_pct=0.5,disk_quota=6i,memory=2i,memory_pct=0.5,memory_quota=4i 1527158917416339031',
    ],
    [
      'of usage that is 0, as text, beyond 64 bits or broken',
      usage({ ...five, cpu: 0, memory: 'Infinity', memory_quota: '1e19', disk: -1, disk_quota: 6.9 }),
      'instance,instance=3 cpu=0,disk=0i,disk_pct=0,disk_quota=6i,memory=9223372036854775807i,memory_pct=1.8446744073709551,memory_quota=9223372036854775807i 1527158917416339031',
    ],
    [
      'of usage without a CPU that is a number',
      usage({ ...five, cpu: 'NaN' }),
      'instance,instance=3 disk=3i,disk_pct=0.5,disk_quota=6i,memory=2i,memory_pct=0.5,memory_quota=4i 1527158917416339031',
    ],
    [
      'of usage of the instance that a metric names',
      usage({ ...five, instance_index: 9 }),
      'instance,instance=9 cpu=0.5,disk=3i,disk_pct=0.5,disk_quota=6i,memory=2i,memory_pct=0.5,memory_quota=4i 1527158917416339031',
    ],
    ['of an entitlement', usage({ cpu_entitlement: 12.5 }), 'instance,instance=3 cpu_entitlement=12.5 1527158917416339031'],
    [
      'of other usage, without what is no number',
      usage({ container_age: 1e21, absolute_usage: 5e-7, absolute_entitlement: 'NaN', unknown: 1 }),
      'instance,instance=3 absolute_usage=0.0000005,container_age=1000000000000000000000 1527158917416339031',
    ],
    ['of a log rate', usage({ log_rate: 0, log_rate_limit: -1 }), 'instance,instance=3 log_rate=0,log_rate_limit=-1 1527158917416339031'],
  ])('%s', (_, message, line) => {
    expect(lineOf(message)).toBe(line)
  })

  test('has names in lowerCamelCase, numbers and tags of the old kind as well', () => {
    const { method, ...tags } = request.tags
    const old = {
      timestamp: 5,
      sourceId: GUID,
      instanceId: '1',
      tags,
      deprecatedTags: { method: { text: 'PUT' }, status_code: { integer: '404' }, peer_type: { text: 'Server' } },
      timer: { name: 'http', start: 1e9, stop: '1.5e9' },
    }
    expect(method).toBe('POST')
    expect(lineOf(old)).toBe('http_request,instance=1,method=PUT,status_code=200 count=1i,duration=0.5,response_size=12i 1000000000')
  })
})

test('a document has usage under the names of the platform', () => {
  expect(render(usage({ cpu_entitlement: 12.5, log_rate: 3 })).document).toMatchObject({
    cloudfoundry: { app: { id: GUID, instance: { id: '3' } }, container: { cpu_entitlement: 12.5, log_rate: 3 } },
    event: { kind: 'metric', dataset: 'cloudfoundry.container' },
  })
})

test.each([
  ['in capitals', 'B3015D69-09CD-476D-AACE-AD2D824D5AB7', { method: 'POST', id: 'b3015d69-09cd-476d-aace-ad2d824d5ab7' }],
  ['of zeros', '00000000-0000-0000-0000-000000000000', { method: 'POST' }],
  ['that is no UUID', 'b3015d69-09cd-476d-aace-ad2d824d5abx', { method: 'POST' }],
  ['that is none at all', '', { method: 'POST' }],
])('a request id %s', (_, id, expected) => {
  const { document } = render({ ...request, tags: { ...request.tags, request_id: id } })
  expect((document as { http: { request: object } }).http.request).toEqual(expected)
})

test('an instance that is no number is 0 in a point and absent in a document', () => {
  const made = render({ ...request, instance_id: 'b3015d69-09cd-476d-aace-ad2d824d5ab7' })
  expect(made.line).toContain(',instance=0,')
  expect((made.document as { cloudfoundry: { app: object } }).cloudfoundry.app).toEqual({ id: GUID, name: 'a' })
})

test('what the tags of a request do not say is 0 in a point, as the official conversion has it, and absent in a document', () => {
  const made = render({ ...request, tags: { peer_type: 'Client', request_id: 'b3015d69-09cd-476d-aace-ad2d824d5ab7' } })
  expect(made.line).toContain(',method=0,')
  expect(made.line).toContain(',status_code=0 count=1i,duration=1.5,response_size=0i ')
  expect((made.document as { http: object }).http).toEqual({ request: { id: 'b3015d69-09cd-476d-aace-ad2d824d5ab7' } })
  expect(render({ ...request, tags: {} }).document).not.toHaveProperty('http')
})

test('a status that is 0, since no answer came, is 0 in a document too', () => {
  const { document } = render({ ...request, tags: { ...request.tags, status_code: '0', content_length: '-1' } })
  expect((document as { http: object }).http).toEqual({ request: { method: 'POST' }, response: { status_code: 0 } })
})

describe('the verdict', () => {
  test.each<[string, object, number]>([
    ['a timer of another name', { ...request, timer: { ...request.timer, name: 'spike' } }, DISCARDED],
    ['a counter', { ...base, counter: { name: 'rx_bytes', delta: '18446744073709551615', total: 1 } }, DISCARDED],
    ['an event', { ...base, event: { title: 'a', body: 'b' } }, DISCARDED],
    ['an envelope of nothing', base, DISCARDED],
    ['a log of the platform', { ...base, tags: { source_type: 'CELL' }, log: {} }, DISCARDED],
    ['a log of no source', { ...base, tags: {}, log: {} }, DISCARDED],
    ["a gauge of the platform's", usage({ 'system.cpu.user': 1 }), DISCARDED],
    ['usage of which one is missing', usage({ cpu: 1, memory: 2, disk: 3, memory_quota: 4 }), DISCARDED],
    ['usage of which one is no number', usage({ ...five, disk: 'NaN' }), DISCARDED],
    ['a request to no app', { ...request, source_id: 'gorouter' }, NO_APP_GUID],
    ['a request to an app whose id is no UUID', { ...request, source_id: `${GUID.slice(0, 35)}x` }, NO_APP_GUID],
    ['a request to an app whose id is in capitals', { ...request, source_id: GUID.toUpperCase() }, POINT],
    ['usage of no app', { ...usage(five), source_id: '' }, NO_APP_GUID],
    ['other usage of no app', { ...usage({ log_rate: 1 }), source_id: '' }, NO_APP_GUID],
    ['a log of no app', { ...base, source_id: '', log: {} }, NO_APP_GUID],
    ['two messages in one', { ...base, log: {}, timer: {} }, UNDECODABLE],
    ['a time that is no number', { ...base, timestamp: 'now', log: {} }, UNDECODABLE],
    ['a time with a fraction', { ...base, timestamp: 1.5, log: {} }, UNDECODABLE],
    ['a time of more than 64 bits', { ...base, timestamp: '9223372036854775808', log: {} }, UNDECODABLE],
    ['a type that nobody knows', { ...base, log: { type: 'RTR' } }, UNDECODABLE],
    ['a payload that is no base64', { ...base, log: { payload: 'a' } }, UNDECODABLE],
    ['a value that is no number', usage({ cpu: 'much' }), UNDECODABLE],
    ['a tag that is no text', { ...base, tags: { a: 1 }, log: {} }, UNDECODABLE],
    ['a log that is no object', { ...base, log: 'a' }, UNDECODABLE],
  ])('of %s', (_, message, verdict) => {
    expect(render(message).verdict).toBe(verdict)
  })

  test('null is absent', () => {
    expect(lineOf({ ...base, deprecated_tags: null, gauge: null, log: { type: null, payload: null } })).toContain(
      'type=OUT count=1i,size=0i',
    )
  })
})

describe('what V1 would read is V1, whatever V2 has in it', () => {
  test.each([
    ['an empty object', {}, NO_APP_GUID],
    ['another JSON log', { log: 'text', stream: 'stdout' }, NO_APP_GUID],
    ['V1 with a key of V2', { source_id: GUID, log: {}, eventType: 6 }, DISCARDED],
    ['V1 in capitals with a key of V2', { source_id: GUID, log: {}, EVENTTYPE: 6 }, DISCARDED],
  ])('%s', (_, message, verdict) => {
    expect(render(message).verdict).toBe(verdict)
  })
})

describe('protobuf', () => {
  const type = loggregator.lookupType('loggregator.Envelope')
  const encoded = (envelope: object) => Buffer.from(type.encode(type.fromObject(envelope)).finish())

  test('is told from V1 by its fields, in any order', () => {
    const whole = encoded({ ...base, log: { type: 1 } })
    const [time, rest] = [whole.subarray(0, 10), whole.subarray(10)]
    const expected = { verdict: POINT, line: expect.stringContaining('type=ERR count=1i,size=0i 1527158917416339031') }
    expect(rendered(whole)).toMatchObject(expected)
    expect(rendered(Buffer.concat([rest, time]))).toMatchObject(expected)
  })

  test('a time alone is no envelope of either; a message without an owner is one of V2', () => {
    expect(rendered(encoded({ timestamp: '150' })).verdict).toBe(UNDECODABLE)
    expect(rendered(encoded({ timestamp: '150', log: { payload: 'YQ==' } })).verdict).toBe(DISCARDED)
    expect(rendered(encoded({ timestamp: '150', source_id: GUID })).verdict).toBe(DISCARDED)
  })

  test('has NaN for what is no number', () => {
    expect(
      rendered(encoded({ ...base, gauge: { metrics: { log_rate: { value: Number.NaN }, container_age: { value: 1 } } } })).line,
    ).toContain(' container_age=1 ')
  })

  test('cut anywhere but between two fields is undecodable', () => {
    const whole = encoded({ timestamp: '1', source_id: GUID, log: { payload: 'YQ==' } })
    const fieldEnds = [2, 2 + 38]
    for (let size = 1; size < whole.length; size++)
      if (!fieldEnds.includes(size))
        expect(rendered(whole.subarray(0, size)), `cut to ${size} bytes`).toMatchObject({ verdict: UNDECODABLE })
  })

  test('text that is no UTF-8 becomes U+FFFD', () => {
    const bytes = encoded({ ...base, instance_id: 'xyz', log: {} })
    bytes[bytes.indexOf('xyz')] = 0xff
    expect(rendered(bytes).line).toContain(',instance=\ufffdyz,')
  })

  test('each field has its wire type checked', () => {
    for (const { id, name } of type.fieldsArray) {
      // Fields 1 and 2 tell V1 from V2, so that only the later ones can be wrong.
      if (id <= 2) continue
      const wrong = Buffer.from([(id << 3) | 5, 0, 0, 0, 0])
      expect(rendered(Buffer.concat([encoded(base), wrong])), name).toMatchObject({ problem: expect.stringContaining('wrong wire type') })
    }
  })
})
