import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PodmanEngine, startPodman } from '../../dev/docker/podman.ts'
import { DockerScene } from '../support/docker-scene.ts'
import { run } from '../support/program.ts'

let podman: PodmanEngine
let scene: DockerScene

beforeAll(async () => {
  podman = await startPodman()
  scene = DockerScene.with(podman.host)
})

afterAll(() => podman?.close())

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))
/** A hundred lines each second, so that many have the same time, which has whole seconds. */
const counting = (lines: number) =>
  `n=0; while [ $n -lt ${lines} ]; do i=0; while [ $i -lt 25 ]; do i=$((i+1)); n=$((n+1)); echo $n; echo $n >&2; done; sleep 0.25; done; echo end`

it('reads each line once, however many share a second, though the worker is killed again and again', async () => {
  const id = await podman.start(counting(1000), ['--name', 'counting'])
  for (let kills = 0; kills < 6; kills++) {
    const before = scene.documents.length
    const worker = await scene.work()
    await worker.waitUntil('it writes', () => scene.documents.length > before)
    await worker.kill()
  }
  const last = await scene.work()
  await last.waitUntil('all is read', () => scene.messagesOf(id).includes('end') && scene.messagesOf(id).length >= 2001)
  expect(scene.messagesOf(id, 'stdout')).toEqual([...numbers(1000), 'end'])
  expect(scene.messagesOf(id, 'stderr')).toEqual(numbers(1000))
  expect((await last.stats()).inputs['docker']).toMatchObject({ gaps: { rotated: 0, removed: 0, damaged: 0 } })
  expect(await last.stop()).toMatchObject({ code: 0 })
})

it('reads long lines whole, what a container writes last, and its next run', async () => {
  const worker = await scene.work()
  await worker.ready()
  const long = await podman.start("head -c 98304 /dev/zero | tr '\\0' 'x'; echo; printf 'no end'")
  await worker.waitUntil('both are read', () => scene.messagesOf(long).length === 2)
  expect(scene.messagesOf(long)).toEqual(['x'.repeat(98304), 'no end'])
  const again = await podman.start('echo run')
  await worker.waitUntil('its run is read', () => scene.messagesOf(again).length === 1)
  await podman.docker('start', again)
  await worker.waitUntil('its next run is read', () => scene.messagesOf(again).length === 2)
  await worker.stop()
})

it('reads on when a container that was followed to its end is started again', async () => {
  const worker = await scene.work()
  await worker.ready()
  const id = await podman.start('echo begins; sleep 3; echo ends')
  await worker.waitUntil('its run is read', () => scene.messagesOf(id).length === 2)
  await podman.docker('start', id)
  await worker.waitUntil('its next run is read', () => scene.messagesOf(id).length === 4)
  expect(scene.messagesOf(id)).toEqual(['begins', 'ends', 'begins', 'ends'])
  expect(await worker.stop()).toMatchObject({ code: 0 })
})

it('tells what happens in the words of Docker, and of usage what Podman knows', async () => {
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events,stats', CFMR_DOCKER_STATSINTERVAL: '1s' })
  await worker.ready()
  const id = await podman.start('sleep 6; exit 3', ['--name', 'happens', '--memory', '64m'])
  const of = (dataset: string) => scene.documents.filter((document) => document.container.id === id && document.event.dataset === dataset)
  await worker.waitUntil('it is told', () => of('docker.event').some(({ event }) => event.action === 'die'))
  await podman.docker('rm', id)
  await worker.waitUntil('it is told', () => of('docker.event').some(({ event }) => event.action === 'destroy'))
  const actions = of('docker.event').map(({ event }) => event.action)
  expect(actions).toEqual(expect.arrayContaining(['create', 'start', 'die', 'destroy']))
  expect(of('docker.event').find(({ event }) => event.action === 'die')?.process).toEqual({ exit_code: 3 })
  const usage = of('cloudfoundry.container')
  expect(usage.length).toBeGreaterThan(1)
  expect(usage.at(-1)?.cloudfoundry.container?.memory?.quota).toEqual({ bytes: 64 * 2 ** 20 })
  expect(usage.at(-1)?.container.disk, 'Podman has no block IO here').toBeUndefined()
  expect(usage.at(-1)?.container.network, "nor does it know the host's network").toBeUndefined()
  expect(usage.at(-1)?.cloudfoundry.container?.cpu?.pct, 'of one core, it sleeps').toBeLessThan(0.5)
  await worker.stop()
})

it('check says that it is Podman', async () => {
  const { stdout, code } = await run({
    args: ['check'],
    env: { CFMR_INPUT: 'docker', CFMR_OUTPUT: 'stdout', CFMR_DOCKER_HOST: podman.host, CFMR_STATE: scene.state },
  })
  expect(stdout).toMatch(/ok +docker +unix:.* answers: Podman 4\S* on \S+, API 1\.41/)
  expect(code).toBe(0)
})
