import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { GroupScene } from './group-scene.ts'

let kafka: KafkaServer

beforeAll(async () => {
  kafka = await startKafka()
})

afterAll(() => kafka?.close())

const notReady = (worker: WorkerProcess, why: RegExp) =>
  worker.waitUntil(`/readyz says ${why}`, async () => {
    const { status, body } = await worker.get('/readyz')
    return status === 503 && why.test(body)
  })

it('Kafka is down at the start, stops, hangs: /readyz says so, it goes on each time, and nothing is lost', async () => {
  const scene = await GroupScene.open({ brokers: kafka.brokers, partitions: 3 })
  scene.startLoad(500)
  await kafka.stop()
  const worker = await scene.start()
  await worker.logged(/cannot be reached; trying again, nothing is lost/)
  await notReady(worker, new RegExp(`has not joined the group ${scene.group} yet \\(brokers ${kafka.brokers[0]}\\)`))
  await kafka.restart()
  await worker.ready()
  await scene.readOn()

  const mendings: [() => unknown, () => unknown][] = [
    [() => kafka.stop(), () => kafka.restart()],
    [() => kafka.freeze(), () => kafka.thaw()],
  ]
  for (const [breakIt, mendIt] of mendings) {
    await breakIt()
    await notReady(worker, /no sign of life from the group/)
    expect((await worker.get('/healthz')).status).toBe(200)
    await mendIt()
    await worker.ready()
    await scene.readOn()
  }
  await scene.expectNothingLost()
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
  await scene.stopAll()
})

it('Kafka hangs, or is gone, for longer than CFMR_KAFKA_GIVEUP: exit 1, and the next start loses nothing', async () => {
  const scene = await GroupScene.open({ brokers: kafka.brokers, partitions: 3 })
  scene.startLoad(500)
  for (const [breakIt, mendIt] of [
    [() => kafka.freeze(), () => kafka.thaw()],
    [() => kafka.kill(), () => kafka.restart()],
  ] as const) {
    const worker = await scene.start({ CFMR_KAFKA_GIVEUP: '8s' })
    await worker.ready()
    await scene.readOn()
    await breakIt()
    expect(await worker.exited).toEqual({ code: 1, signal: undefined })
    const errors = worker.log.filter(({ level }) => level === 'ERROR')
    expect(errors[0]).toMatchObject({ msg: 'Cannot go on', error: expect.stringContaining(`Kafka (${kafka.brokers[0]}) has not answered`) })
    expect(errors[0]?.['error']).toContain('Nothing is lost')
    await mendIt()
  }
  await scene.start()
  await scene.readOn()
  await scene.expectNothingLost()
  await scene.stopAll()
})
