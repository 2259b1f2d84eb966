import { expect, it } from 'vitest'
import { Random } from '../../dev/drill/random.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { Reader, startFoundation } from '../support/firehose.ts'

it('through a minute of faults of every kind nothing comes twice, the ledger adds up, and no connection is left behind', async () => {
  const foundation = await startFoundation({ gateway: { streamTimeoutMs: 3000, heartbeatMs: 200, batchMs: 20 } })
  const { gateway, cloudController } = foundation
  const reader = new Reader(foundation, { streamAgeMs: 1500, silenceMs: 3000 })
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  const flow = foundation.flow(1000)
  const random = new Random(7)
  const faults: readonly (() => unknown)[] = [
    () => gateway.streams[0]?.end(),
    () => gateway.streams[0]?.cut(),
    () => gateway.streams[0]?.freeze(),
    () => gateway.cut(),
    () => cloudController.uaa.revokeAccessTokens(),
    () => Object.assign(gateway, { trouble: 'overloaded' }),
    () => Object.assign(gateway, { trouble: 'unknown_route' }),
    () => Object.assign(gateway, { trouble: 'uaa_down' }),
    async () => {
      await gateway.goDown()
      await sleep(300)
      await gateway.comeBack()
    },
  ]
  for (let round = 0; round < 60; round++) {
    await faults[Math.floor(random.between(0, faults.length))]?.()
    await sleep(700)
    gateway.trouble = undefined
    await sleep(300)
  }
  await waitUntil('two streams are open', () => reader.input.figures().streams >= 2 && gateway.streams.length >= 2)
  // What comes after all of it comes whole.
  const from = flow.count
  await waitUntil('it flows', () => reader.numbers.some((number) => number > from))
  await flow.stop()
  expect(new Set(reader.numbers).size).toBe(reader.numbers.length)
  expect(reader.numbers.length).toBeGreaterThan(flow.count / 2)
  expect(reader.ledger.residue(reader.input.inFlight)).toBe(0)
  expect(Object.keys(reader.reconnects).length).toBeGreaterThan(5)
  await reader.stop()
  await waitUntil('no connection is left', async () => (await gateway.connections()) === 0)
})
