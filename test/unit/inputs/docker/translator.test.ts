import { expect, it } from 'vitest'
import type { Delivery, WaitingRoom } from '../../../../src/flow/contracts.ts'
import { FactSource } from '../../../../src/inputs/docker/container-source.ts'
import { Container } from '../../../../src/inputs/docker/inventory/container.ts'
import { DockerTranslator } from '../../../../src/inputs/docker/translator.ts'
import { Activity } from '../../../../src/lib/activity.ts'

const described = {
  ...{ name: 'web', image: 'nginx:1', host: 'host', owner: { app: 'web' }, labels: {}, isTerminal: false, logDriver: 'json-file' },
  selected: { logs: true, stats: true, events: true, reasons: {} },
} as unknown as NonNullable<Container['description']>

it('an event waits behind earlier ones of its container that wait or are on their way, though it is known by now', () => {
  const container = new Container('c0'.repeat(32))
  const translator = new DockerTranslator({
    describe: () => Promise.resolve(described),
    spelling: () => ({}),
    counts: { enriched: new Activity(), enrichFailed: new Activity() },
  })
  const fates: string[] = []
  const ack = { source: new FactSource(container, 'event', 1n, 'start'), offsetOf: () => 0, settle: (fate: string) => fates.push(fate) }
  const delivery = { messages: [{ value: Buffer.from('{"action":"start"}'), offset: 0 }], ack } as unknown as Delivery
  const held: string[] = []
  let isHolding = false
  const waiting: WaitingRoom = { hold: (key) => void held.push(key), isHolding: () => isHolding }
  const take = () => translator.take(delivery, 0, [], waiting)

  take()
  expect(held).toEqual([container.id])
  container.description = described
  isHolding = true
  take()
  expect(held).toEqual([container.id, container.id])
  isHolding = false
  take()
  expect(held).toHaveLength(2)
})
