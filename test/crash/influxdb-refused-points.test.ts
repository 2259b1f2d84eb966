import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import { expectLedger, firstNs, Scene, stepNs } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

it('points that InfluxDB refuses become dead letters, the rest is stored; once the cause is mended they are read back in', async () => {
  const deadLetterTopic = await scene.kafka.topic()
  // Another program has made a text of a field that is a number here.
  const conflict = `instance cpu="a lot" ${firstNs}\n`
  const { url } = scene.influxDbServer
  await fetch(`${url}/write?db=${scene.database}`, { method: 'POST', body: conflict })
  await scene.send(3000)
  const { discarded, instance, ...others } = scene.kinds()

  const worker = await scene.start({ CFMR_KAFKA_DEADLETTERTOPIC: deadLetterTopic, CFMR_BATCHER_FLUSHMESSAGES: 1000 })
  await scene.allCommitted(worker)
  await expectLedger(worker, { consumed: 3000, written: others.http_request + others.log, discarded, refused: instance })
  expect(await scene.stored()).toMatchObject(others)
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])

  const letters = await scene.kafka.consume(deadLetterTopic, instance)
  const mix = loadMix({ stepNs })
  const offsets = letters.map(({ headers }) => Number(headers['cfmr-offset']))
  expect(new Set(offsets).size).toBe(instance)
  for (const [index, { value, headers }] of letters.entries()) {
    expect(headers).toMatchObject({ 'cfmr-reason': 'refused', 'cfmr-topic': scene.topic, 'cfmr-partition': '0' })
    expect(headers['cfmr-error']).toMatch(/field type conflict/)
    expect(value).toEqual(mix.envelope(offsets[index] as number))
  }
  expect(await scene.kafka.ends(deadLetterTopic)).toEqual([instance])

  await scene.influxDb.query('DROP MEASUREMENT "instance"', scene.database)
  const group = `${scene.group}-again`
  const reader = await scene.start({ CFMR_KAFKA_TOPICS: deadLetterTopic, CFMR_KAFKA_CONSUMERGROUP: group })
  await reader.waitUntil('the dead letters are committed', async () => (await scene.kafka.lag(group, deadLetterTopic)) === 0)
  await expectLedger(reader, { consumed: instance, written: instance })
  await scene.expectAllStored()
})
