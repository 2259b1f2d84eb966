import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS, rateLimited } from '../../dev/cloud-controller/faults.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { AppEvent } from '../../src/cloud-foundry/app-event.ts'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import { CloudControllerV2 } from '../../src/cloud-foundry/enricher/cloud-controller-v2.ts'
import { Enricher, type EnricherOptions } from '../../src/cloud-foundry/enricher/enricher.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import { guidOf, makeApps, metadataOf } from '../support/apps.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const never = new AbortController().signal
const HOUR = 3_600_000

interface StartOptions extends Partial<EnricherOptions> {
  readonly version?: 'v2' | 'v3'
  readonly timeoutMs?: number
  readonly password?: string
  readonly resultsPerPage?: number
}

interface Started {
  readonly enricher: Enricher
  readonly cc: CloudControllerFake
  /** The lines of the log, parsed. */
  readonly lines: { readonly level: number; readonly msg: string; readonly error?: string }[]
}

/** Not yet warmed up. */
async function prepare(apps: readonly AppMetadata[], options: StartOptions = {}): Promise<Started> {
  const { version = 'v3', timeoutMs = 5000, password = 'admin', resultsPerPage = 100, ...changes } = options
  const cc = await startCloudController({ apps })
  const lines: Started['lines'] = []
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) })
  const login = { api: cc.url, user: 'admin', password, timeoutMs, retries: 0, skipSslValidation: false, resultsPerPage, log }
  const enricher = new Enricher({
    source: version === 'v3' ? new CloudController(login) : new CloudControllerV2(login),
    refreshMs: HOUR,
    expireMs: HOUR,
    expireCheckMs: HOUR,
    negativeExpireMs: HOUR,
    negativeExpireCheckMs: HOUR,
    cacheSize: 1000,
    negativeCacheSize: 1000,
    log,
    ...changes,
  })
  closing.push(
    () => cc.close(),
    () => enricher.stop(),
  )
  return { enricher, cc, lines }
}

async function start(apps: readonly AppMetadata[], options: StartOptions = {}): Promise<Started> {
  const started = await prepare(apps, options)
  await started.enricher.warmUp(never)
  return started
}

/** An event as a decoder leaves it, its id pointing into a message. */
function eventOf(id: string): AppEvent {
  const event = new AppEvent()
  const text = `{"app_id":"${id}","x":"        "}`
  event.bytes = Buffer.from(text)
  event.view = new DataView(event.bytes.buffer, event.bytes.byteOffset, event.bytes.byteLength)
  event.appId = text.indexOf(`"${id}"`)
  event.appIdEnd = event.appId + id.length + 2
  return event
}

/** `absent`, `unknown` (not cached), or what is known. */
function find(enricher: Enricher, guid: string): AppMetadata | 'absent' | 'unknown' {
  const app = enricher.find(eventOf(guid))
  return app === undefined ? 'unknown' : (metadataOf(app) ?? 'absent')
}

async function lookUp(enricher: Enricher, guid: string): Promise<AppMetadata | 'absent' | 'stopped'> {
  const app = await enricher.lookUp(guid)
  return app === undefined ? 'stopped' : (metadataOf(app) ?? 'absent')
}

/** Whether a promise is still open once Cloud Controller has been asked `count` times more for apps by their guids. */
async function staysOpen(promise: Promise<unknown>, cc: CloudControllerFake, count = 2): Promise<boolean> {
  let isOpen = true
  void promise.finally(() => {
    isOpen = false
  })
  const before = cc.counts['look-up']
  await waitUntil('look-ups', () => cc.counts['look-up'] >= before + count)
  await new Promise(setImmediate)
  return isOpen
}

const metadata = (number: number) => makeApps(1, number)[0] as AppMetadata
const GONE = guidOf(9999)

