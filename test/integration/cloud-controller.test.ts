import { setMaxListeners } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS, type Fault, rateLimited } from '../../dev/cloud-controller/faults.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import type { CloudControllerOptions } from '../../src/cloud-foundry/enricher/cloud-controller-options.ts'
import { CloudControllerV2 } from '../../src/cloud-foundry/enricher/cloud-controller-v2.ts'
import { FileSource } from '../../src/cloud-foundry/enricher/file.ts'
import type { AppMetadata, MetadataSource } from '../../src/cloud-foundry/metadata.ts'
import { guidOf, makeApps } from '../support/apps.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const never = new AbortController().signal
setMaxListeners(0, never)

interface Started {
  readonly source: MetadataSource
  readonly cc: CloudControllerFake
}

async function start(version: 'v2' | 'v3', apps: readonly AppMetadata[], changes: Partial<CloudControllerOptions> = {}): Promise<Started> {
  const cc = await startCloudController({ apps })
  const options: CloudControllerOptions = {
    api: cc.url,
    user: 'admin',
    password: 'admin',
    timeoutMs: 5000,
    retries: 0,
    skipSslValidation: false,
    resultsPerPage: 100,
    log: pino({ enabled: false }),
    ...changes,
  }
  const source = version === 'v3' ? new CloudController(options) : new CloudControllerV2(options)
  closing.push(
    () => cc.close(),
    () => source.close(),
  )
  return { source, cc }
}

async function fromFile(apps: readonly AppMetadata[]): Promise<MetadataSource> {
  const folder = scratchFolder('apps')
  closing.push(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'apps.json')
  writeFileSync(path, JSON.stringify(apps))
  return new FileSource(path)
}

async function listed(source: MetadataSource): Promise<AppMetadata[]> {
  const all: AppMetadata[] = []
  for await (const apps of source.listApps(never)) all.push(...apps)
  return all
}

describe.each([
  ['v3', async (apps: readonly AppMetadata[]) => (await start('v3', apps)).source],
  ['v2', async (apps: readonly AppMetadata[]) => (await start('v2', apps)).source],
  ['file', fromFile],
] as const)('the contract of a metadata source, fulfilled by %s', (_, make) => {
  it('lists all apps with their spaces and organizations, however many pages they are', async () => {
    const apps = makeApps(230)
    expect(await listed(await make(apps))).toEqual(apps)
  })

  it('tells found from absent', async () => {
    const [app] = makeApps(1)
    const source = await make(makeApps(3))
    expect(await source.fetchApps([guidOf(0), guidOf(99)], never)).toEqual({ found: [app], absent: [guidOf(99)], failure: undefined })
  })

  it('answers as many guids as it says it can', async () => {
    const source = await make(makeApps(300))
    const guids = makeApps(source.maxGuids).map((app) => app.app_guid)
    const { found, absent } = await source.fetchApps(guids, never)
    expect(found.length + absent.length).toBe(guids.length)
    expect(found.length).toBe(Math.min(guids.length, 300))
  })

  it('keeps every character of a name', async () => {
    const apps = [{ ...(makeApps(1)[0] as AppMetadata), app: 'a "b" ü 日本 \\ , =', space: '', org: '\n' }]
    expect(await listed(await make(apps))).toEqual(apps)
  })

  it('rejects with the reason of an abort, which is no answer', async () => {
    const source = await make(makeApps(1))
    const stop = new AbortController()
    stop.abort(new Error('stopped'))
    await expect(source.fetchApps([guidOf(0)], stop.signal)).rejects.toThrow('stopped')
  })
})

const unknown = (message: string | RegExp) => ({
  found: [],
  absent: [],
  failure: expect.objectContaining({ error: expect.objectContaining({ message: expect.stringMatching(message) }) }),
})

