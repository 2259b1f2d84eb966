import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS, type Fault, rateLimited } from '../../dev/cloud-controller/faults.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { guidOf, makeApps } from '../support/apps.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { expectLedger, Scene } from './scene.ts'

/** Apps that exist when a worker starts; those with higher numbers come later. */
const KNOWN = 20
const MESSAGES = 50

let cloudController: CloudControllerFake
let scene: Scene
let sent = 0
let nextApp = KNOWN

beforeEach(async () => {
  cloudController = await startCloudController({ apps: makeApps(KNOWN) })
  scene = await Scene.open()
  sent = 0
  nextApp = KNOWN
})

afterEach(async () => {
  await scene?.close()
  await cloudController?.close()
})

const login = { CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin', CFMR_CF_TIMEOUT: '1s', CFMR_CF_RETRIES: 0 }

const start = (env: Record<string, string | number> = {}) => scene.start({ CFMR_CF_API: cloudController.url, ...login, ...env })

/** So many messages of one app, each a point of its own. */
async function send(appGuid: string, count = MESSAGES): Promise<void> {
  await scene.kafka.produce(scene.topic, logEnvelopes(appGuid, sent, sent + count))
  sent += count
}

/** An app is pushed, and its first messages come. */
async function pushApp(): Promise<string> {
  const [app] = makeApps(1, nextApp++)
  if (app === undefined) throw new Error('no app')
  cloudController.platform.put(app)
  await send(app.app_guid)
  return app.app_guid
}

const storedLogs = () => scene.influxDb.count(scene.database, 'log', 'count')

/** Messages of an unknown app wait, while those that come after them, of a known one, are written. */
async function expectUnknownWaitsAloneWhile(worker: WorkerProcess): Promise<void> {
  const before = await worker.stats()
  const guid = await pushApp()
  await send(guidOf(1))
  await worker.waitUntil('the known app is written, the unknown one waits', async () => {
    const { ledger, metadata } = await worker.stats()
    return metadata.held === MESSAGES && metadata.held_apps.includes(guid) && ledger.written === before.ledger.written + MESSAGES
  })
  await worker.waitUntil('a request has failed', async () => (await worker.stats()).metadata.failures > before.metadata.failures)
  expect((await worker.stats()).ledger).toMatchObject({ in_flight: MESSAGES, not_found: 0, residue: 0 })
  expect(await scene.committed()).toBeLessThanOrEqual(sent - 2 * MESSAGES)
}

async function expectAllWritten(worker: WorkerProcess): Promise<void> {
  await scene.allCommitted(worker)
  expect(await storedLogs()).toBe(sent)
  await expectLedger(worker, { consumed: sent, written: sent })
  expect(worker.otherOutput).toEqual([])
}

describe('at the start', () => {
  it.each<[string, () => unknown]>([
    ['CC is down', () => cloudController.close()],
    ['UAA answers 503', () => cloudController.faults.add({ kind: 'token', ...ANSWERS.databaseDown })],
    ['the list of apps hangs', () => cloudController.faults.add({ kind: 'list', effect: 'hang' })],
    ['the account sees no app', () => Object.assign(cloudController.platform, { visibleApps: 0 })],
  ])('%s: it says so, ends with 1, and has read nothing', async (_, breakIt) => {
    await send(guidOf(1))
    await breakIt()
    const worker = await start()
    expect(await worker.exited).toEqual({ code: 1, signal: undefined })
    expect(worker.log.find(({ msg }) => msg === 'Cannot go on')).toMatchObject({
      level: 'ERROR',
      error: expect.stringMatching(/Nothing was read, so nothing is lost/),
    })
    expect(await scene.committed()).toBe(-1)
  })

  it('a rate limit is waited for', async () => {
    await send(guidOf(1))
    cloudController.faults.add({ kind: 'list', times: 2, ...rateLimited(1) })
    await expectAllWritten(await start())
  })
})

it.each<[string, readonly [string, Fault][]]>([
  [
    'fails in every way',
    [
      ['500 in HTML', { kind: 'look-up', ...ANSWERS.serverError }],
      ['its database is down', { kind: 'look-up', ...ANSWERS.databaseDown }],
      ['a login page with 200', { kind: 'look-up', ...ANSWERS.html }],
      ['403', { kind: 'look-up', ...ANSWERS.forbidden }],
      ['404', { kind: 'look-up', ...ANSWERS.notFound }],
      ['429 with Retry-After', { kind: 'look-up', ...rateLimited(1) }],
      ['hangs', { kind: 'look-up', effect: 'hang' }],
      ['is cut', { kind: 'look-up', effect: 'cut' }],
    ],
  ],
])('while it runs CC %s: known apps flow, unknown ones wait, nothing is taken for absent', async (_, faults) => {
  const worker = await start()
  await worker.ready()
  for (const [name, fault] of faults) {
    cloudController.faults.add(fault)
    await expectUnknownWaitsAloneWhile(worker).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error })
    })
    cloudController.faults.heal()
    await scene.allCommitted(worker)
  }
  await expectAllWritten(worker)
})

