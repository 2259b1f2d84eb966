import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isEventId } from '../../src/flow/event-source.ts'
import { eventIdOf } from '../../src/inputs/docker/logs/event-id.ts'
import { ResumedStream } from '../../src/inputs/docker/positions/resume.ts'

const steps = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 40 })

/** The ids of the lines that are new, and where they end. */
function readFrom(times: readonly bigint[], since: bigint, stream: ResumedStream) {
  return times.flatMap((timeNs) => {
    const ordinal = timeNs < since ? undefined : stream.next(timeNs)
    return ordinal === undefined ? [] : [{ timeNs, ordinal, id: eventIdOf({ container: 'c', stream: 'stdout', timeNs, ordinal }) }]
  })
}

it('goes on behind the last settled line: none missing, none repeated, each with the id of the first reading', () => {
  fc.assert(
    fc.property(steps, fc.nat(39), fc.bigInt({ min: 0n, max: 5n }), (gaps, settled, slack) => {
      let now = 100n
      const times = gaps.map((gap) => (now += BigInt(gap)))
      const all = readFrom(times, 0n, new ResumedStream(undefined))
      expect(new Set(all.map(({ id }) => id)).size).toBe(times.length)
      expect(all.every(({ id }) => isEventId(id))).toBe(true)
      const last = all[settled % all.length] as (typeof all)[number]
      const cursor = { timeNs: last.timeNs, count: last.ordinal + 1 }
      expect(readFrom(times, last.timeNs - slack, new ResumedStream(cursor))).toEqual(all.slice((settled % all.length) + 1))
    }),
  )
})

it('passes over no line once it is behind its cursor, though the clock was set back', () => {
  const stream = new ResumedStream({ timeNs: 10n, count: 1 })
  expect([9n, 10n, 11n, 3n, 4n].map((timeNs) => stream.next(timeNs))).toEqual([undefined, undefined, 0, 0, 0])
  const set = new ResumedStream({ timeNs: 10n, count: 2 })
  expect([9n, 10n, 10n, 3n, 4n, 10n].map((timeNs) => set.next(timeNs))).toEqual([undefined, undefined, undefined, 0, 0, 0])
  expect(set.hasGap).toBe(false)
})