describe.each(['v3', 'v2'] as const)('what %s answers on a bad day is unknown, never absent', (version) => {
  it.each<[string, Fault, RegExp]>([
    ['a 500 with HTML', ANSWERS.serverError, /500 Internal Server Error/],
    ['a 502 without a body', ANSWERS.badGateway, /502 Bad Gateway: empty body/],
    ['a database that is down', ANSWERS.databaseDown, /503.*Database connection failure/],
    ['a 403', ANSWERS.forbidden, /403.*global auditor/],
    ['a 404 of any other kind', ANSWERS.notFound, /404.*Unknown request/],
    ['a rate limit', rateLimited(7), /429.*Rate Limit Exceeded/],
    ['a log-in page behind a 200', ANSWERS.html, /not JSON/],
    ['JSON that is nothing', { effect: 'answer', status: 200, body: 'null' }, /is not/],
    ['a redirect', { effect: 'answer', status: 302, headers: { location: 'https://elsewhere' } }, /302.*https:\/\/elsewhere/],
    ['an answer that breaks off', { effect: 'cut' }, /v[23]\/apps.*: /],
  ])('%s', async (_, fault, message) => {
    const { source, cc } = await start(version, makeApps(3))
    cc.faults.add({ ...fault, kind: 'look-up' })
    expect(await source.fetchApps([guidOf(0), guidOf(99)], never)).toEqual(unknown(message))
    cc.faults.heal()
    expect(source.traffic.failures).toBeGreaterThanOrEqual(1)
    expect(source.traffic.lastError).toMatch(message)
  })

  it('a server that never answers, after the time-out', async () => {
    const { source, cc } = await start(version, makeApps(3), { timeoutMs: 300 })
    cc.faults.add({ kind: 'look-up', effect: 'hang' })
    expect(await source.fetchApps([guidOf(0)], never)).toEqual(unknown(/no answer within 300 ms/))
  })

  it('a server that is not there', async () => {
    const { source, cc } = await start(version, makeApps(3))
    await cc.close()
    expect(await source.fetchApps([guidOf(0)], never)).toEqual(unknown(/ECONNREFUSED/))
  })

  it('an app whose space is not in the answer; the others of the answer are found', async () => {
    const { source, cc } = await start(version, makeApps(20))
    cc.platform.hidden = ['space-guid-1']
    const { found, absent, failure } = await source.fetchApps([guidOf(1), guidOf(11), guidOf(99)], never)
    expect([found.map((app) => app.app_guid), absent]).toEqual([[guidOf(1)], [guidOf(99)]])
    expect(failure?.error.message).toMatch(/space/)
  })

  it('Retry-After is passed on, and the server is left alone until then', async () => {
    const { source, cc } = await start(version, makeApps(3))
    cc.faults.add({ ...rateLimited(7), kind: 'look-up', times: 1 })
    expect((await source.fetchApps([guidOf(0)], never)).failure?.retryAfterMs).toBe(7000)
    const asked = cc.counts['look-up']
    const again = await source.fetchApps([guidOf(0)], never)
    expect(again.failure?.error.message).toMatch(/not asked/)
    expect(again.failure?.retryAfterMs).toBeGreaterThan(5000)
    expect(cc.counts['look-up']).toBe(asked)
  })

  it('never puts a secret into an error, even if the server sends it back', async () => {
    const { source, cc } = await start(version, makeApps(3), { user: undefined, clientId: 'refinery', clientSecret: 'refinery-secret' })
    cc.faults.add({ effect: 'answer', status: 500, body: `you sent refinery-secret and Bearer ${cc.uaa.issue()}` })
    const { failure } = await source.fetchApps([guidOf(0)], never)
    expect(failure?.error.message).toMatch(/you sent \*\*\* and Bearer \*\*\*/)
  })

  it('a list that fails says so; what came before is still true', async () => {
    const { source, cc } = await start(version, makeApps(230))
    cc.faults.add({ ...ANSWERS.serverError, kind: 'list', fromPage: 2 })
    const all: AppMetadata[] = []
    const read = async () => {
      for await (const apps of source.listApps(never)) all.push(...apps)
    }
    await expect(read()).rejects.toThrow('500')
    expect(all).toEqual(makeApps(100))
  })

  it('a page of the list is tried again as often as it was told to', async () => {
    const { source, cc } = await start(version, makeApps(3), { retries: 1 })
    cc.faults.add({ ...ANSWERS.serverError, kind: 'list', times: 1 })
    expect(await listed(source)).toHaveLength(3)
    cc.faults.add({ ...ANSWERS.serverError, kind: 'list', times: 2 })
    await expect(listed(source)).rejects.toThrow('500')
  })

  it('a rate limit in the middle of the list is waited for, and costs no try', async () => {
    const { source, cc } = await start(version, makeApps(230), { retries: 0 })
    cc.faults.add({ ...rateLimited(1), kind: 'list', fromPage: 2, times: 1 })
    expect(await listed(source)).toHaveLength(230)
    const [first = 0, , third = 0] = cc.requests.filter(({ kind }) => kind === 'list').map(({ atMs }) => atMs)
    expect(third - first).toBeGreaterThanOrEqual(1000)
  })

  it('apps without a space are left out of the list, and the rest is listed', async () => {
    const { source, cc } = await start(version, makeApps(20))
    cc.platform.hidden = ['space-guid-1']
    expect(await listed(source)).toEqual(makeApps(10))
  })

  it('a list in which no app has a space is an error, not an empty platform', async () => {
    const { source, cc } = await start(version, makeApps(3))
    cc.platform.hidden = ['org-guid-0']
    await expect(listed(source)).rejects.toThrow('no app came with its space')
  })
})

