import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import { uniqueName } from '../support/shared.ts'
import { expectLedger, Scene, stepNs } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

it('holds the messages that belong there, and nothing else, across a kill and a stop; once it is there, so is each of them, once', async () => {
  const mix = loadMix({ stepNs })
  const deadLetterTopic = uniqueName('dead')
  const poison = ['no envelope 1', 'no envelope 2', 'no envelope 3']
  await scene.send(1000)
  await scene.kafka.produce(scene.topic, poison)
  const more = Array.from({ length: 1000 }, (_, index) => mix.envelope(1000 + index))
  await scene.kafka.produce(scene.topic, more)
  const discarded = Array.from({ length: 2000 }, (_, number) => mix.kind(number)).filter((kind) => kind === 'discarded').length

  const env = { CFMR_KAFKA_DEADLETTERTOPIC: deadLetterTopic, CFMR_KAFKA_SESSIONTIMEOUT: '6s', CFMR_KAFKA_PROCESSINGTIMEOUT: '2s' }
  for (const end of ['kill', 'stop'] as const) {
    const worker = await scene.start(env)
    await worker.waitUntil('all but the dead letters is settled', async () => {
      const { in_flight, written, abandoned } = (await worker.stats()).ledger
      return in_flight === poison.length && written > 0 && abandoned === 0
    })
    await worker.waitUntil('it commits up to the first of them', async () => (await scene.committed()) === 1000)
    await worker.waitUntil('/readyz names the topic', async () => (await worker.get('/readyz')).body.includes(deadLetterTopic))
    expect(worker.log.find(({ level }) => level === 'ERROR')?.msg).toMatch(
      /dead letters cannot be kept: the topic does not exist.*nothing is lost/,
    )
    // A stop cannot wait for the topic: it says that these are read again.
    expect(await worker[end]()).toEqual(end === 'kill' ? { code: undefined, signal: 'SIGKILL' } : { code: 1, signal: undefined })
    expect(await scene.committed()).toBe(1000)
  }

  const worker = await scene.start(env)
  await worker.logged(/dead letters cannot be kept/)
  await scene.kafka.topic({ topic: deadLetterTopic })
  await scene.allCommitted(worker)
  expect(await scene.kafka.ends(deadLetterTopic)).toEqual([poison.length])
  const letters = await scene.kafka.consume(deadLetterTopic, poison.length)
  expect(letters.map(({ value }) => String(value)).sort()).toEqual(poison)
  await expectLedger(worker, {
    consumed: 1003,
    written: 1000 - (discarded - scene.kinds(1000).discarded),
    discarded: discarded - scene.kinds(1000).discarded,
    undecodable: 3,
  })
  const { http_request, log, instance } = await scene.stored(2000)
  expect(http_request + log + instance).toBe(2000 - discarded)
})
