import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FIRST_NS, type LogAnswer } from '../../dev/docker/fake-engine.ts'
import { ID, linesTo, logOf, logRequests, SECOND, say, sceneOf, tailOf } from '../support/fake-docker-scene.ts'

it('grafana/alloy #6954, folio-org #60: a quiet log whose stream is ended ten times is read on each time: no line twice, no error, nothing said', async () => {
  // Longer than what counts as ended at once.
  const quiet = logOf(3, (response) => void setTimeout(() => response.end(), 1200))
  const { engine, scene } = await sceneOf({ logs: [...Array.from({ length: 10 }, () => quiet), logOf(4)], tail: tailOf(3) })
  const worker = await scene.work()
  await worker.waitUntil('the next line is read', () => scene.messagesOf('fake').length === 4)
  expect(scene.documents.map(({ message }) => message)).toEqual(linesTo(4))
  expect(logRequests(engine.requests)).toHaveLength(11)
  expect(
    logRequests(engine.requests)
      .slice(1)
      .every((request) => request.includes('since=')),
  ).toBe(true)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ last_error: null, gaps: { damaged: 0, rotated: 0 } })
  expect(worker.log.filter(({ level }) => level === 'WARN')).toEqual([])
})

it('influxdata/telegraf #18059: a position is saved without a stop: a kill repeats nothing that was settled before', async () => {
  const { scene } = await sceneOf({ logs: [logOf(50)], tail: tailOf(50) })
  const first = await scene.work()
  await first.waitUntil('it is read', () => scene.messagesOf('fake').length === 50)
  const file = join(scene.state, 'docker.json')
  const last = String(FIRST_NS + 50_000_000n)
  await first.waitUntil('its position is saved', () => existsSync(file) && readFileSync(file, 'utf8').includes(last))
  await first.kill()
  const second = await scene.work()
  await second.waitUntil(
    'it is read again',
    async () => ((await second.stats()).inputs['docker'] as unknown as { streaming: number }).streaming === 1,
  )
  expect(await second.stop()).toMatchObject({ code: 0 })
  expect(scene.documents).toHaveLength(50)
})

it('moby #36928, #5456: events are always read, however slow the outputs are: what does not fit is dropped, the oldest first, and counted', async () => {
  const { engine, scene } = await sceneOf({})
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events', CFMR_MAXINFLIGHT: '1000', CFMR_BATCHER_FLUSHMESSAGES: '100' })
  await worker.ready()
  worker.stallOutput()
  const most = 20_000
  for (let n = 1n; n < most; n++) engine.say(say('pause', FIRST_NS + n * SECOND))
  engine.say(say('die', FIRST_NS + BigInt(most) * SECOND))
  await worker.waitUntil('the last is read', async () => (await worker.stats()).inputs['docker']?.['running' as never] === 0)
  expect((await worker.stats()).ledger).toMatchObject({ residue: 0, dropped: expect.any(Number) })
  expect((await worker.stats()).ledger.dropped).toBeGreaterThan(0)
  expect(worker.log.filter(({ msg }) => /readings and events are dropped/.test(String(msg)))).not.toEqual([])
  worker.resumeOutput()
  await worker.waitUntil('the newest is written', () => scene.documents.some(({ event }) => event.action === 'die'))
  const { ledger } = await worker.stats()
  expect(ledger.dropped + ledger.written + ledger.in_flight).toBe(most)
})

it('open-telemetry/opentelemetry-collector-contrib #50779: a change of health neither inspects a container nor opens its log again', async () => {
  const { engine, scene } = await sceneOf({ logs: [logOf(1)], tail: tailOf(1) })
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'logs,events' })
  await worker.waitUntil('its log is read', () => scene.messagesOf('fake').length === 1)
  const asked = () => engine.requests.filter((request) => request.includes(`/containers/${ID}/`)).length
  const before = asked()
  for (let n = 1n; n <= 5n; n++) engine.say(say(`health_status: ${n % 2n === 0n ? 'healthy' : 'unhealthy'}`, FIRST_NS + n * SECOND))
  await worker.waitUntil('all are read', () => scene.documents.filter(({ event }) => event.dataset === 'docker.event').length === 5)
  expect(asked()).toBe(before)
})

it('grafana/alloy #4321: a log that is read on asks for its tail alone', async () => {
  const answered: bigint[] = []
  const counted: LogAnswer = (response, since, query) => {
    answered.push(since)
    logOf(1000)(response, since, query)
    if (answered.length < 4) setTimeout(() => response.destroy(), 100)
  }
  const { scene } = await sceneOf({ logs: [counted], tail: tailOf(1000) })
  const worker = await scene.work()
  await worker.waitUntil('it is read four times', () => answered.length === 4)
  expect(scene.messagesOf('fake')).toEqual(linesTo(1000))
  // A second before the last line, which both streams may be apart.
  expect(answered.slice(1)).toEqual([1, 2, 3].map(() => FIRST_NS + 1_000_000_000n - SECOND))
  expect(scene.documents).toHaveLength(1000)
})
