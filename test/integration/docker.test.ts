import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { RealDockerScene } from '../support/docker-scene.ts'
import { run } from '../support/program.ts'
import { uniqueName } from '../support/shared.ts'

let scene: RealDockerScene

beforeAll(async () => {
  scene = await RealDockerScene.open()
})

afterAll(() => scene?.close())

const hasEnded = (id: string) => waitUntil('it has ended', async () => (await inspected(id)).State.Running === false)

interface Inspected {
  readonly State: { readonly Running: boolean; readonly StartedAt: string }
}

async function inspected(id: string): Promise<Inspected> {
  const [answer] = JSON.parse(await scene.engine.docker('inspect', id)) as Inspected[]
  return answer as Inspected
}

it('reads every line of containers that live for a moment, some of which are removed at once', async () => {
  const worker = await scene.work()
  await worker.ready()
  const kept: string[] = []
  for (let number = 0; number < 25; number++) kept.push(await scene.engine.start(`echo ${number}; echo error ${number} >&2`))
  const removed = await scene.engine.start('echo mine; sleep 0.3; echo all', ['--rm'])
  await worker.waitUntil('all lines are there', () => [...kept, removed].every((id) => scene.messagesOf(id).length === 2))
  for (const [number, id] of kept.entries()) {
    expect(scene.messagesOf(id, 'stdout')).toEqual([String(number)])
    expect(scene.messagesOf(id, 'stderr')).toEqual([`error ${number}`])
  }
  expect(scene.messagesOf(removed)).toEqual(['mine', 'all'])
  expect(await worker.stop()).toMatchObject({ code: 0 })
})

it('reads what was written while it was not there, of containers that run and of those that have ended', async () => {
  const running = await scene.engine.start('while true; do n=$((n+1)); echo $n; sleep 0.05; done')
  const first = await scene.work()
  await first.waitUntil('it writes', () => scene.messagesOf(running).length > 3)
  expect(await first.stop()).toMatchObject({ code: 0 })
  const seen = scene.documents.length
  const ended = await scene.engine.start('echo one; printf "two, without an end"')
  await hasEnded(ended)
  const second = await scene.work()
  await second.waitUntil('both are read', () => scene.messagesOf(ended).length === 2 && scene.documents.length > seen + 30)
  expect(scene.messagesOf(ended)).toEqual(['one', 'two, without an end'])
  const numbers = scene.messagesOf(running)
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1)))
  await second.stop()
  await scene.engine.docker('rm', '--force', running)
})

it('reads on through restarts and a new name, each line once and under the name of its time', async () => {
  const name = uniqueName('worker')
  const id = await scene.engine.start('echo start; sleep 0.2; printf "prompt> "', ['--name', name, '--tty'])
  const worker = await scene.work()
  for (let times = 1; times <= 3; times++) {
    await worker.waitUntil('the run is read', () => scene.messagesOf(id).length === 2 * times)
    await hasEnded(id)
    if (times === 3) break
    if (times === 2) await scene.engine.docker('rename', name, `${name}-b`)
    await scene.engine.docker('start', id)
  }
  expect(scene.messagesOf(id)).toEqual(['start', 'prompt> ', 'start', 'prompt> ', 'start', 'prompt> '])
  expect(scene.logOf(id).map(({ container }) => container.name)).toEqual([name, name, name, name, `${name}-b`, `${name}-b`])
  await worker.stop()
})

it('vectordotdev/vector #14644, moby/moby #37681, grafana/alloy #4625: long lines are whole, as the engine has them byte for byte, with the time that the engine gave them', async () => {
  const script = 'x=$(yes € | head -n 33333 | tr -d "\\n"); echo "$x"; echo "  $x" >&2; sleep 0.1; echo "end "'
  const ids = [
    await scene.engine.start(script),
    await scene.engine.start(script, ['--tty']),
    await scene.engine.start(script, ['--log-driver', 'local']),
  ]
  const worker = await scene.work()
  await worker.waitUntil('all are read', () => ids.every((id) => scene.messagesOf(id).includes('end ')))
  const long = '€'.repeat(33_333)
  for (const [index, id] of ids.entries()) {
    const messages = scene.messagesOf(id).toSorted()
    if (index === ids.length - 1) expect(messages).toEqual([`  ${long}`, 'end ', long])
    // The driver json-file itself breaks the character that it cuts: four in six cuts.
    const kept = '€'.repeat(33_329)
    if (index < ids.length - 1) expect(messages.map((text) => text.replaceAll('\uFFFD', ''))).toEqual([`  ${kept}`, 'end ', kept])
    const end = (await scene.engine.docker('logs', '--timestamps', '--tail', '1', id)).split(' ')[0]
    expect(scene.logOf(id).find(({ message }) => message === 'end ')?.['@timestamp']).toBe(end)
  }
  await worker.stop()
})

