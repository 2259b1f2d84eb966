import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Delivery } from '../../src/flow/contracts.ts'
import { Ledger } from '../../src/flow/ledger.ts'
import { EnvelopeQueue } from '../../src/inputs/firehose/envelope-queue.ts'
import { Bell } from '../../src/inputs/offsets/bell.ts'

const anyStep = fc.oneof(
  fc.record({ put: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 }), kind: fc.integer({ min: 0, max: 5 }) }),
  fc.constant({ take: true } as const),
  fc.record({ settle: fc.nat(), count: fc.integer({ min: 1, max: 4 }) }),
)

/** What has come and is neither dropped nor handed over, in the order in which it came. */
interface Model {
  readonly waiting: { readonly number: number; readonly size: number; readonly kind: number }[]
  readonly dropped: number[]
}

it('all that came is within the limits or dropped, the oldest first that was not handed over, and counted once', () => {
  const anyLimits = { maxInFlight: fc.integer({ min: 1, max: 20 }), maxInFlightBytes: fc.integer({ min: 1, max: 300 }) }
  fc.assert(
    fc.property(fc.record(anyLimits), fc.array(anyStep, { maxLength: 60 }), (limits, steps) => {
      const ledger = new Ledger()
      const queue = new EnvelopeQueue({ ...limits, ledger, bell: new Bell() })
      const model: Model = { waiting: [], dropped: [0, 0, 0, 0, 0, 0] }
      const open: { readonly delivery: Delivery; next: number }[] = []
      let came = 0
      for (const step of steps) {
        if ('put' in step) {
          const sizes = step.put
          model.waiting.push(...sizes.map((size, index) => ({ number: came + index, size, kind: step.kind })))
          came += sizes.length
          const before = ledger.fates.dropped
          const dropped = queue.put({
            envelopes: sizes.map((size) => Buffer.alloc(size)),
            kinds: sizes.map(() => step.kind),
            rest: undefined,
          })
          expect(ledger.fates.dropped - before).toBe(dropped)
          for (const { kind } of model.waiting.splice(0, dropped)) model.dropped[kind] = (model.dropped[kind] as number) + 1
          // Nothing goes that had room: with the last one that went it would have been too much.
          if (queue.queued > 0) expect(queue.inFlight <= limits.maxInFlight).toBe(true)
        } else if ('take' in step) {
          const delivery = queue.take()
          if (delivery === undefined) continue
          const { length } = delivery.messages
          expect(delivery.messages.map(({ offset }) => offset)).toEqual(model.waiting.splice(0, length).map(({ number }) => number))
          expect(delivery.messages.map((_, index) => delivery.ack.offsetOf(index))).toEqual(delivery.messages.map(({ offset }) => offset))
          expect(queue.handed).toBeLessThanOrEqual(Math.max(1, limits.maxInFlight / 2))
          open.push({ delivery, next: 0 })
        } else {
          const one = open[step.settle % Math.max(1, open.length)]
          if (one === undefined) continue
          const count = Math.min(step.count, one.delivery.messages.length - one.next)
          one.delivery.ack.settle('written', one.next, count)
          one.next += count
          if (one.next === one.delivery.messages.length) open.splice(open.indexOf(one), 1)
        }
        expect(queue.queued).toBe(model.waiting.length)
        expect(queue.queuedBytes).toBe(model.waiting.reduce((sum, { size }) => sum + size, 0))
        expect(Object.values(queue.droppedByKind)).toEqual(model.dropped)
        expect(ledger.consumed).toBe(came)
        expect(ledger.residue(queue.inFlight)).toBe(0)
        expect(queue.queued === 0 || queue.queuedBytes + queue.handedBytes <= limits.maxInFlightBytes + 1e-6).toBe(true)
      }
      const left = queue.inFlight
      expect(queue.close()).toBe(left)
      expect(ledger.abandoned).toBe(left)
      expect(ledger.residue(0)).toBe(0)
      for (const { delivery, next } of open) delivery.ack.settle('written', next)
      expect(ledger.residue(0)).toBe(0)
    }),
    { numRuns: 500 },
  )
})

it('at the end all that waits may be handed over at once', () => {
  const queue = new EnvelopeQueue({ maxInFlight: 10, maxInFlightBytes: 1000, ledger: new Ledger(), bell: new Bell() })
  queue.put({ envelopes: Array.from({ length: 10 }, () => Buffer.alloc(1)), kinds: Array(10).fill(1), rest: undefined })
  expect(queue.take()?.messages).toHaveLength(5)
  expect(queue.take()).toBeUndefined()
  expect(queue.take(true)?.messages).toHaveLength(5)
})
