import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Batch } from '../../src/flow/batch.ts'
import { Batcher } from '../../src/flow/batcher.ts'
import { RecordedAck, textsOf } from '../fakes/lines.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 250 }) }),
    fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('flush' as const) }),
  ),
  { maxLength: 60 },
)

const options = fc.record({
  flushMessages: fc.integer({ min: 1, max: 8 }),
  flushIntervalMs: fc.integer({ min: 1, max: 300 }),
  maxBytes: fc.integer({ min: 8, max: 200 }),
  maxWrites: fc.integer({ min: 1, max: 3 }),
})

it('has each line in exactly one batch, in order, within every limit, and none older than the interval where a write is free', async () => {
  await fc.assert(
    fc.asyncProperty(steps, options, async (script, limits) => {
      const batches: string[][] = []
      const underWay: (() => void)[] = []
      const bornMs = new Map<string, number>()
      let next = 0
      const write = (batch: Batch) => {
        batches.push(textsOf(batch))
        expect(batch.count).toBeLessThanOrEqual(limits.flushMessages)
        const beforeLast = batch.count === 1 ? 0 : batch.endOf(batch.count - 2)
        expect(beforeLast, 'sealed by the line that passed the limit').toBeLessThan(limits.maxBytes)
        return new Promise<void>((resolve) => void underWay.push(resolve)).then(() => batch.settleWritten([]))
      }
      const batcher = new Batcher({ ...limits, keepsValues: false, write })
      const ack = new RecordedAck()

      const check = () => {
        expect(batcher.writing).toBeLessThanOrEqual(limits.maxWrites)
        if (batcher.writing === limits.maxWrites || batcher.open.count === 0) return
        expect(Date.now() - (bornMs.get(textsOf(batcher.open)[0] as string) as number)).toBeLessThan(limits.flushIntervalMs)
      }
      for (const step of script) {
        if (step.kind === 'flush') batcher.flush()
        else if (step.kind === 'wait') await vi.advanceTimersByTimeAsync(step.ms)
        else if (step.kind === 'end') underWay.splice(step.which % Math.max(1, underWay.length), 1)[0]?.()
        else {
          for (let i = 0; i < step.count && !batcher.isFull; i++) {
            const text = `m v=1 ${next}`
            bornMs.set(text, Date.now())
            batcher.open.lines.reserve(text.length + 1)
            batcher.open.lines.appendText(`${text}\n`)
            batcher.add(ack, next++, Buffer.from('{}'))
          }
        }
        await vi.advanceTimersByTimeAsync(0)
        check()
      }
      const drained = batcher.drain()
      while (batcher.writing > 0) {
        for (const end of underWay.splice(0)) end()
        await vi.advanceTimersByTimeAsync(0)
      }
      await drained
      expect(batches.flat()).toEqual(Array.from({ length: next }, (_, i) => `m v=1 ${i}`))
      expect(ack.fates.size).toBe(next)
    }),
    { numRuns: 150 },
  )
})
