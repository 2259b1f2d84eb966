import { createRequire } from 'node:module'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import type { EachBatchPayload } from 'kafkajs'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { Ledger } from '../../src/flow/ledger.ts'
import { BatchReader } from '../../src/inputs/kafka/group/batch-reader.ts'
import { ReadAhead } from '../../src/inputs/kafka/read-ahead.ts'
import { readRecordSet } from '../../src/inputs/kafka/record-set.ts'
import { Assignment } from '../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../src/inputs/offsets/bell.ts'
import { recordBatchBytes } from '../support/record-batches.ts'

const Batch = createRequire(import.meta.url)('kafkajs/src/consumer/batch.js')

const CRC_AT = 17
const ATTRIBUTES_AT = 21
const DELTA_AT = 23
const COUNT_AT = 57
const IS_CONTROL = 0x20

interface Stored {
  readonly bytes: Buffer
  readonly base: number
  /** The offset behind it. */
  readonly end: number
  /** Of a control batch none. */
  readonly values: readonly string[]
}

const shape = fc.record({
  values: fc.array(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 8 }),
  gzip: fc.boolean(),
  isControl: fc.nat(9).map((number) => number === 0),
  gap: fc.nat(9).chain((number) => (number === 0 ? fc.integer({ min: 1, max: 50 }) : fc.constant(0))),
})
type Shape = typeof shape extends fc.Arbitrary<infer Value> ? Value : never

async function store(shapes: readonly Shape[], begin: number, withGaps: boolean): Promise<Stored[]> {
  const log: Stored[] = []
  let base = begin
  for (const [index, { values, gzip, isControl, gap }] of shapes.entries()) {
    if (withGaps && index > 0) base += gap
    const texts = values.map((value, number) => `${base + number} ${value}`)
    const bytes = await recordBatchBytes(base, texts, { gzip })
    if (isControl) {
      bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_AT) | IS_CONTROL, ATTRIBUTES_AT)
      bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT)
    }
    log.push({ bytes, base, end: base + values.length, values: isControl ? [] : texts })
    base += values.length
  }
  return log
}

/** What a broker answers: bytes of the log, or nothing where it cannot. */
type Answer = (from: number) => Buffer | undefined

/** Reads as a member of a group does it, until nothing more comes or `enough` answers were given. */
async function readAll(answer: Answer, { begin, end, enough }: { readonly begin: number; readonly end: number; readonly enough: number }) {
  const bell = new Bell()
  const ledger = new Ledger()
  const assignment = new Assignment({ topic: [0] }, ledger, bell)
  const tracker = assignment.tracker('topic', 0)
  if (tracker === undefined) throw new Error('not assigned')
  tracker.begin(begin, undefined)
  const readAhead = new ReadAhead({ maxInFlight: 100_000, maxInFlightBytes: 2 ** 30, filled: bell, emptied: bell })
  let asked = begin
  const ask = (from: number) => {
    asked = from
  }
  const reader = new BatchReader({
    life: () => ({ fetchedMs: Number.NEGATIVE_INFINITY, seek: (_topic, _partition, offset) => ask(offset) }),
    membership: { assignment, isReading: () => true, isSure: async () => true, refuse: async () => {} },
    readAhead,
    watch: { sawHighWatermark: () => {}, sawGap: () => {}, lookSoon: () => {} },
    log: pino({ enabled: false }),
    bell,
  })
  const read: { readonly offset: number; readonly value: string }[] = []
  const unreadable: { readonly first: number; readonly last: number }[] = []
  const positions = [begin]
  for (let answers = 0; answers < enough && (tracker.position as number) < end; answers++) {
    const bytes = answer(asked)
    if (bytes === undefined) break
    const partition = { partition: 0, highWatermark: String(end), abortedTransactions: [], messages: await readRecordSet(bytes) }
    const batch = new Batch('topic', String(asked), partition)
    // kafkajs would go on by itself, to where it thinks that the answer ends.
    expect(batch.isEmptyDueToFiltering()).toBe(false)
    if (batch.isEmpty()) break
    const resolveOffset = (offset: string) => ask(Number(offset) + 1)
    await reader.read({ batch, heartbeat: async () => {}, resolveOffset } as unknown as EachBatchPayload)
    positions.push(tracker.position as number)
    for (let delivery = readAhead.take(); delivery !== undefined; delivery = readAhead.take()) {
      read.push(...delivery.messages.map(({ offset, value }) => ({ offset, value: String(value) })))
      if (delivery.unreadable !== undefined) unreadable.push(delivery.unreadable)
      delivery.ack.settle('written', 0, delivery.unreadable?.count ?? delivery.messages.length)
    }
  }
  expect(positions).toEqual([...positions].sort((a, b) => a - b))
  expect(tracker.ready ?? begin).toBe(tracker.position)
  return { read, unreadable, position: tracker.position as number, consumed: ledger.consumed }
}

