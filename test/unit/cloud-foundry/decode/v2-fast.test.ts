import { describe, expect, test } from 'vitest'
import { loadV2Mix } from '../../../../dev/load/v2-mix.ts'
import { AppEvent, DISCARDED, NO_APP_GUID, POINT, UNSURE } from '../../../../src/cloud-foundry/app-event.ts'
import { forget } from '../../../../src/cloud-foundry/decode/json-text.ts'
import { decodeFastV2Json } from '../../../../src/cloud-foundry/decode/v2/fast-json.ts'
import { decodeExactV2Json } from '../../../../src/cloud-foundry/decode/v2/json.ts'
import { rendered } from '../../../support/render.ts'

const event = new AppEvent()

function decoded(text: string) {
  forget()
  return decodeFastV2Json(Buffer.from(text), event)
}

const GUID = '9748ed3e-e42a-41a5-8e53-5a69b774fe83'
const head = `{"timestamp":"1527158917416339031","source_id":"${GUID}","instance_id":"3","deprecated_tags":{},`
const log = `${head}"tags":{"a":"\\u003c","source_type":"APP/PROC/WEB"},"log":{"payload":"5pel5pys","type":"ERR"}}`
const timer =
  `${head}"tags":{"content_length":"-1","instance_id":"7","method":"DELETE","peer_type":"Server","request_id":"b3015d69-09cd-476d-aace-ad2d824d5ab7",` +
  '"status_code":"404","uri":"/a\\u0026b"},"timer":{"name":"http","start":"1527158917000000000","stop":"1527158918500000000"}}'
const counter = `${head}"tags":{"direction":"egress"},"counter":{"name":"dropped","delta":"12","total":"18446744073709551615"}}`
const happening = `${head}"tags":{},"event":{"title":"a \\"b\\"","body":"日本"}}`
const metric = (name: string, value: string) => `"${name}":{"unit":"u","value":${value}}`
const gaugeOf = (...metrics: string[]) => `${head}"tags":{},"gauge":{"metrics":{${metrics.join(',')}}}}`
const five = [metric('cpu', '0.5'), metric('disk', '3'), metric('disk_quota', '6'), metric('memory', '2'), metric('memory_quota', '4')]
const gauge = gaugeOf(...five)
const usage = gaugeOf(metric('container_age', '12345678901234568'), metric('log_rate_limit', '-1'))

describe('all of a platform is decoded fast, and as the exact decoder does it', () => {
  test.each([
    ['as the gateway spells it', undefined],
    ['with spaces behind commas', { camelCase: false, numbers: false, zeros: true, comma: ' ', colon: '' }],
    ['in lowerCamelCase, with numbers and without zeros', { camelCase: true, numbers: true, zeros: false, comma: '', colon: '' }],
  ])('%s', (_, spelling) => {
    const mix = loadV2Mix({}, spelling)
    for (let number = 0; number < 2000; number++) {
      const message = mix.envelope(number)
      const decodeFast = (bytes: Uint8Array, to: AppEvent) => {
        forget()
        return decodeFastV2Json(bytes, to)
      }
      const fast = rendered(message, decodeFast)
      expect(fast.verdict, message.toString()).not.toBe(UNSURE)
      expect(fast).toEqual(rendered(message, decodeExactV2Json))
    }
  })
})

