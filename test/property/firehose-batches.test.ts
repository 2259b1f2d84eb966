import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ENVELOPE_KINDS, splitBatch } from '../../src/inputs/firehose/batch-splitter.ts'
import { EventReader } from '../../src/inputs/firehose/event-reader.ts'
import { anyV1, anyV2Spelling, spellV2, toV2 } from '../support/v2-envelopes.ts'

const anyText = fc.tuple(anyV1, anyV2Spelling).map(([v1, spelling]) => spellV2(toV2(v1), spelling))
const anySpace = fc.constantFrom('', ' ', '\n ', '\t\r\n')
const anyJson = fc.json({ maxDepth: 4 })

it('a batch is cut into exactly the bytes of its envelopes, whatever they hold and however it is spaced', () => {
  const anyMember = fc
    .tuple(
      fc.string().filter((key) => key !== 'batch'),
      anyJson,
    )
    .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
  fc.assert(
    fc.property(fc.array(fc.oneof(anyText, anyJson)), fc.array(anyMember), anySpace, anySpace, (texts, others, s, t) => {
      const batch = `${s}"batch"${t}:${s}[${s}${texts.join(`${t},${s}`)}${texts.length > 0 ? t : ''}]${s}`
      const data = Buffer.from(`${t}{${[...others, batch].join(`${t},${s}`)}}${s}`)
      const { envelopes, rest } = splitBatch(data)
      expect(rest).toBeUndefined()
      expect(envelopes.map(String)).toEqual(texts)
    }),
  )
})

it('what an envelope holds is known by its keys alone', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const parsed = JSON.parse(text) as Record<string, unknown>
      const kind = ENVELOPE_KINDS.find((name) => name in parsed) ?? 'other'
      expect(ENVELOPE_KINDS[splitBatch(Buffer.from(`{"batch":[${text}]}`)).kinds[0] as number]).toBe(kind)
    }),
  )
})

it('of a batch that breaks off or is no batch all is given back: envelopes, then the rest', () => {
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 3 }), fc.nat(), fc.uint8Array({ maxLength: 20 }), (texts, cut, garbage) => {
      const whole = Buffer.from(`{"batch":[${texts.join()}]}`)
      const at = cut % whole.length
      const data = Buffer.concat([whole.subarray(0, at), garbage])
      const { envelopes, rest } = splitBatch(data)
      // Those that end, with what comes behind them, before the cut.
      const ends = texts.map((_, index) => Buffer.byteLength(`{"batch":[${texts.slice(0, index + 1).join()},`))
      const complete = ends.filter((end) => end <= at).length
      expect(envelopes.slice(0, complete).map(String)).toEqual(texts.slice(0, complete))
      if (garbage.length === 0) expect(rest).toBeDefined()
      if (rest !== undefined) expect(rest.equals(data.subarray(data.length - rest.length))).toBe(true)
    }),
  )
})

it('events are the same however the bytes are cut on their way', () => {
  const anyEvent = fc.oneof(
    anyText.map((text) => ({
      wire: `data: {"batch":[${text.replaceAll('\n', '')}]}\n\n`,
      told: `data {"batch":[${text.replaceAll('\n', '')}]}`,
    })),
    fc.constant({ wire: 'event: heartbeat\ndata: 1700000000\n\n', told: 'heartbeat' }),
    fc.constant({ wire: 'event: closing\r\ndata: closing due to stream timeout\r\n\r\n', told: 'closing' }),
    fc.constant({ wire: ': a comment\n\nid: 7\nretry: 1\n\n', told: undefined }),
    fc.constant({ wire: 'data: a\ndata: b\n\n', told: 'data a\nb' }),
  )
  fc.assert(
    fc.property(fc.array(anyEvent), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (events, sizes) => {
      const wire = Buffer.from(events.map((event) => event.wire).join(''))
      const told: string[] = []
      const reader = new EventReader({
        data: (bytes) => void told.push(`data ${bytes}`),
        named: (name) => void told.push(name),
        tooLong: () => void told.push('too long'),
      })
      for (let at = 0, i = 0; at < wire.length; i++) {
        const size = sizes[i % sizes.length] as number
        reader.push(wire.subarray(at, at + size))
        at += size
      }
      expect(told).toEqual(events.flatMap((event) => event.told ?? []))
      expect(reader.unfinishedBytes).toBe(0)
    }),
  )
})
