import { readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { makeCertificates } from '../../dev/certificates.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { type Foundation, type FoundationOptions, startFoundation } from '../support/firehose.ts'
import { run } from '../support/program.ts'

let tls: { key: string; cert: string }
beforeAll(() => {
  const store = readFileSync(makeCertificates(scratchFolder('firehose-tls')).serverKeyStore, 'utf8')
  tls = { key: store, cert: store }
})

/** `check` as an operator calls it: its status, and what it finds of the firehose. */
async function check({ cloudController }: Foundation, env: Record<string, string> = {}) {
  const login = { CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin' }
  const { code, stdout } = await run({
    args: ['check', '--json'],
    env: { CFMR_INPUT: 'firehose', CFMR_OUTPUT: 'stdout', CFMR_CF_RETRIES: '0', ...login, ...env },
  })
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { part: string; check: string; outcome: string; message: string })
  return {
    code,
    findings: findings.filter(({ part }) => part === 'firehose').map(({ check, outcome, message }) => ({ check, outcome, message })),
  }
}

it('a gateway that opens streams is well, and nobody else loses an envelope by the look', async () => {
  const foundation = await startFoundation()
  const { code, findings } = await check(foundation, { CFMR_FIREHOSE_SHARDID: 'workers' })
  expect(findings).toEqual([{ check: 'stream', outcome: 'ok', message: `the gateway at ${foundation.gateway.url} opens streams` }])
  expect(code).toBe(0)
  expect(foundation.gateway.requests.map(({ query }) => query.get('shard_id'))).toEqual([
    expect.stringMatching(/^workers-check-[\w-]{36}$/),
  ])
})

it('with one stream it warns', async () => {
  const { code, findings } = await check(await startFoundation(), { CFMR_FIREHOSE_STREAMS: '1' })
  expect(findings.map(({ outcome }) => outcome)).toEqual(['ok', 'warning'])
  expect(code).toBe(0)
})

it('where streams are to be replaced later than the gateway ends them it warns', async () => {
  const { code, findings } = await check(await startFoundation(), { CFMR_FIREHOSE_STREAMAGE: '14m' })
  expect(findings.map(({ outcome, message }) => [outcome, message])).toEqual([
    ['ok', expect.any(String)],
    ['warning', expect.stringMatching(/^the gateway ends streams after 14 minutes, .*: set CFMR_FIREHOSE_STREAMAGE to 13m$/)],
  ])
  expect(code).toBe(0)
})

it.each<[string, FoundationOptions, (foundation: Foundation) => void, string, RegExp]>([
  [
    'an account without logs.admin',
    { cloudController: { scope: 'cloud_controller.global_auditor' } },
    () => {},
    'role',
    /^the account lacks logs\.admin, and the gateway at http\S+ says 404 to it: give its user or client that scope in UAA$/,
  ],
  [
    'a gateway that no UAA answers',
    {},
    ({ gateway }) => Object.assign(gateway, { trouble: 'uaa_down' }),
    'stream',
    /answers 404: .*"not_found".*logs\.admin/,
  ],
  [
    'a gateway that takes no more streams',
    {},
    ({ gateway }) => Object.assign(gateway, { trouble: 'overloaded' }),
    'stream',
    /takes no more streams/,
  ],
  [
    'an address where nothing is',
    {},
    ({ gateway }) => Object.assign(gateway, { trouble: 'unknown_route' }),
    'stream',
    /unknown_route.*look at CFMR_FIREHOSE_URL/,
  ],
  [
    'an API that does not say where the gateway is',
    {},
    ({ cloudController }) => Object.assign(cloudController.platform, { logStream: undefined }),
    'gateway',
    /does not say where the firehose is \(links\.log_stream\): set CFMR_FIREHOSE_URL/,
  ],
])('%s is found', async (_, options, spoil, name, message) => {
  const foundation = await startFoundation(options)
  spoil(foundation)
  const { code, findings } = await check(foundation)
  expect(findings).toEqual([{ check: name, outcome: 'failed', message: expect.stringMatching(message) }])
  expect(code).toBe(1)
})

it('a certificate that is not trusted is found, and CFMR_CF_SKIPSSLVALIDATION lets it pass', async () => {
  const foundation = await startFoundation({ gateway: { tls } })
  const refused = await check(foundation)
  expect(refused.findings).toEqual([
    { check: 'stream', outcome: 'failed', message: expect.stringMatching(/certificate is not trusted.*CFMR_CF_SKIPSSLVALIDATION/) },
  ])
  expect(refused.code).toBe(1)
  expect((await check(foundation, { CFMR_CF_SKIPSSLVALIDATION: 'true' })).code).toBe(0)
})
