import { expect, it } from 'vitest'
import { Container } from '../../../../src/inputs/docker/inventory/container.ts'
import { engineEventOf, sinceText } from '../../../../src/inputs/docker/inventory/engine-event.ts'
import { inspectionOf } from '../../../../src/inputs/docker/inventory/inspection.ts'

const container = () => new Container('ab'.repeat(32))

it('counts the runs of a container, whether events or inspections tell of them', () => {
  const one = container()
  one.inspected(false, '', 'ended')
  expect(one.run).toBe(0)
  one.hadOom = true
  one.inspected(true, 'monday', 'ended')
  one.inspected(true, 'monday', 'ended')
  expect(one.hadOom, 'an event may be quicker than the inspection').toBe(true)
  expect(one.run).toBe(1)
  one.stopped()
  expect(one.isRunning).toBe(false)
  one.started()
  expect([one.run, one.isRunning]).toEqual([2, true])
  // Asked before it was started again.
  one.inspected(false, 'monday', 'ended')
  expect([one.run, one.isRunning]).toEqual([2, true])
  one.inspected(true, 'tuesday', 'ended')
  expect(one.run).toBe(2)
  one.hadOom = true
  one.inspected(true, 'wednesday', 'ended')
  expect([one.run, one.hadOom]).toEqual([3, false])
})

it('names a run that has ended by when it began and ended, while no other is under way', () => {
  const one = container()
  one.inspected(false, '', 'never')
  expect(one.endedRun, 'it has not run yet').toBeUndefined()
  one.inspected(true, 'monday', 'never')
  expect(one.endedRun).toBeUndefined()
  one.stopped()
  one.inspected(false, 'monday', 'tuesday')
  expect(one.endedRun).toBe('monday tuesday')
  one.started()
  // Asked before it was started again.
  one.inspected(false, 'monday', 'tuesday')
  expect(one.endedRun).toBeUndefined()
})

const event = (more: object) => ({
  Type: 'container',
  Action: 'start',
  Actor: { ID: 'ab', Attributes: {} },
  timeNano: '1764241515123456789',
  ...more,
})

it('reads events of Docker and Podman, without the command of an exec', () => {
  expect(engineEventOf(event({}))).toEqual({ id: 'ab', timeNs: 1764241515123456789n, action: 'start', attributes: {} })
  expect(engineEventOf(event({ Action: 'exec_create: sh -c "secret"' }))?.action).toBe('exec_create')
  expect(engineEventOf(event({ Action: 'health_status: healthy' }))?.action).toBe('health_status: healthy')
  expect(engineEventOf(event({ Action: 'remove' }))?.action).toBe('destroy')
  expect(engineEventOf(event({ Action: 'die', Actor: { ID: 'ab', Attributes: { containerExitCode: '3' } } }))?.exitCode).toBe('3')
  expect(engineEventOf(event({ Action: 'kill', Actor: { ID: 'ab', Attributes: { signal: 'TERM' } } }))?.signal).toBeUndefined()
  expect(engineEventOf(event({ Actor: { ID: 'ab', Attributes: { exitCode: '3' } } }))?.exitCode, 'a label of that name').toBeUndefined()
  expect(engineEventOf({ ...event({}), timeNano: undefined, time: 7 })?.timeNs).toBe(7_000_000_000n)
  for (const none of [event({ Type: 'network' }), event({ Action: undefined }), null, {}]) expect(engineEventOf(none)).toBeUndefined()
  expect(sinceText(1764241515000000089n)).toBe('1764241515.000000089')
})

it('keeps of an inspection what it needs, and of the environment nothing', () => {
  const options = {
    sources: {
      app: [{ kind: 'env', key: 'APP' } as const],
      appGuid: [],
      space: [],
      spaceGuid: [],
      org: [],
      orgGuid: [],
      instance: [{ kind: 'name' } as const],
    },
    selection: { include: [], exclude: [], collect: new Set(['logs'] as const) },
    aliases: new Map<string, string>(),
    isOwn: () => false,
  }
  const answer = {
    Id: 'ab',
    Name: '/web',
    Config: { Image: 'box:1', Env: ['APP=shop', 'PASSWORD=hunter2'], Labels: { a: 'b', odd: 7 }, Tty: true },
    HostConfig: { LogConfig: { Type: 'local' } },
    State: { Running: true, StartedAt: '2026-01-01T00:00:00Z' },
  }
  const inspection = inspectionOf(answer, 'node', options)
  expect(inspection).toEqual({
    description: {
      name: 'web',
      image: 'box:1',
      host: 'node',
      owner: { app: 'shop', instance: 'web' },
      labels: { a: 'b' },
      isTerminal: true,
      logDriver: 'local',
      selected: {
        ...{ logs: true, stats: false, events: false },
        reasons: { stats: 'CFMR_DOCKER_COLLECT is without stats', events: 'CFMR_DOCKER_COLLECT is without events' },
      },
    },
    isRunning: true,
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '',
  })
  expect(JSON.stringify(inspection)).not.toContain('hunter2')
  expect(inspectionOf({}, 'node', options)).toBeUndefined()
  const never = inspectionOf(
    { Id: 'ab', State: { StartedAt: '0001-01-01T00:00:00Z' }, Config: { Labels: null, Env: null } },
    'node',
    options,
  )
  expect(never).toMatchObject({ isRunning: false, startedAt: '' })
})