it('names the owner by what the platform says, and keeps nothing else of the environment', async () => {
  const vcap = {
    application_name: 'shop',
    application_id: 'guid-1',
    organization_name: 'acme',
    space_name: 'prod',
    space_id: 's',
    instance_index: 3,
  }
  const compose = { 'com.docker.compose.service': 'db', 'com.docker.compose.project': 'stack', 'com.docker.compose.container-number': '2' }
  const labels = Object.entries(compose).flatMap(([key, value]) => ['--label', `${key}=${value}`])
  const worker = await scene.work({ CFMR_DOCKER_ALIASES: 'renamed=other', CFMR_DOCKER_COLLECT: 'logs,events' })
  const secret = 'hunter2-of-the-environment'
  const cloudFoundry = await scene.engine.start('echo x', [
    ...['--env', `VCAP_APPLICATION=${JSON.stringify(vcap)}`, '--env', 'CF_INSTANCE_INDEX=3', '--env', `DATABASE_PASSWORD=${secret}`],
  ])
  const composed = await scene.engine.start('echo x', labels)
  const marathon = await scene.engine.start('echo x', ['--env', 'MARATHON_APP_ID=/shop/web'])
  const aliased = await scene.engine.start('echo x', ['--name', 'renamed'])
  const labelled = await scene.engine.start('echo x', ['--label', 'cfmr.app=chosen', '--env', 'MARATHON_APP_ID=/shop/web'])
  const silent = await scene.engine.start('echo x', ['--label', 'cfmr.logs=false'])
  const all = [cloudFoundry, composed, marathon, aliased, labelled]
  await worker.waitUntil('all are read', () => all.every((id) => scene.messagesOf(id).length === 1))
  const owners = all.map((id) => scene.logOf(id)[0]?.cloudfoundry)
  expect(owners[0]).toEqual({
    app: { id: 'guid-1', name: 'shop', instance: { id: '3' } },
    space: { id: 's', name: 'prod' },
    org: { name: 'acme' },
  })
  expect(owners[1]).toEqual({ app: { name: 'db', instance: { id: '2' } }, org: { name: 'stack' } })
  expect(owners.slice(2).map((owner) => owner?.app.name)).toEqual(['/shop/web', 'other', 'chosen'])
  expect(scene.messagesOf(silent)).toEqual([])
  await worker.stop()
  const everything = JSON.stringify([scene.documents, worker.log, readFileSync(join(scene.state, 'docker.json'), 'utf8')])
  expect(everything).not.toContain(secret)
})

it('tells what happens to containers, with exit codes, signals and what ran out of memory', async () => {
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events' })
  await worker.ready()
  const name = uniqueName('happens')
  const id = await scene.engine.start('trap "exit 7" TERM; while true; do sleep 0.1; done', ['--name', name])
  await scene.engine.docker('exec', id, 'true', '--secret-argument')
  await scene.engine.docker('rename', name, `${name}-b`)
  await scene.engine.docker('stop', id)
  const hungry = await scene.engine.start('x=a; while true; do x=$x$x; done', ['--memory', '16m', '--memory-swap', '16m'])
  await scene.engine.docker('rm', id)
  const of = (container: string) => scene.documents.filter((document) => document.container.id === container)
  await worker.waitUntil(
    'all is told',
    () => of(id).at(-1)?.event.action === 'destroy' && of(hungry).some(({ event }) => event.action === 'die'),
  )
  const actions = of(id).map(({ event }) => event.action)
  expect(actions).toEqual(['create', 'start', 'exec_create', 'exec_start', 'exec_die', 'rename', 'kill', 'die', 'stop', 'destroy'])
  expect(of(id).every(({ event }) => event.dataset === 'docker.event' && event.kind === 'event')).toBe(true)
  const by = (action: string, container = id) => of(container).find(({ event }) => event.action === action)
  expect(by('die')?.process).toEqual({ exit_code: 7 })
  expect(by('kill')?.docker).toEqual({ signal: 15 })
  expect(by('die', hungry)).toMatchObject({ process: { exit_code: 137 }, docker: { oom: true } })
  expect(JSON.stringify(scene.documents)).not.toContain('secret-argument')
  await worker.stop()
})