describe('the warm-up', () => {
  it('fetches all apps, page by page; from then on a hit costs no request', async () => {
    const { enricher, cc } = await start(makeApps(250))
    expect(cc.counts.list).toBe(3)
    const { requests } = enricher
    expect([0, 120, 249].map((number) => find(enricher, guidOf(number)))).toEqual([metadata(0), metadata(120), metadata(249)])
    expect(enricher).toMatchObject({ apps: 250, notFound: 0, hits: 3, misses: 0, requests, failures: 0, lastError: undefined })
    expect(enricher.lastRefreshMs).toBeGreaterThan(Date.now() - 60_000)
    expect(enricher.notReady()).toEqual([])
  })

  it('is not ready before it is done', async () => {
    const { enricher } = await prepare(makeApps(1))
    expect(enricher.notReady()).toEqual(['metadata: the apps are not fetched yet'])
  })

  it('gives up where Cloud Controller shows no app at all', async () => {
    const { enricher } = await prepare([])
    await expect(enricher.warmUp(never)).rejects.toThrow(GaveUp)
    await expect(enricher.warmUp(never)).rejects.toThrow(/no app at all.*nothing is lost/)
  })

  it('gives up where Cloud Controller or UAA is not there, hangs, or refuses', async () => {
    const { enricher, cc } = await prepare(makeApps(3), { timeoutMs: 200, password: 'wrong' })
    cc.faults.add({ kind: 'root', effect: 'hang', times: 1 })
    await expect(enricher.warmUp(never)).rejects.toThrow(/nothing is lost.*no answer within 200 ms/)
    cc.faults.add({ ...ANSWERS.serverError, kind: 'token', times: 1 })
    await expect(enricher.warmUp(never)).rejects.toThrow(/nothing is lost.*oauth\/token: 500/)
    await expect(enricher.warmUp(never)).rejects.toThrow(/nothing is lost.*UAA refuses the login/)
    await cc.close()
    const other = await prepare(makeApps(3))
    await other.cc.close()
    await expect(other.enricher.warmUp(never)).rejects.toThrow(/nothing is lost.*ECONNREFUSED/)
  })

  it('waits for a rate limit', async () => {
    const { enricher, cc } = await prepare(makeApps(3))
    cc.faults.add({ ...rateLimited(1), kind: 'list', times: 1 })
    await enricher.warmUp(never)
    expect(enricher.apps).toBe(3)
  })

  it('ends at once when it is told to', async () => {
    const { enricher, cc } = await prepare(makeApps(3))
    cc.faults.add({ kind: 'list', effect: 'hang' })
    const stop = new AbortController()
    const warmUp = enricher.warmUp(stop.signal)
    await waitUntil('the request', () => cc.counts.list === 1)
    stop.abort(new Error('told to'))
    await expect(warmUp).rejects.toThrow('told to')
  })
})

