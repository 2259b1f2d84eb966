import { setMaxListeners } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeCertificates } from '../../dev/certificates.ts'
import { type CloudControllerFake, type CloudControllerOptions, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS, rateLimited } from '../../dev/cloud-controller/faults.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import type { CloudControllerOptions as SourceOptions } from '../../src/cloud-foundry/enricher/cloud-controller-options.ts'
import { CloudControllerV2 } from '../../src/cloud-foundry/enricher/cloud-controller-v2.ts'
import type { AppAnswers, MetadataSource } from '../../src/cloud-foundry/metadata.ts'
import { guidOf, makeApps } from '../support/apps.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  passedMs = 0
  for (const close of closing.splice(0).reverse()) await close()
})

const never = new AbortController().signal
setMaxListeners(0, never)

async function startCc(options: Partial<CloudControllerOptions> = {}): Promise<CloudControllerFake> {
  const cc = await startCloudController({ apps: makeApps(3), ...options })
  closing.push(() => cc.close())
  return cc
}

function connect(version: 'v2' | 'v3', cc: CloudControllerFake, login: Partial<SourceOptions>): MetadataSource {
  const fixed = { api: cc.url, timeoutMs: 5000, retries: 0, skipSslValidation: false, resultsPerPage: 100, log: pino({ enabled: false }) }
  const source = version === 'v3' ? new CloudController({ ...fixed, ...login }) : new CloudControllerV2({ ...fixed, ...login })
  closing.push(() => source.close())
  return source
}

const ask = (source: MetadataSource): Promise<AppAnswers> => source.fetchApps([guidOf(0)], never)
const found = { found: makeApps(1), absent: [], failure: undefined }
const refused = (message: string | RegExp) => ({
  found: [],
  absent: [],
  failure: expect.objectContaining({ error: expect.objectContaining({ message: expect.stringMatching(message) }) }),
})
const grantsOf = (cc: CloudControllerFake) => cc.uaa.grants.map(({ grant }) => grant)
const admin = { user: 'admin', password: 'admin' }

const steadyMs = performance.now.bind(performance)
let passedMs = 0

/** Moves the clock, for the source as for the fake: they share this process. */
function pass(seconds: number): void {
  passedMs += 1000 * seconds
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 * seconds })
  vi.spyOn(performance, 'now').mockImplementation(() => steadyMs() + passedMs)
}

