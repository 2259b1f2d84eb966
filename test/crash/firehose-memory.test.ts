import { expect, it, onTestFinished } from 'vitest'
import { Numbered } from '../../dev/loggregator/numbered.ts'
import { manifestNode } from '../../dev/manifest-node.ts'
import { startFoundation } from '../support/firehose.ts'
import { memoryLimit } from '../support/memory-limit.ts'
import { startWorker } from '../support/worker.ts'

const CONTAINER_BYTES = 256 * 2 ** 20

it.each([
  { name: 'small envelopes', lineLength: 0, turns: 100, each: 2000, batchEnvelopes: 100 },
  { name: 'the longest log lines, 100 in a batch', lineLength: 61_440, turns: 40, each: 200, batchEnvelopes: 100 },
])('where an output takes nothing, a flood of $name is dropped within 256 MB, and every envelope is accounted for', async (flood) => {
  const numbered = new Numbered({ lineLength: flood.lineLength })
  const { batchEnvelopes } = flood
  const foundation = await startFoundation({ numbered, gateway: { batchMs: 20, batchEnvelopes } })
  const { gateway, cloudController } = foundation
  const limit = memoryLimit(CONTAINER_BYTES)
  onTestFinished(() => limit.remove())
  let written = 0
  const worker = await startWorker({
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_OUTPUT: 'stdout', CFMR_STDOUT_FORMAT: 'json', CFMR_BATCHER_FLUSHMESSAGES: 500 },
      ...{ CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin' },
    },
    ...{ nodeArgs: manifestNode().nodeArgs, wrap: limit.wrap },
    onOutput: () => {
      written++
    },
  })
  await worker.ready()
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  worker.stallOutput()
  for (let turn = 1; turn <= flood.turns; turn++) {
    gateway.publish(...Array.from({ length: flood.each }, (_, index) => numbered.envelope((turn - 1) * flood.each + index)))
    await worker.waitUntil('it has come', async () => (await worker.stats()).ledger.consumed === turn * flood.each)
  }
  const all = flood.turns * flood.each
  const { ledger } = await worker.stats()
  expect(ledger.residue).toBe(0)
  expect(ledger.dropped).toBeGreaterThan(all / 4)
  expect(gateway.record.count('dropped')).toBe(0)
  worker.resumeOutput()
  await worker.waitUntil('the rest is written', async () => (await worker.stats()).ledger.in_flight === 0)
  expect(worker.peakRssBytes).toBeLessThan(CONTAINER_BYTES)
  expect(limit.kills()).toBe(0)
  expect((await worker.stop()).code).toBe(0)
  expect(written).toBe(all - ledger.dropped)
})
