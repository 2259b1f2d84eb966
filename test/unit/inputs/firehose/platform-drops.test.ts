import { expect, it } from 'vitest'
import { dropCounter } from '../../../../dev/loggregator/envelope.ts'
import { platformDrops } from '../../../../src/inputs/firehose/platform-drops.ts'

const counter = (origin: string, name: string, delta: unknown) =>
  Buffer.from(JSON.stringify({ source_id: 'x', tags: { origin }, counter: { name, delta, total: '9' } }))

it.each([
  ['what RLP drops', Buffer.from(dropCounter('reverse_log_proxy', 12, 40).text), 12],
  ['what a doppler drops', Buffer.from(dropCounter('doppler', 3, 3, ' ').text), 3],
  ['a number that is no string', counter('loggregator.rlp', 'dropped', 5), 5],
  ['an agent, which drops on the way in', counter('loggregator.metron', 'dropped', '5'), 0],
  ['a syslog drain', counter('loggregator.syslog_agent', 'dropped', '5'), 0],
  ['another counter', counter('loggregator.rlp', 'egress', '5'), 0],
  ['a delta that is left out, since it is 0', counter('loggregator.rlp', 'dropped', undefined), 0],
  ['a delta that is no number', counter('loggregator.rlp', 'dropped', 'many'), 0],
  ['what is no JSON', Buffer.from('{"counter":{"name":"dropped"'), 0],
])('%s', (_, envelope, drops) => expect(platformDrops(envelope)).toBe(drops))