describe.each(['v3', 'v2'] as const)('a look-up (%s)', (version) => {
  it('answers for an app that came later, and remembers it', async () => {
    const { enricher, cc } = await start(makeApps(3), { version })
    cc.platform.put(metadata(7))
    expect(find(enricher, guidOf(7))).toBe('unknown')
    expect(await lookUp(enricher, guidOf(7))).toEqual(metadata(7))
    expect(find(enricher, guidOf(7))).toEqual(metadata(7))
    expect(enricher).toMatchObject({ hits: 1, misses: 1 })
  })

  it('confirms an absence, and remembers that', async () => {
    const { enricher, cc } = await start(makeApps(3), { version })
    expect(await lookUp(enricher, GONE)).toBe('absent')
    expect(find(enricher, GONE)).toBe('absent')
    expect(await lookUp(enricher, GONE)).toBe('absent')
    expect(enricher.notFound).toBe(1)
    expect(cc.requests.filter(({ guids }) => guids.includes(GONE))).toHaveLength(1)
  })

  it('is repeated as long as the answer is unknown; the messages of other apps do not wait', async () => {
    const { enricher, cc, lines } = await start(makeApps(3), { version })
    cc.faults.add({ ...ANSWERS.serverError, kind: 'look-up' })
    cc.platform.put(metadata(7))
    const found = lookUp(enricher, guidOf(7))
    const absent = lookUp(enricher, GONE)
    expect(await staysOpen(Promise.race([found, absent]), cc)).toBe(true)
    expect(find(enricher, guidOf(0))).toEqual(metadata(0))
    expect([find(enricher, guidOf(7)), find(enricher, GONE)]).toEqual(['unknown', 'unknown'])
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: expect.stringContaining('none is lost') }))
    cc.faults.heal()
    expect(await Promise.all([found, absent])).toEqual([metadata(7), 'absent'])
  })

  it('of one guid that makes requests fail does not hold the others', async () => {
    const { enricher, cc } = await start(makeApps(3), { version })
    for (const app of makeApps(20, 100)) cc.platform.put(app)
    cc.faults.add({ ...ANSWERS.serverError, kind: 'look-up', guid: guidOf(111) })
    const poisoned = lookUp(enricher, guidOf(111))
    const numbers = Array.from({ length: 20 }, (_, index) => 100 + index).filter((number) => number !== 111)
    const others = await Promise.all(numbers.map((number) => lookUp(enricher, guidOf(number))))
    expect(others).toEqual(numbers.map(metadata))
    expect(find(enricher, guidOf(111))).toBe('unknown')
    cc.faults.heal()
    expect(await poisoned).toEqual(metadata(111))
  })

  it('ends without an answer when the enricher is stopped, and at once', async () => {
    const { enricher, cc } = await start(makeApps(3), { version })
    cc.faults.add({ kind: 'look-up', effect: 'hang' })
    const open = lookUp(enricher, GONE)
    await waitUntil('the request', () => cc.counts['look-up'] > 0)
    await enricher.stop()
    expect(await open).toBe('stopped')
    expect(await lookUp(enricher, guidOf(99))).toBe('stopped')
  })

  it('is not made for an id that is no GUID: it is nobody, unless it is known', async () => {
    const odd = { ...metadata(0), app_guid: 'routing_api' }
    const { enricher, cc } = await start([odd, metadata(1)], { version })
    expect(find(enricher, 'routing_api')).toEqual(odd)
    expect(find(enricher, 'silk-controller')).toBe('absent')
    expect(await lookUp(enricher, 'silk-controller')).toBe('absent')
    expect(cc.counts['look-up']).toBe(0)
    expect(enricher.notFound).toBe(0)
  })
})