it('says of usage what docker stats says, and nothing of what the engine does not know', async () => {
  const id = await scene.engine.start('x=$(head -c 8000000 /dev/zero | tr "\\0" x); while true; do :; done', [
    '--cpus',
    '0.5',
    '--memory',
    '64m',
  ])
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'stats', CFMR_DOCKER_STATSINTERVAL: '1s', CFMR_DOCKER_DISKINTERVAL: '1s' })
  const samples = () => scene.documents.filter((document) => document.container.id === id)
  await worker.waitUntil('there are readings', () => samples().length >= 4)
  const [cpu = '', memory = ''] = (await scene.engine.docker('stats', '--no-stream', '--format', '{{.CPUPerc}} {{.MemUsage}}', id)).split(
    ' ',
  )
  const last = samples().at(-1)
  expect(samples()[0]?.cloudfoundry.container?.cpu, 'no CPU without a reading before').toBeUndefined()
  const percent = 100 * (last?.cloudfoundry.container?.cpu?.pct ?? 0)
  expect(Math.abs(percent - Number.parseFloat(cpu))).toBeLessThan(25)
  expect(percent).toBeGreaterThan(20)
  const bytes = last?.cloudfoundry.container?.memory?.bytes ?? 0
  expect(Math.abs(bytes / 2 ** 20 - Number.parseFloat(memory))).toBeLessThan(2)
  expect(last?.cloudfoundry.container?.memory?.quota).toEqual({ bytes: 64 * 2 ** 20 })
  expect(last?.cloudfoundry.container?.disk?.bytes).toBeGreaterThanOrEqual(0)
  expect(last?.container.network, 'it has no network').toBeUndefined()
  expect(last?.container.pids).toBe(1)
  await worker.stop()
  await scene.engine.docker('rm', '--force', id)
})

it('reads what is chosen, by name, image, label and variable', async () => {
  const worker = await scene.work({
    CFMR_DOCKER_INCLUDE: 'name=chosen-*,label=team=/^pay/,env=STAGE',
    CFMR_DOCKER_EXCLUDE: 'name=*-not',
  })
  const chosen = [
    await scene.engine.start('echo x', ['--name', 'chosen-1']),
    await scene.engine.start('echo x', ['--label', 'team=payments']),
    await scene.engine.start('echo x', ['--env', 'STAGE=']),
    await scene.engine.start('echo x', ['--name', 'not-chosen', '--label', 'cfmr.logs=true']),
  ]
  const others = [
    await scene.engine.start('echo x', ['--name', 'chosen-not']),
    await scene.engine.start('echo x', ['--label', 'team=shop']),
    await scene.engine.start('echo x'),
  ]
  await worker.waitUntil('the chosen are read', () => chosen.every((id) => scene.messagesOf(id).length === 1))
  await worker.stop()
  expect(others.flatMap((id) => scene.messagesOf(id))).toEqual([])
})

it('without CFMR_STATE reads running containers from then on, and new ones from their first line', async () => {
  const old = await scene.engine.start('echo before; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after')
  await waitUntil('it has written', async () => (await scene.engine.docker('logs', old)) === 'before')
  const worker = await scene.work({ CFMR_STATE: undefined })
  await worker.logged(/CFMR_STATE is not set/)
  await worker.waitUntil(
    'it streams',
    async () => ((await worker.stats()).inputs['docker'] as unknown as { streaming: number }).streaming > 0,
  )
  const fresh = await scene.engine.start('echo first')
  await scene.engine.docker('exec', old, 'sh', '-c', 'echo > /tmp/go')
  await worker.waitUntil('both are read', () => scene.messagesOf(fresh).length === 1 && scene.messagesOf(old).length > 0)
  expect(scene.messagesOf(old)).toEqual(['after'])
  expect(existsSync(join(scene.state, 'docker.json.partial'))).toBe(false)
  await worker.stop()
})

it('a log that the driver does not keep is counted as a gap, and the others go on', async () => {
  const id = await scene.engine.start('echo x; sleep 0.5', ['--log-driver', 'none', '--name', 'unread'])
  const worker = await scene.work()
  const line = await worker.logged(/cannot be had any more/)
  expect(line).toMatchObject({ level: 'WARN', container: 'unread', cause: 'driver' })
  const other = await scene.engine.start('echo y')
  await worker.waitUntil('the other is read', () => scene.messagesOf(other).length === 1)
  expect(scene.messagesOf(id)).toEqual([])
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { driver: 1 } })
  await worker.stop()
})

it('check says what is read, and what is not there to be asked', async () => {
  const env = { CFMR_INPUT: 'docker', CFMR_OUTPUT: 'stdout', CFMR_DOCKER_HOST: scene.engine.host, CFMR_STATE: scene.state }
  const well = await run({ args: ['check'], env })
  expect(well.stdout).toMatch(/ok +docker +unix:.* answers: Docker 20\.10\S* on \S+, API 1\.41/)
  expect(well.stdout).toMatch(/ok +docker +\d+ of \d+ containers are read/)
  expect(well.code).toBe(0)
  const none = await run({ args: ['check'], env: { ...env, CFMR_DOCKER_HOST: 'unix:///nowhere/docker.sock', CFMR_STATE: undefined } })
  expect(none.stdout).toMatch(/FAILED +docker .*There is no such socket/)
  expect(none.stdout).toMatch(/WARNING +docker +CFMR_STATE is not set/)
  expect(none.code).toBe(1)
})