const messagesOf = (log: readonly Stored[]) =>
  log.flatMap(({ base, values }) => values.map((value, index) => ({ offset: base + index, value })))

const flip = (bytes: Buffer, bit: number): Buffer => {
  const flipped = Buffer.from(bytes)
  flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
  return flipped
}

const logs = fc.record({
  shapes: fc.array(shape, { minLength: 1, maxLength: 6 }),
  begin: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 })),
})
/** Which of the batches, and where in it: most bits are tried that no checksum covers. */
const damage = fc.record({
  at: fc.nat(999).map((thousandths) => thousandths / 1000),
  bit: fc.oneof({ weight: 4, arbitrary: fc.nat(ATTRIBUTES_AT * 8 - 1) }, fc.nat(61 * 8 - 1), fc.nat(10_000)),
})
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never

function damaged(log: readonly Stored[], { at, bit }: Damage) {
  const index = Math.floor(at * log.length)
  const { bytes } = log[index] as Stored
  const place = bit % (bytes.length * 8)
  const byte = place >> 3
  return {
    index,
    isBase: byte < 8,
    isCount: (byte >= DELTA_AT && byte < DELTA_AT + 4) || (byte >= COUNT_AT && byte < COUNT_AT + 4),
    log: log.map((batch, number) => (number === index ? { ...batch, bytes: flip(bytes, place) } : batch)),
  }
}

const bytesFrom = (log: readonly Stored[], offset: number) => {
  const first = log.findIndex(({ end }) => end > offset)
  return first === -1 ? undefined : Buffer.concat(log.slice(first).map(({ bytes }) => bytes))
}

const runs = { numRuns: 1500 }
const endOf = (log: readonly Stored[]) => (log.at(-1) as Stored).end
const answersFor = (log: readonly Stored[]) => 6 + 4 * log.length

test('whatever bit is another in one answer of Kafka, everything is read, as it was sent, and once', async () => {
  await fc.assert(
    fc.asyncProperty(logs, damage, fc.boolean(), async ({ shapes, begin }, what, withGaps) => {
      const log = await store(shapes, begin, withGaps)
      const { log: hurt, isBase } = damaged(log, what)
      fc.pre(!(withGaps && isBase))
      let answers = 0
      const answer: Answer = (from) => bytesFrom(answers++ === 0 ? hurt : log, from)
      const { read, unreadable, position } = await readAll(answer, { begin, end: endOf(log), enough: answersFor(log) })
      expect(read).toEqual(messagesOf(log))
      expect([unreadable, position]).toEqual([[], endOf(log)])
    }),
    runs,
  )
})

test('whatever bit of a batch is another for ever, all other batches are read, and that one or its offsets are unreadable', async () => {
  await fc.assert(
    fc.asyncProperty(logs, damage, async ({ shapes, begin }, what) => {
      const log = await store(shapes, begin, false)
      const { log: hurt, index, isCount } = damaged(log, what)
      const { read, unreadable, position, consumed } = await readAll((from) => bytesFrom(hurt, from), {
        begin,
        end: endOf(log),
        enough: answersFor(log),
      })
      const { base, end, values } = log[index] as Stored
      const others = messagesOf(log.filter((_, number) => number !== index))
      const isUnread = unreadable.length > 0
      expect(read).toEqual(isUnread || values.length === 0 ? others : messagesOf(log))
      for (const { first, last } of unreadable) expect(first >= base && last < end).toBe(true)
      expect([unreadable.at(0)?.first ?? base, (unreadable.at(-1)?.last ?? end - 1) + 1]).toEqual([base, end])
      expect(position).toBe(endOf(log))
      const counted = consumed - read.length
      // Two fields of the header say how many there are. Where one of them is damaged, fewer may be known.
      if (isCount) expect(counted > 0 && counted <= end - base).toBe(true)
      else expect(counted).toBe(isUnread ? end - base : 0)
    }),
    runs,
  )
})