describe('many look-ups', () => {
  it('for 10,000 messages of 300 unknown apps cost at most 10 requests, of at most 200 guids, none asked for twice', async () => {
    const { enricher, cc } = await start(makeApps(3))
    for (const app of makeApps(300, 1000)) cc.platform.put(app)
    const waiting: Promise<unknown>[] = []
    for (let message = 0; message < 10_000; message++) {
      const guid = guidOf(1000 + (message % 300))
      if (enricher.find(eventOf(guid)) === undefined) waiting.push(lookUp(enricher, guid))
      if (message % 100 === 0) await new Promise(setImmediate)
    }
    await Promise.all(waiting)
    const asked = cc.requests.filter(({ kind }) => kind === 'look-up').map(({ guids }) => guids)
    expect(asked.length).toBeLessThanOrEqual(10)
    expect(Math.max(...asked.map((guids) => guids.length))).toBeLessThanOrEqual(200)
    const unknown = asked.flat().filter((guid) => guid >= guidOf(1000))
    expect(unknown).toHaveLength(300)
    expect(new Set(unknown).size).toBe(300)
  })

  it('of apps that turn up one after the other still share requests', async () => {
    const { enricher, cc } = await start(makeApps(3))
    const waiting: Promise<unknown>[] = []
    for (let number = 0; number < 300; number++) {
      waiting.push(lookUp(enricher, guidOf(1000 + number)))
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    await Promise.all(waiting)
    expect(cc.counts['look-up']).toBeLessThanOrEqual(10)
  })

  it('leave Cloud Controller alone for as long as it asks to be', async () => {
    const { enricher, cc } = await start(makeApps(3))
    cc.faults.add({ ...rateLimited(2), kind: 'look-up', times: 1 })
    const first = lookUp(enricher, GONE)
    await waitUntil('the refusal', () => enricher.failures === 1)
    const second = lookUp(enricher, guidOf(9998))
    expect(await Promise.all([first, second])).toEqual(['absent', 'absent'])
    const [refused, ...later] = cc.requests.filter(({ kind }) => kind === 'look-up').map(({ atMs }) => atMs)
    for (const atMs of later) expect(atMs - (refused ?? 0)).toBeGreaterThanOrEqual(2000)
  })

  it('ask while nothing is answered for one app at a time, and not more and more', async () => {
    const { enricher, cc } = await start(makeApps(3))
    cc.faults.add({ ...ANSWERS.databaseDown, kind: 'look-up' })
    const open = makeApps(40, 1000).map((app) => lookUp(enricher, app.app_guid))
    expect(await staysOpen(Promise.race(open), cc, 5)).toBe(true)
    expect(cc.counts['look-up']).toBeLessThan(8)
    cc.faults.heal()
    expect(new Set(await Promise.all(open))).toEqual(new Set(['absent']))
  })
})

describe('a refresh', () => {
  it('sees a rename, in the events that come after it', async () => {
    const { enricher, cc } = await start(makeApps(3), { refreshMs: 100 })
    expect(find(enricher, guidOf(1))).toEqual(metadata(1))
    const renamed = { ...metadata(1), app: 'renamed', space: 'other', org: 'another' }
    for (const app of makeApps(3)) cc.platform.put({ ...app, space: 'other', org: 'another' })
    cc.platform.put(renamed)
    await waitUntil('the rename', () => (find(enricher, guidOf(1)) as AppMetadata).app === 'renamed')
    expect(find(enricher, guidOf(1))).toEqual(renamed)
  })

  it('lifts a negative entry at once', async () => {
    const { enricher, cc } = await start(makeApps(3), { refreshMs: 100 })
    expect(await lookUp(enricher, guidOf(7))).toBe('absent')
    expect(find(enricher, guidOf(7))).toBe('absent')
    cc.platform.put(metadata(7))
    await waitUntil('the app', () => find(enricher, guidOf(7)) !== 'absent')
    expect(find(enricher, guidOf(7))).toEqual(metadata(7))
    expect(enricher.notFound).toBe(0)
  })

  it('answers for whom a look-up could not', async () => {
    const { enricher, cc } = await start(makeApps(3), { refreshMs: 100 })
    cc.faults.add({ ...ANSWERS.serverError, kind: 'look-up' })
    cc.platform.put(metadata(7))
    expect(await lookUp(enricher, guidOf(7))).toEqual(metadata(7))
  })

  it('denies nothing and removes nothing: who is missing from it goes on', async () => {
    const { enricher, cc } = await start(makeApps(60), { refreshMs: 100, resultsPerPage: 10 })
    cc.platform.isShifting = true
    cc.platform.delete(guidOf(1))
    const { list } = cc.counts
    await waitUntil('two refreshes over shifting pages', () => cc.counts.list > list + 12)
    expect([1, 0, 25].map((number) => find(enricher, guidOf(number)))).toEqual([metadata(1), metadata(0), metadata(25)])
    expect(enricher).toMatchObject({ apps: 60, notFound: 0 })
  })

  it('that fails takes nothing away, is told, and is tried again', async () => {
    const { enricher, cc, lines } = await start(makeApps(3), { refreshMs: 100 })
    cc.faults.add({ ...ANSWERS.serverError, kind: 'list', times: 2 })
    const { lastRefreshMs } = enricher
    await waitUntil('a refresh after the failures', () => enricher.lastRefreshMs > lastRefreshMs && enricher.failures === 2)
    expect(find(enricher, guidOf(1))).toEqual(metadata(1))
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, error: expect.stringContaining('500') }))
    expect(enricher.lastError).toMatch('500')
    expect(enricher.lastFailureMs).toBeGreaterThan(0)
  })
})

