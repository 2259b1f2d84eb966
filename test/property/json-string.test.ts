import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventSource } from '../../src/flow/event-source.ts'
import { ByteBuffer } from '../../src/lib/byte-buffer.ts'
import { appendBase64AsJson, appendJsonContent, appendJsonText } from '../../src/lib/json-string.ts'
import { appendTime } from '../../src/lib/rfc3339.ts'

/** Bytes as applications log them, and as nobody should: text with all kinds of escapes, pieces of characters, anything. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
      fc.constantFrom('\n', '"', '\\', '\u0000', '\u001f', '\u007f', '日本', '🎉', '\r\n').map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array)),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => Buffer.concat(pieces))

/** What was appended, between the quotes of a JSON string, read back. */
function readBack(append: (to: ByteBuffer) => unknown): string {
  const to = new ByteBuffer(8)
  append(to)
  return JSON.parse(`"${to.bytes.toString('utf8', 0, to.length)}"`) as string
}

it('any bytes are read back as text, each maximal invalid part as one U+FFFD', () => {
  fc.assert(
    fc.property(bytes, (text) => {
      expect(readBack((to) => appendJsonText(text, 0, text.length, to))).toBe(text.toString())
    }),
  )
})

it('base64 of UTF-8 is read back as its text without a line feed at the end, and of anything else is left alone', () => {
  fc.assert(
    fc.property(bytes, fc.nat(8), (text, before) => {
      const base64 = Buffer.from(`${'~'.repeat(before)}${text.toString('base64')}"xxxx`)
      const view = new DataView(base64.buffer, base64.byteOffset, base64.length)
      const end = base64.length - 5
      const to = new ByteBuffer(8)
      const isDone = appendBase64AsJson(view, before, end, text.length, to)
      const isUtf8 = Buffer.from(text.toString()).equals(text)
      expect(isDone).toBe(isUtf8)
      if (isDone) expect(JSON.parse(`"${to.bytes.toString('utf8', 0, to.length)}"`)).toBe(text.toString().replace(/\n$/, ''))
      else expect(to.length).toBe(0)
    }),
  )
})

it('what another JSON string has between its quotes means the same, but for halves of characters and bytes that are none', () => {
  const escaped = fc.constantFrom(
    '\\u0026',
    '\\u003c',
    '\\\\u00e9',
    '\\u00e9',
    '\\ud83c\\udf89',
    '\\ud83c',
    '\\udf89',
    '\\n',
    '\\"',
    '\\/',
    '\\\\',
  )
  const plain = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text.toWellFormed()).slice(1, -1))
  fc.assert(
    fc.property(fc.array(fc.oneof(escaped, plain, plain), { maxLength: 10 }), fc.option(fc.constantFrom(0xff, 0xe2)), (pieces, invalid) => {
      const content = Buffer.concat([Buffer.from(pieces.join('')), ...(invalid === null ? [] : [Buffer.of(invalid)])])
      const padded = Buffer.concat([content, Buffer.from('"___')])
      const view = new DataView(padded.buffer, padded.byteOffset, padded.length)
      const expected = (JSON.parse(`"${content.toString()}"`) as string).toWellFormed()
      expect(readBack((to) => appendJsonContent(view, 0, content.length, to))).toBe(expected)
    }),
  )
})

it('a time is what Date makes of its seconds, with the nine digits that follow', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (ns) => {
      const digits = Buffer.from(`${ns}____`)
      const to = new ByteBuffer(64)
      appendTime(new DataView(digits.buffer, digits.byteOffset, digits.length), 0, digits.length - 4, to)
      const text = to.bytes.toString('utf8', 0, to.length)
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
      const seconds = BigInt(Date.parse(`${text.slice(0, 19)}Z`)) / 1000n
      expect(seconds * 1_000_000_000n + BigInt(text.slice(20, 29))).toBe(ns)
    }),
  )
})

it('an id is 22 digits of base64url, the same for the same message, and another for any other', () => {
  const idOf = (source: EventSource, position: number) => {
    const to = new ByteBuffer(64)
    source.appendId(position, to)
    return to.bytes.toString('latin1', 0, to.length)
  }
  fc.assert(
    fc.property(fc.uniqueArray(fc.maxSafeNat(), { minLength: 1, maxLength: 20 }), fc.string(), (positions, topic) => {
      const [source, again, other] = [new EventSource(topic, 0), new EventSource(topic, 0), new EventSource(topic, 1)]
      const ids = positions.flatMap((position) => [idOf(source, position), idOf(other, position)])
      for (const id of ids) expect(Buffer.from(id, 'base64url').toString('base64url')).toBe(id)
      for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
      expect(new Set(ids).size).toBe(ids.length)
      for (const position of positions.toReversed()) expect(idOf(again, position)).toBe(idOf(source, position))
    }),
  )
})