test.each<[string, string, number]>([
  ['a log', log, POINT],
  ['a log without a type', log.replace(',"type":"ERR"', ''), POINT],
  ['a log of nothing', log.replace('"payload":"5pel5pys","type":"ERR"', ''), POINT],
  ['a log of the platform', log.replace('APP/PROC/WEB', 'CELL'), DISCARDED],
  ['a log without tags', log.replace(/"tags":\{.*?\},/, ''), DISCARDED],
  ['a log of no app', log.replace(GUID, ''), NO_APP_GUID],
  ['a log without a source', log.replace(/"source_id":"[^"]*",/, ''), NO_APP_GUID],
  ['a request', timer, POINT],
  ['a request of a component', timer.replace(GUID, 'gorouter'), NO_APP_GUID],
  ['a timer of another name', timer.replace('"http"', '"spike"'), DISCARDED],
  ['usage', gauge, POINT],
  ['usage in another order', gaugeOf(...five.reverse()), POINT],
  ['usage and another gauge', gaugeOf(...five, metric('x', '1')), POINT],
  ['usage of no app', gauge.replace(GUID, ''), NO_APP_GUID],
  ['further usage', usage, POINT],
  ['another gauge', gaugeOf(metric('x', '-0.25'), metric('cp', '1')), DISCARDED],
  ['a gauge of nothing', gaugeOf(), DISCARDED],
  ['a counter', counter, DISCARDED],
  ['a counter with numbers', counter.replace('"12"', '12').replace('"18446744073709551615"', '0'), DISCARDED],
  ['an event', happening, DISCARDED],
])('%s', (_, text, verdict) => {
  expect(decoded(text)).toBe(verdict)
  expect(rendered(Buffer.from(text), decodeExactV2Json).verdict).toBe(verdict)
})

describe('is left to the exact decoder:', () => {
  test.each([
    ['a field given twice', log.replace('"instance_id"', '"instance_id":"4","instance_id"')],
    ['a field in both spellings', log.replace('"instance_id"', '"instanceId":"4","instance_id"')],
    ['two messages', log.replace('"log"', '"timer":{"name":"x","start":"1527158917000000000","stop":"1527158917000000000"},"log"')],
    ['an unknown field', log.replace('"log"', '"x":1,"log"')],
    ['a counter of nothing', counter.replace(/"counter":.*/, '"counter":{}}')],
    ['a counter beyond 64 bits', counter.replace('18446744073709551615', '18446744073709551616')],
    ['a counter below 0', counter.replace('12', '-1')],
    ['an event with another field', happening.replace('"body"', '"x":1,"body"')],
    ['tags of the old kind', log.replace('"deprecated_tags":{}', '"deprecated_tags":{"a":{}}')],
    ['no time', log.replace(/"timestamp":"\d+",/, '')],
    ['a time of few digits', log.replace('1527158917416339031', '1')],
    ['a time that is not closed', log.replace('339031"', '339031')],
    ['an escape in the source', log.replace('9748', '\\u0039748')],
    ['an escape in the instance', log.replace('"3"', '"\\u0033"')],
    ['an escape in the name of a tag', log.replace('"source_type"', '"\\u0073ource_type"')],
    ['an escape in the type of source', log.replace('APP/', '\\u0041PP/')],
    ['a space before a colon', log.replace('"source_type":', '"source_type" :')],
    ['a space behind a colon', log.replace('"source_type":', '"source_type": ')],
    ['a tag that is null', log.replace('"APP/PROC/WEB"', 'null')],
    ['a raw control character', log.replace('"\\u003c"', '"\n"')],
    ['a payload for URLs', log.replace('5pel5pys', '5pe-5pys')],
    ['a type as a number', log.replace('"ERR"', '1')],
    ['another type', log.replace('"ERR"', '"RTR"')],
    ['a type before the payload', log.replace('"payload":"5pel5pys","type":"ERR"', '"type":"ERR","payload":"5pel5pys"')],
    ['a method without a name', timer.replace('DELETE', '99')],
    ['no method', timer.replace('"method":"DELETE",', '')],
    ['another peer', timer.replace('Server', 'Broker')],
    ['a status that is no number', timer.replace('404', '4o4')],
    ['a length with a leading zero', timer.replace('"-1"', '"01"')],
    ['an instance that is no number', timer.replace('"7"', '"7a"')],
    ['a request of an app whose id is in capitals', timer.replace(GUID, GUID.toUpperCase())],
    ['a request of an app whose id has other dashes', timer.replace(GUID, GUID.replaceAll('-', '0'))],
    ['usage of an instance that is no number', gauge.replace('"instance_id":"3"', '"instance_id":""')],
    ['usage of the instance that a metric names', gaugeOf(...five, metric('instance_index', '1'))],
    ['a value that is NaN', gauge.replace('0.5', '"NaN"')],
    ['a value with an exponent', gauge.replace('0.5', '5e-7')],
    ['a value with more digits than a double has', usage.replace('12345678901234568', '12345678901234567')],
    ['bytes with a fraction', gauge.replace(':3}', ':3.5}')],
    ['no value', gauge.replace(',"value":0.5', '')],
    ['what follows the end', `${log} `],
    ['another brace', `${log}}`],
    ['a brace too few', log.slice(0, -1)],
    ['V1', '{"eventType":6}'],
  ])('%s', (_, text) => {
    expect(decoded(text)).toBe(UNSURE)
  })

  test.each([
    ['a log', log],
    ['a request', timer],
    ['usage', gauge],
    ['further usage', usage],
    ['a counter', counter],
    ['an event', happening],
  ])('%s that is cut anywhere', (_, text) => {
    for (let size = 0; size < text.length; size++) expect(decoded(text.slice(0, size)), text.slice(0, size)).toBe(UNSURE)
  })
})