describe.each(['v3', 'v2'] as const)('the login of %s', (version) => {
  it('finds UAA by itself, and logs a user in by the client cf, once for many requests', async () => {
    const cc = await startCc()
    const source = connect(version, cc, admin)
    expect(await Promise.all([ask(source), ask(source)])).toEqual([found, found])
    expect(await ask(source)).toEqual(found)
    expect(grantsOf(cc)).toEqual(['password'])
    expect(cc.counts.root).toBe(1)
  })

  it('logs a user in by another client where one is named', async () => {
    const cc = await startCc({ clients: { mine: 's3 cret:%&' }, users: { ann: 'p&ss=w%rd' } })
    expect(await ask(connect(version, cc, { clientId: 'mine', clientSecret: 's3 cret:%&', user: 'ann', password: 'p&ss=w%rd' }))).toEqual(
      found,
    )
    expect(grantsOf(cc)).toEqual(['password'])
  })

  it('lets a client log in by itself', async () => {
    const cc = await startCc()
    expect(await ask(connect(version, cc, { clientId: 'refinery', clientSecret: 'refinery-secret' }))).toEqual(found)
    expect(grantsOf(cc)).toEqual(['client_credentials'])
  })

  it('uses a ready token, with or without its type in front, and asks UAA for nothing', async () => {
    const cc = await startCc()
    expect(await ask(connect(version, cc, { token: cc.uaa.issue() }))).toEqual(found)
    expect(await ask(connect(version, cc, { token: `bearer ${cc.uaa.issue()}\n` }))).toEqual(found)
    expect(grantsOf(cc)).toEqual([])
  })

  it('says of a ready token that expired where to put another', async () => {
    const cc = await startCc()
    const source = connect(version, cc, { token: cc.uaa.issue() })
    cc.uaa.revokeAccessTokens()
    expect(await ask(source)).toEqual(refused(/401.*CFMR_CF_TOKEN/))
  })

  it('renews a token before it expires', async () => {
    const cc = await startCc({ accessTokenSeconds: 600 })
    const source = connect(version, cc, admin)
    await ask(source)
    pass(545)
    expect(await ask(source)).toEqual(found)
    expect(grantsOf(cc)).toEqual(['password', 'refresh_token'])
    expect(source.traffic.failures).toBe(0)
  })

  it('renews a token that got a 401, and repeats the request once', async () => {
    const cc = await startCc()
    const source = connect(version, cc, admin)
    await ask(source)
    cc.uaa.revokeAccessTokens()
    expect(await Promise.all([ask(source), ask(source), ask(source)])).toEqual([found, found, found])
    expect(grantsOf(cc)).toEqual(['password', 'refresh_token'])
  })

  it('gives up after that one repetition: the 401 is unknown', async () => {
    const cc = await startCc()
    const source = connect(version, cc, admin)
    cc.faults.add({ kind: 'look-up', effect: 'answer', status: 401, body: '{}' })
    expect(await ask(source)).toEqual(refused('401 Unauthorized'))
    expect(cc.counts['look-up']).toBe(2)
    cc.faults.heal()
    expect(await ask(source)).toEqual(found)
  })

  it('logs in anew where the refresh token is dead', async () => {
    const cc = await startCc({ refreshTokenSeconds: 300 })
    const source = connect(version, cc, admin)
    await ask(source)
    pass(545)
    expect(await ask(source)).toEqual(found)
    expect(grantsOf(cc)).toEqual(['password', 'refresh_token', 'password'])
  })

  it('logs in anew where both tokens were revoked', async () => {
    const cc = await startCc()
    const source = connect(version, cc, admin)
    await ask(source)
    cc.uaa.revokeAccessTokens()
    cc.uaa.revokeRefreshTokens()
    expect(await ask(source)).toEqual(found)
    expect(grantsOf(cc)).toEqual(['password', 'refresh_token', 'password'])
  })

  it('tries a login that UAA refuses again only after a minute', async () => {
    const cc = await startCc({ users: { admin: 'changed' } })
    const source = connect(version, cc, admin)
    expect(await ask(source)).toEqual(refused(/UAA refuses the login: .*401.*Bad credentials.*CFMR_CF_PASSWORD/))
    pass(50)
    const { failure } = await ask(source)
    expect(failure?.error.message).toMatch('UAA refuses the login')
    expect(failure?.retryAfterMs).toBeGreaterThan(5_000)
    expect(failure?.retryAfterMs).toBeLessThan(15_000)
    expect(grantsOf(cc)).toEqual(['password'])
    pass(11)
    await ask(source)
    expect(grantsOf(cc)).toEqual(['password', 'password'])
  })

  it('goes on with a token that is still good while UAA fails', async () => {
    const cc = await startCc({ accessTokenSeconds: 600 })
    const source = connect(version, cc, admin)
    await ask(source)
    cc.faults.add({ ...ANSWERS.serverError, kind: 'token' })
    pass(545)
    expect(await ask(source)).toEqual(found)
    pass(60)
    expect(await ask(source)).toEqual(refused(/oauth\/token: 500/))
    cc.faults.heal()
    expect(await ask(source)).toEqual(found)
  })

  it('says what is wrong with UAA: rate-limited, answering nonsense, or not named', async () => {
    const cc = await startCc()
    cc.faults.add({ ...rateLimited(3), kind: 'root', times: 1 })
    expect((await ask(connect(version, cc, admin))).failure).toMatchObject({ retryAfterMs: 3000 })
    cc.faults.add({ ...ANSWERS.html, kind: 'token', times: 1 })
    expect(await ask(connect(version, cc, admin))).toEqual(refused('UAA answers 200, but not in JSON'))
    cc.faults.add({ kind: 'root', effect: 'answer', status: 200, body: '{"links":{}}', times: 1 })
    expect(await ask(connect(version, cc, admin))).toEqual(refused('does not say where UAA is'))
  })

  it('verifies TLS certificates, and accepts any only if it is told to', async () => {
    const folder = scratchFolder('certificates')
    closing.push(() => rmSync(folder, { recursive: true }))
    makeCertificates(folder)
    const tls = { key: readFileSync(join(folder, 'server.key'), 'utf8'), cert: readFileSync(join(folder, 'server.pem'), 'utf8') }
    const cc = await startCc({ tls })
    expect(await ask(connect(version, cc, admin))).toEqual(refused(/certificate is not trusted.*CFMR_CF_SKIPSSLVALIDATION/))
    expect(cc.counts.root + cc.counts.token + cc.counts['look-up']).toBe(0)
    expect(await ask(connect(version, cc, { ...admin, skipSslValidation: true }))).toEqual(found)
  })
})
