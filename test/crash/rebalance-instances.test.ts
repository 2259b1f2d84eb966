import { expect, it, onTestFinished } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { makeApps } from '../support/apps.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { GroupScene } from './group-scene.ts'

it('instances join and leave, and partitions are added, while InfluxDB is slow: nothing is lost, and nothing is read twice', async () => {
  const scene = await GroupScene.open({ partitions: 8 })
  scene.proxy.throttle(300_000)
  scene.startLoad(600)
  const env = { CFMR_KAFKA_MAXINFLIGHT: 1000, CFMR_KAFKA_PROCESSINGTIMEOUT: '18s', CFMR_KAFKA_TOPICREFRESH: '1s' }
  const first = await scene.start(env)
  await scene.readOn()
  const second = await scene.start(env)
  const third = await scene.start(env)
  await second.ready()
  await third.ready()
  await scene.readOn()

  expect(await first.stop(60_000)).toEqual({ code: 0, signal: undefined })
  await scene.readOn()
  await scene.stopLoad()
  await scene.addPartitions(10)
  scene.startLoad(600)
  await scene.readOn()
  const fourth = await scene.start(env)
  await fourth.ready()
  await scene.readOn()

  await scene.expectNothingLost()
  expect(await scene.stopAll(first, second, third, fourth)).toBe(await scene.inTopic())
})

it('instances are killed, or stand still for longer than their session, while Cloud Controller fails for new apps: nothing is lost', async () => {
  const cc = await startCloudController({ apps: sampleApps() })
  onTestFinished(() => cc.close())
  const scene = await GroupScene.open({ partitions: 8 })
  scene.startLoad(600)
  const env = {
    CFMR_KAFKA_PROCESSINGTIMEOUT: '2s',
    CFMR_CF_API: cc.url,
    CFMR_CF_USER: 'admin',
    CFMR_CF_PASSWORD: 'admin',
    CFMR_CF_RETRIES: 0,
  }
  const first = await scene.start(env)
  await first.ready()
  const second = await scene.start(env)
  const third = await scene.start(env)
  await second.ready()
  await third.ready()
  await scene.readOn()
  cc.faults.add({ kind: 'look-up', ...ANSWERS.serverError })
  const newApps = makeApps(3)
  for (const [partition, { app_guid }] of newApps.entries()) {
    await scene.kafka.produce(scene.topic, logEnvelopes(app_guid, 0, 100), { partition })
  }
  await scene.readOn()

  await first.kill()
  await scene.readOn()
  const fourth = await scene.start(env)
  await fourth.ready()
  await scene.readOn()

  second.freeze()
  scene.workers.delete(second)
  await scene.readOn()
  const joins = () => second.log.filter(({ msg }) => msg === 'joined the group').length
  const before = joins()
  second.thaw()
  await second.waitUntil('it is a member again', () => joins() > before)
  scene.workers.add(second)
  await scene.readOn()

  for (const app of newApps) cc.platform.put(app)
  cc.faults.heal()
  await scene.expectNothingLost(300)
  await scene.stopAll()
  for (const worker of [second, third, fourth]) expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
})