it('CC and UAA are down while it runs, and come back without any session of before; it logs in anew and goes on', async () => {
  const worker = await start()
  await worker.ready()
  const { url, platform } = cloudController
  await cloudController.close()
  await expectUnknownWaitsAloneWhile(worker)
  cloudController = await startCloudController({ apps: platform.visible, port: Number(new URL(url).port) })
  await expectAllWritten(worker)
})

it('with v2, whose endpoints are switched off while it runs: it says what that is, and no app is taken for absent', async () => {
  const worker = await start({ CFMR_CF_APIVERSION: 'v2' })
  await worker.ready()
  cloudController.platform.isV2Enabled = false
  await expectUnknownWaitsAloneWhile(worker)
  expect(JSON.stringify(worker.log)).toContain('V2 endpoints disabled')
  cloudController.platform.isV2Enabled = true
  await expectAllWritten(worker)
})

it('tokens are revoked, and the refresh token too: a full login, and nobody waits for more than that', async () => {
  const worker = await start()
  await worker.ready()
  cloudController.uaa.revokeAccessTokens()
  await pushApp()
  await scene.allCommitted(worker)
  cloudController.uaa.revokeAccessTokens()
  cloudController.uaa.revokeRefreshTokens()
  await pushApp()
  await expectAllWritten(worker)
  expect(cloudController.uaa.grants.at(-1)).toMatchObject({ grant: 'password', isGiven: true })
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
})

it('the account loses its role, gets 200 and an empty list: nothing is discarded; real absence still is', async () => {
  const worker = await start({ CFMR_METADATAREFRESH: '2s' })
  await worker.ready()
  cloudController.platform.visibleApps = 0
  const guid = await pushApp()
  const ghost = guidOf(999_999)
  await send(ghost)
  await send(guidOf(1))
  await worker.waitUntil('the known app is written, the others wait', async () => {
    const { ledger, metadata } = await worker.stats()
    return ledger.written === MESSAGES && metadata.held === 2 * MESSAGES
  })
  await worker.waitUntil('/readyz says that the list cannot be believed', async () => {
    const { status, body } = await worker.get('/readyz')
    return status === 503 && body.includes('metadata: ')
  })
  expect(worker.log.some(({ level, msg }) => level === 'ERROR' && msg.startsWith('Metadata: '))).toBe(true)
  expect((await worker.stats()).ledger.not_found).toBe(0)

  cloudController.platform.visibleApps = undefined
  await scene.allCommitted(worker)
  await expectLedger(worker, { consumed: sent, written: 2 * MESSAGES, not_found: MESSAGES })
  expect(await storedLogs()).toBe(2 * MESSAGES)
  expect((await worker.stats()).metadata.held_apps).not.toContain(guid)
})

it('it is killed while an unknown app waits: its messages are read again, and written once CC is back', async () => {
  const env = { CFMR_KAFKA_SESSIONTIMEOUT: '6s' }
  const worker = await start(env)
  await worker.ready()
  cloudController.faults.add({ kind: 'look-up', ...ANSWERS.badGateway })
  await expectUnknownWaitsAloneWhile(worker)
  await worker.kill()
  const next = await start(env)
  cloudController.faults.heal()
  await scene.allCommitted(next)
  expect(await storedLogs()).toBe(sent)
})