describe('an account that loses its role', () => {
  it('makes absence unknown between two refreshes, because a known app is absent, too', async () => {
    const { enricher, cc, lines } = await start(makeApps(3))
    cc.platform.visibleApps = 0
    const open = lookUp(enricher, GONE)
    expect(await staysOpen(open, cc)).toBe(true)
    expect(find(enricher, GONE)).toBe('unknown')
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, error: expect.stringContaining('lost its role') }))
    cc.platform.visibleApps = undefined
    expect(await open).toBe('absent')
  })

  it.each([
    ['an empty list', 0],
    ['fewer than half', 4],
  ])('is noticed by a refresh with %s: ERROR, not ready, and absence is unknown until the list is back', async (_, visibleApps) => {
    const { enricher, cc, lines } = await start(makeApps(10), { refreshMs: 1000 })
    cc.platform.visibleApps = visibleApps
    await waitUntil('the suspicion', () => enricher.notReady().length > 0)
    expect(enricher.notReady()).toEqual([expect.stringContaining(`returned ${visibleApps} apps, and the last good one 10`)])
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, msg: expect.stringContaining('lost its role') }))
    const open = lookUp(enricher, GONE)
    expect(await staysOpen(open, cc)).toBe(true)
    expect(find(enricher, guidOf(9))).toEqual(metadata(9))
    cc.platform.visibleApps = undefined
    await waitUntil('the end of the suspicion', () => enricher.notReady().length === 0)
    expect(await open).toBe('absent')
  })

  it('is believed to be the truth once three refreshes in a row agree on what remains', async () => {
    const { enricher, cc } = await start(makeApps(10), { refreshMs: 300 })
    cc.platform.visibleApps = 3
    const before = cc.counts.list
    await waitUntil('the suspicion', () => enricher.notReady().length > 0)
    await waitUntil('the end of the suspicion', () => enricher.notReady().length === 0)
    expect(cc.counts.list - before).toBeGreaterThanOrEqual(3)
  })

  it('is never believed to have an empty platform', async () => {
    const { enricher, cc } = await start(makeApps(10), { refreshMs: 100 })
    cc.platform.visibleApps = 0
    await waitUntil('the suspicion', () => enricher.notReady().length > 0)
    const before = cc.counts.list
    await waitUntil('five refreshes', () => cc.counts.list >= before + 5)
    expect(enricher.notReady()).not.toEqual([])
    expect(enricher.apps).toBe(10)
  })
})

describe('expiry', () => {
  it('drops an app that no event names, and keeps one that events do name', async () => {
    const { enricher, cc } = await start(makeApps(3), { expireMs: 300, expireCheckMs: 50 })
    await waitUntil('the expiry', () => {
      find(enricher, guidOf(1))
      return enricher.apps === 1
    })
    expect(find(enricher, guidOf(1))).toEqual(metadata(1))
    expect(find(enricher, guidOf(0))).toBe('unknown')
    cc.platform.put(metadata(0))
    expect(await lookUp(enricher, guidOf(0))).toEqual(metadata(0))
  })

  it('lets a confirmed absence be asked for again after its time', async () => {
    const { enricher, cc } = await start(makeApps(3), { negativeExpireMs: 200, negativeExpireCheckMs: 50 })
    expect(await lookUp(enricher, guidOf(7))).toBe('absent')
    cc.platform.put(metadata(7))
    await waitUntil('the expiry', () => find(enricher, guidOf(7)) === 'unknown')
    expect(await lookUp(enricher, guidOf(7))).toEqual(metadata(7))
  })

  it('drops nothing while Cloud Controller fails', async () => {
    const times = { expireMs: 200, expireCheckMs: 50, negativeExpireMs: 200, negativeExpireCheckMs: 50 }
    const { enricher, cc } = await prepare(makeApps(3), times)
    cc.faults.add({ ...ANSWERS.serverError, kind: 'look-up' })
    await enricher.warmUp(never)
    await waitUntil('some checks that found something to drop', () => cc.counts['look-up'] >= 5)
    expect(enricher.apps).toBe(3)
    cc.faults.heal()
    await waitUntil('the expiry', () => enricher.apps === 0)
  })
})

describe('caches smaller than the platform', () => {
  it('thrash, and answer rightly', async () => {
    const { enricher, lines } = await start(makeApps(60), { cacheSize: 5, negativeCacheSize: 5, refreshMs: 100 })
    expect(enricher.apps).toBe(5)
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: expect.stringContaining('CFMR_METADATACACHESIZE') }))
    for (let round = 0; round < 2; round++) {
      const all = await Promise.all(makeApps(60).map((app) => lookUp(enricher, app.app_guid)))
      expect(all).toEqual(makeApps(60))
      const gone = await Promise.all(makeApps(20, 5000).map((app) => lookUp(enricher, app.app_guid)))
      expect(new Set(gone)).toEqual(new Set(['absent']))
    }
    expect(enricher.apps).toBe(5)
    expect(enricher.notFound).toBe(5)
  })
})