describe('v3', () => {
  it('asks for up to 200 guids in one request, each with its space and organization', async () => {
    const { source, cc } = await start('v3', makeApps(300))
    const { found } = await source.fetchApps(
      makeApps(200).map((app) => app.app_guid),
      never,
    )
    expect(found).toEqual(makeApps(200))
    const queries = cc.requests.filter(({ kind }) => kind === 'look-up').map(({ query }) => [query.get('include'), query.get('per_page')])
    expect(queries).toEqual([['space.organization', '200']])
  })

  it('does not believe an answer that promises more apps than came', async () => {
    const { source, cc } = await start('v3', makeApps(3))
    cc.platform.promisedTooMany = 1
    const { found, absent, failure } = await source.fetchApps([guidOf(0), guidOf(99)], never)
    expect([found, absent]).toEqual([makeApps(1), []])
    expect(failure?.error.message).toMatch('of 2 apps 1 came')
  })

  it('goes on through pages that shift: each app that stayed is seen, but for those that fell between two pages', async () => {
    const { source, cc } = await start('v3', makeApps(50), { resultsPerPage: 10 })
    cc.platform.isShifting = true
    const all = await listed(source)
    expect(new Set(all.map((app) => app.app_guid)).size).toBe(all.length)
    expect(all.length).toBeGreaterThan(40)
  })

  it('follows only the query of the next page: a token is for no other place', async () => {
    const { source, cc } = await start('v3', makeApps(3))
    const page = { resources: [], pagination: { total_results: 0, next: { href: 'http://127.0.0.1:1/v3/apps?page=2' } } }
    cc.faults.add({ kind: 'list', effect: 'answer', status: 200, body: JSON.stringify(page), times: 1 })
    await listed(source)
    expect(cc.requests.filter(({ kind }) => kind === 'list').map(({ page }) => page)).toEqual([1, 2])
  })

  it('stops where pages go round in circles', async () => {
    const { source, cc } = await start('v3', makeApps(3))
    const page = { resources: [], pagination: { total_results: 0, next: { href: '/v3/apps?page=2' } } }
    cc.faults.add({ kind: 'list', effect: 'answer', status: 200, body: JSON.stringify(page) })
    await expect(listed(source)).rejects.toThrow('circles')
  })
})

describe('v2', () => {
  it('asks for one guid a request, at most ten at once', async () => {
    const { source, cc } = await start('v2', makeApps(100))
    cc.faults.add({ kind: 'look-up', effect: 'slow', delayMs: 30 })
    const asked = Array.from({ length: 4 }, (_, ten) => makeApps(source.maxGuids, 10 * ten).map((app) => app.app_guid))
    const answers = await Promise.all(asked.map((guids) => source.fetchApps(guids, never)))
    expect(answers.flatMap(({ found }) => found)).toHaveLength(40)
    expect(cc.counts['look-up']).toBe(40)
    expect(cc.mostAtOnce()).toBe(10)
  })

  it('knows the two 404 apart: the app is not there, or v2 is switched off', async () => {
    const { source, cc } = await start('v2', makeApps(3))
    expect(await source.fetchApps([guidOf(99)], never)).toEqual({ found: [], absent: [guidOf(99)], failure: undefined })
    cc.platform.isV2Enabled = false
    expect(await source.fetchApps([guidOf(99)], never)).toEqual(unknown(/V2 endpoints disabled.*CFMR_CF_APIVERSION=v3/))
    await expect(listed(source)).rejects.toThrow('V2 endpoints disabled')
  })

  it('asks for spaces and organizations where apps come without them, once each', async () => {
    const { source, cc } = await start('v2', makeApps(30))
    cc.platform.isInlining = false
    expect(await listed(source)).toEqual(makeApps(30))
    expect([cc.counts.space, cc.counts.organization]).toEqual([3, 3])
  })

  it('one guid that fails does not keep the others from being answered', async () => {
    const { source, cc } = await start('v2', makeApps(3))
    cc.faults.add({ ...ANSWERS.serverError, kind: 'look-up', guid: guidOf(1) })
    const { found, absent, failure } = await source.fetchApps([guidOf(0), guidOf(1), guidOf(99)], never)
    expect([found, absent]).toEqual([makeApps(1), [guidOf(99)]])
    expect(failure?.error.message).toMatch('500')
  })
})
