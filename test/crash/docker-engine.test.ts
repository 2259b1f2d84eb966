import { afterAll, beforeAll, expect, it } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { RealDockerScene } from '../support/docker-scene.ts'

let scene: RealDockerScene

beforeAll(async () => {
  scene = await RealDockerScene.open()
})

afterAll(() => scene?.close())

/** Goes on counting where it was, however often it is started; ends when it is told to. */
const COUNTING = `trap 'exit 0' TERM
while true; do n=$(cat /tmp/n 2>/dev/null || echo 0); i=0; while [ $i -lt 20 ]; do i=$((i+1)); n=$((n+1)); echo $n; done; echo $n > /tmp/n; sleep 0.1; done`

const counting = (name: string, ...options: string[]) => scene.engine.start(COUNTING, ['--name', name, '--restart', 'always', ...options])

/** All that the engine still has of its stdout. */
const kept = async (name: string) => (await scene.engine.docker('logs', name)).split('\n')

/** Ends the container, and expects that all of its log was read. */
async function expectAllRead(name: string): Promise<void> {
  await scene.engine.docker('stop', name)
  const lines = await kept(name)
  await waitUntil(`all ${lines.length} lines of ${name} are read`, () => scene.messagesOf(name).length >= lines.length)
  expect(scene.messagesOf(name)).toEqual(lines)
}

it('waits for an engine that is not there yet, and says so', async () => {
  await scene.engine.stop()
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'logs,events,stats' })
  await worker.logged(/engine is away/)
  const { status, body } = await worker.get('/readyz')
  expect(status).toBe(503)
  expect(body).toMatch(/docker: .*unix:/)
  await scene.engine.restart()
  await worker.ready()
  const id = await scene.engine.start('echo here')
  await worker.waitUntil('it reads', () => scene.messagesOf(id).length === 1)
  expect(await worker.stop()).toMatchObject({ code: 0 })
})

it('reads on where it was when the engine is restarted, killed or frozen: nothing is missing, nothing comes twice', async () => {
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'logs,events' })
  await counting('restarted')
  await worker.waitUntil('it reads', () => scene.messagesOf('restarted').length > 100)
  await scene.engine.restart()
  const afterRestart = scene.messagesOf('restarted').length
  await worker.waitUntil('it reads again', () => scene.messagesOf('restarted').length > afterRestart + 100)
  await scene.engine.kill()
  await worker.waitUntil('it is not ready', async () => (await worker.get('/readyz')).status === 503)
  await scene.engine.restart()
  await worker.ready()
  const afterKill = scene.messagesOf('restarted').length
  await worker.waitUntil('it reads again', () => scene.messagesOf('restarted').length > afterKill + 100)
  scene.engine.freeze()
  const frozen = scene.messagesOf('restarted').length
  await new Promise((resolve) => setTimeout(resolve, 3000))
  scene.engine.thaw()
  await worker.waitUntil('it reads again', () => scene.messagesOf('restarted').length > frozen + 100)
  await expectAllRead('restarted')
  const { ledger, inputs } = await worker.stats()
  expect(ledger).toMatchObject({ residue: 0, dropped: 0 })
  expect(inputs['docker']).toMatchObject({ gaps: { rotated: 0, removed: 0, damaged: 0 } })
  expect(await worker.stop()).toMatchObject({ code: 0 })
})

it('an output that takes nothing stops the reading at its limit, and nothing is lost by it', async () => {
  const worker = await scene.work({ CFMR_MAXINFLIGHT: 500, CFMR_BATCHER_FLUSHMESSAGES: 100 })
  const name = 'stalled'
  await scene.engine.start('n=0; while [ $n -lt 60000 ]; do n=$((n+1)); echo "$n some more text to fill what lies between"; done', [
    '--name',
    name,
  ])
  await worker.waitUntil('it reads', () => scene.messagesOf(name).length > 100)
  worker.stallOutput()
  await worker.waitUntil('it is at its limit', async () => (await worker.stats()).kafka.paused)
  const { ledger } = await worker.stats()
  expect(ledger.in_flight).toBeLessThan(5000)
  expect(ledger.residue).toBe(0)
  worker.resumeOutput()
  await worker.waitUntil('all is read', () => scene.messagesOf(name).length === 60_000)
  expect(await worker.stop()).toMatchObject({ code: 0 })
})
