import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectLedger, Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

/** Each is undecodable, each in a way of its own. */
const poison: readonly (Buffer | null)[] = [
  null,
  Buffer.alloc(0),
  Buffer.from([0]),
  Buffer.from('{'),
  Buffer.from('{"eventType":5'),
  Buffer.from('\ufeff{}'),
  Buffer.from('{}{}'),
  Buffer.from('[1,2,3]'),
  Buffer.from('{"eventType":"NoSuchEvent"}'),
  Buffer.from('{"eventType":99999999999}'),
  Buffer.from('{"eventType":4,"httpStartStop":{"startTimestamp":1e400}}'),
  Buffer.from(`{"eventType":5,"logMessage":{"message":"%%%","app_id":"x"}}`),
  Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
  Buffer.from([0x08, 0x96, 0x01]),
  Buffer.from('nul'),
  Buffer.alloc(500_000, '['),
  Buffer.alloc(500_000, '{"a":'),
  Buffer.alloc(900_000, 'a'),
  Buffer.alloc(900_000),
  Buffer.alloc(300, 0xff),
  Buffer.concat([Buffer.from('{"x"'), randomBytes(100_000)]),
]

it('any bytes as a message: one dead letter each, with its bytes; what is around them is stored', async () => {
  const deadLetterTopic = await scene.kafka.topic()
  await scene.send(1000)
  for (const value of poison) await scene.kafka.produce(scene.topic, [value])
  const good = scene.kinds()

  const worker = await scene.start({ CFMR_KAFKA_DEADLETTERTOPIC: deadLetterTopic })
  await scene.allCommitted(worker)
  await expectLedger(worker, {
    consumed: 1000 + poison.length,
    written: 1000 - good.discarded,
    discarded: good.discarded,
    undecodable: poison.length,
  })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })

  const again = await scene.start({ CFMR_KAFKA_DEADLETTERTOPIC: deadLetterTopic })
  await again.ready()
  await scene.send(10)
  await scene.allCommitted(again)
  expect((await again.stats()).ledger.undecodable).toBe(0)

  expect(await scene.kafka.ends(deadLetterTopic)).toEqual([poison.length])
  const letters = await scene.kafka.consume(deadLetterTopic, poison.length)
  const byOffset = [...letters].sort((a, b) => Number(a.headers['cfmr-offset']) - Number(b.headers['cfmr-offset']))
  for (const [index, { value, headers }] of byOffset.entries()) {
    expect(headers).toMatchObject({ 'cfmr-reason': 'undecodable', 'cfmr-topic': scene.topic, 'cfmr-offset': String(1000 + index) })
    expect(headers['cfmr-error']).not.toBe('')
    const original = poison[index] as Buffer | null
    expect(original === null ? value === null : value?.equals(original), `poison ${index}`).toBe(true)
  }
  for (const { otherOutput } of [worker, again]) expect(otherOutput).toEqual([])
})