test('what is damaged in a log with gaps costs no message of another batch, unless it is where a batch begins', async () => {
  await fc.assert(
    fc.asyncProperty(logs, damage, async ({ shapes, begin }, what) => {
      const log = await store(shapes, begin, true)
      const { log: hurt, index, isBase } = damaged(log, what)
      const options = { begin, end: endOf(log), enough: answersFor(log) }
      const { read } = await readAll((from) => bytesFrom(hurt, from), options)
      const all = messagesOf(log)
      if (isBase) {
        // No checksum covers where it begins, and beside a gap nothing tells which of two batches is not where it says it is.
        const values = read.map(({ value }) => value)
        expect(new Set(values).size).toBe(values.length)
        for (const value of values) expect(all.map((message) => message.value)).toContain(value)
        return
      }
      const own = new Set(messagesOf([log[index] as Stored]).map(({ value }) => value))
      const others = messagesOf(log.filter((_, number) => number !== index))
      expect(read.filter(({ value }) => !own.has(value))).toEqual(others)
      for (const message of read) expect(all).toContainEqual(message)
    }),
    runs,
  )
})

/** As Kafka finds what it is asked for: from an entry of its index on, by the headers. */
function walking(log: readonly Stored[], indexed: readonly boolean[], original: readonly Stored[]): Answer {
  const file = Buffer.concat(log.map(({ bytes }) => bytes))
  const starts = log.map((_, index) => log.slice(0, index).reduce((sum, { bytes }) => sum + bytes.length, 0))
  return (from) => {
    const entry = original.findLastIndex(({ base }, index) => base <= from && (index === 0 || indexed[index]))
    let at = starts[Math.max(0, entry)] as number
    for (;;) {
      if (at + 61 > file.length) return undefined
      const length = file.readInt32BE(at + 8)
      const magic = file[at + 16] as number
      if (length < 14 || magic < 2 || at + 12 + length > file.length) return undefined
      if (Number(file.readBigInt64BE(at)) + file.readInt32BE(at + DELTA_AT) >= from) return file.subarray(at)
      at += 12 + length
    }
  }
}

test('where Kafka itself finds no way past the damage, whatever was read is right, and nothing before the position is missing', async () => {
  await fc.assert(
    fc.asyncProperty(logs, damage, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), async ({ shapes, begin }, what, indexed) => {
      const log = await store(shapes, begin, false)
      const { log: hurt, index } = damaged(log, what)
      const options = { begin, end: endOf(log), enough: answersFor(log) }
      const { read, unreadable, position } = await readAll(walking(hurt, indexed, log), options)
      const due = messagesOf(log.filter((_, number) => number !== index)).filter(({ offset }) => offset < position)
      const all = messagesOf(log)
      for (const message of read) expect(all).toContainEqual(message)
      const offsets = new Set(read.map(({ offset }) => offset))
      expect(offsets.size).toBe(read.length)
      const isTold = (offset: number) => unreadable.some(({ first, last }) => offset >= first && offset <= last)
      expect(due.filter(({ offset }) => !offsets.has(offset) && !isTold(offset))).toEqual([])
    }),
    runs,
  )
})

test('whatever bytes come, no more is read than they are, nothing throws, and each answer is done with', async () => {
  await fc.assert(
    fc.asyncProperty(
      logs,
      fc.array(damage, { minLength: 1, maxLength: 12 }),
      fc.uint8Array({ maxLength: 100 }),
      async ({ shapes, begin }, all, tail) => {
        const log = await store(shapes, begin, false)
        const set = all.reduce((hurt, { at, bit }) => damaged(hurt, { at, bit }).log, log as readonly Stored[])
        const end = endOf(log)
        const answers: number[] = []
        const { position } = await readAll(
          (from) => {
            answers.push(from)
            return from >= end ? undefined : Buffer.concat([bytesFrom(set, from) as Buffer, tail])
          },
          { begin, end, enough: 2000 },
        )
        expect(position).toBeLessThanOrEqual(end)
        expect(answers.length).toBeLessThan(2000)
      },
    ),
    { numRuns: 500 },
  )
})
