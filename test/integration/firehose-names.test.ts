import { expect, it } from 'vitest'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { Numbered } from '../../dev/loggregator/numbered.ts'
import { startFoundation } from '../support/firehose.ts'
import { startWorker } from '../support/worker.ts'

/** Of the apps of a foundation the last is not there when the worker starts. */
async function start(env: Record<string, string> = {}) {
  const [known, missing] = sampleApps()
  if (known === undefined || missing === undefined) throw new Error('the sample has too few apps')
  const numbered = new Numbered({ apps: [missing] })
  const foundation = await startFoundation({ numbered, cloudController: { apps: [known] } })
  const { cloudController, gateway } = foundation
  const lines: string[] = []
  const worker = await startWorker({
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_OUTPUT: 'stdout', CFMR_BATCHER_FLUSHINTERVAL: '50ms' },
      ...{ CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin' },
      ...env,
    },
    onOutput: (line) => void lines.push(line),
  })
  await worker.ready()
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  const send = (number: number) => gateway.publish(numbered.envelope(number))
  return { worker, lines, send, cloudController, missing }
}

const escaped = (text: string) => text.replace(/([ ,=])/g, '\\$1')

it('an app that does not exist is written with the names of its tags where CFMR_NOTFOUND says so', async () => {
  const { worker, lines, send, missing } = await start({ CFMR_NOTFOUND: 'write' })
  send(0)
  await worker.waitUntil('it is written', () => lines.length === 1)
  expect(lines[0]).toContain(`log,app=${escaped(missing.app)},app_guid=${missing.app_guid},`)
  expect(lines[0]).toContain(`,org=${escaped(missing.org)},org_guid=${missing.org_guid},space=${escaped(missing.space)},`)
})

it('and otherwise it is not found, whatever its tags say', async () => {
  const { worker, lines, send } = await start()
  send(0)
  await worker.waitUntil('it is judged', async () => (await worker.stats()).ledger.not_found === 1)
  expect(lines).toEqual([])
})

it.each(['databaseDown', 'hang'] as const)(
  'where Cloud Controller does not say (%s), events go on with the names of their tags, until it does',
  async (fault) => {
    const { worker, lines, send, cloudController, missing } = await start()
    const renamed = { ...missing, app: 'renamed', org: 'another org' }
    cloudController.platform.put(renamed)
    cloudController.faults.add(fault === 'hang' ? { effect: 'hang', kind: 'look-up' } : { ...ANSWERS[fault], kind: 'look-up' })
    send(0)
    await worker.waitUntil('it is written', () => lines.length === 1)
    expect(lines[0]).toContain(`,app=${escaped(missing.app)},`)
    for (let number = 1; number < 10; number++) send(number)
    await worker.waitUntil('all are written', () => lines.length === 10)
    const { ledger, metadata } = await worker.stats()
    expect(ledger).toMatchObject({ written: 10, in_flight: 0, residue: 0 })
    expect(metadata.held).toBe(0)

    if (fault === 'hang') return
    cloudController.faults.heal()
    let number = 10
    const line = await worker.waitUntil('what Cloud Controller says wins', () => {
      send(number++)
      return lines.find((each) => each.includes('app=renamed'))
    })
    expect(line).toContain(',org=another\\ org,')
  },
)
