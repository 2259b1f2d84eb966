import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Ack } from '../../src/flow/contracts.ts'
import { Ledger } from '../../src/flow/ledger.ts'
import { Run } from '../../src/flow/run.ts'
import { Assignment } from '../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../src/inputs/offsets/bell.ts'

interface Handed {
  readonly offset: number
  readonly ack: Ack
  readonly index: number
  isSettled: boolean
}

/** Kafka and the pipeline in a few lines: what was handed out in the present assignment, and what the group has stored. */
class Model {
  readonly ledger = new Ledger()
  assignment = new Assignment({}, this.ledger, new Bell())
  handed: Handed[] = []
  /** Of all earlier assignments. */
  readonly stale: Handed[] = []
  /** Every offset that has ever been settled while that counted. */
  readonly done = new Set<number>()
  position = 0
  committed: number | undefined

  assign(): void {
    this.stale.push(...this.handed)
    this.handed = []
    this.assignment.end()
    this.assignment = new Assignment({ topic: [0] }, this.ledger, new Bell())
    this.position = this.committed ?? 0
    this.tracker.begin(this.position, this.committed)
  }

  get tracker() {
    const tracker = this.assignment.tracker('topic', 0)
    if (tracker === undefined) throw new Error('not assigned')
    return tracker
  }

  /** `gaps` says how many offsets without a message come before each message; `after`, how many come behind the last. */
  deliver(gaps: readonly number[], after: number): void {
    const offsets = gaps.map((gap) => {
      const offset = this.position + gap
      this.position = offset + 1
      return offset
    })
    this.position += after
    const run = new Run(
      offsets.map((offset) => ({ offset })),
      this.position,
      0,
    )
    this.tracker.add(run)
    this.assignment.handOver(this.tracker, run, offsets.length)
    const ack = this.assignment.ackOf(this.tracker, run, offsets.length)
    this.handed.push(...offsets.map((offset, index) => ({ offset, ack, index, isSettled: false })))
  }

  skip(count: number): void {
    this.position += count
    this.tracker.skip(this.position)
  }

  /** Some neighbours of one delivery, from the n-th that is not settled on. */
  settle(nth: number, count: number): void {
    const open = this.handed.filter(({ isSettled }) => !isSettled)
    const first = open[nth % Math.max(1, open.length)]
    if (first === undefined) return
    const those = this.handed.filter(({ ack, index }) => ack === first.ack && index >= first.index && index < first.index + count)
    first.ack.settle('written', first.index, those.length)
    for (const message of those) {
      message.isSettled = true
      this.done.add(message.offset)
    }
  }

  settleStale(nth: number): void {
    const message = this.stale[nth % Math.max(1, this.stale.length)]
    message?.ack.settle('written', message.index)
  }

  commit(): void {
    const offset = this.tracker.uncommitted
    if (offset === undefined) return
    this.committed = offset
    this.tracker.committed = offset
  }

  check(): void {
    const { ready } = this.tracker
    const open = this.handed.filter(({ isSettled }) => !isSettled)
    const oldest = open[0]
    if (oldest !== undefined && ready !== undefined) expect(ready).toBeLessThanOrEqual(oldest.offset)
    const lastDone = this.handed[oldest === undefined ? -1 : this.handed.indexOf(oldest) - 1]
    if (lastDone !== undefined) expect(ready).toBeGreaterThan(lastDone.offset)
    if (open.length === 0 && this.handed.length > 0) expect(ready).toBe(this.position)
    if (this.committed !== undefined) expect(ready).toBeGreaterThanOrEqual(this.committed)
    expect(this.assignment.inFlight).toBe(open.length)
    expect(this.tracker.inFlight).toBe(open.length)
    expect(this.ledger.residue(open.length)).toBe(0)
  }
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      gaps: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
      after: fc.nat(2),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('settle' as const), nth: fc.nat(50), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('skip' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stale' as const), nth: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('assign' as const) }) },
)

test('whatever comes in whatever order, the commit never passes an open message, never goes back and reaches the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const model = new Model()
      model.assign()
      for (const next of steps) {
        const before = model.committed ?? 0
        if (next.do === 'deliver') model.deliver(next.gaps, next.after)
        else if (next.do === 'settle') model.settle(next.nth, next.count)
        else if (next.do === 'skip') model.skip(next.count)
        else if (next.do === 'stale') model.settleStale(next.nth)
        else if (next.do === 'commit') model.commit()
        else model.assign()
        expect(model.committed ?? 0).toBeGreaterThanOrEqual(before)
        model.check()
      }
      for (const { ack, index } of model.handed) ack.settle('discarded', index)
      model.commit()
      if (model.handed.length > 0) expect(model.committed).toBe(model.position)
    }),
    { numRuns: 500 },
  )
})

test('each message is settled once, however often and in whatever overlap it is told', () => {
  const ranges = fc.array(fc.tuple(fc.nat(19), fc.integer({ min: 1, max: 20 })), { maxLength: 30 })
  fc.assert(
    fc.property(ranges, (settled) => {
      const run = new Run(
        Array.from({ length: 20 }, (_, index) => ({ offset: index })),
        20,
        0,
      )
      const model = new Set<number>()
      for (const [index, count] of settled) {
        const before = model.size
        for (let i = index; i < Math.min(20, index + count); i++) model.add(i)
        expect(run.settle(index, count)).toBe(model.size - before)
      }
      let inOrder = 0
      while (model.has(inOrder)) inOrder++
      expect(run.ready).toBe(inOrder === 0 ? undefined : inOrder)
      expect(run.isSettled).toBe(model.size === 20)
    }),
  )
})
