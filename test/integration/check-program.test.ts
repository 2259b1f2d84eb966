import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { createTopics, kafkaClient } from '../../dev/kafka-client.ts'
import { makeApps } from '../support/apps.ts'
import { type Ended, run } from '../support/program.ts'
import { shared, uniqueName } from '../support/shared.ts'

let cc: CloudControllerFake
beforeAll(async () => {
  cc = await startCloudController({ apps: makeApps(120) })
})
afterAll(() => cc.close())

/** `check` as an operator calls it, with points that go to stdout. */
async function check(apiVersion: string, ...options: string[]): Promise<Ended> {
  const { brokers } = await shared('kafka')
  const topic = uniqueName('topic')
  await createTopics(kafkaClient(brokers), [{ topic }])
  const env = {
    CFMR_KAFKA_BROKERS: brokers.join(','),
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_CONSUMERGROUP: uniqueName('group'),
    CFMR_CF_API: cc.url,
    CFMR_CF_USER: 'admin',
    CFMR_CF_PASSWORD: 'admin',
    CFMR_CF_APIVERSION: apiVersion,
    CFMR_OUTPUT: 'stdout',
  }
  return run({ args: ['check', ...options], env })
}

it('knows Cloud Controller by its API v2, counts its apps, and ends with 0', async () => {
  const { code, stdout } = await check('v2')
  expect(stdout).toMatch(/^ok +cf +Cloud Controller answers at \S+: API v2/m)
  expect(stdout).toMatch(/^ok +cf +UAA at \S+ lets admin in$/m)
  expect(stdout).toMatch(/^ok +cf +the account sees 120 apps$/m)
  expect(code, stdout).toBe(0)
})

it('says that v2 is switched off and what to set, as an object a line for scripts, and ends with 1', async () => {
  cc.platform.isV2Enabled = false
  const { code, stdout } = await check('v2', '--json')
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(findings.filter(({ outcome }) => outcome === 'failed')).toEqual([
    expect.objectContaining({ part: 'cf', message: expect.stringMatching(/V2 endpoints disabled.*CFMR_CF_APIVERSION=v3/) }),
  ])
  expect(code).toBe(1)
})

it('says the same where v2 is gone altogether', async () => {
  cc.platform.isV2Enabled = true
  cc.faults.add({ kind: 'root', times: 1, ...ANSWERS.notFound })
  const { code, stdout } = await check('v2')
  expect(stdout).toMatch(/^FAILED +cf +\S+ has no API v2 any more \(\/v2\/info answers 404\), but v3: set CFMR_CF_APIVERSION=v3$/m)
  expect(code).toBe(1)
})
