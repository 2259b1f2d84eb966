import fc from 'fast-check'
import { expect, it } from 'vitest'
import { logReader } from '../../src/inputs/docker/logs/log-reader.ts'

const PART_BYTES = 64
const options = { isTerminal: false, maxBytes: 1000, partsShareTime: true, partBytes: [PART_BYTES, 1000] }

const written = fc.array(
  fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    text: fc.string({ unit: fc.constantFrom('a', '€', ' ', '\r', '\0', '2026-11-26T11:16:47Z '), maxLength: 120 }),
  }),
  { maxLength: 12 },
)
const cuts = fc.array(fc.nat(3000), { maxLength: 8 })

const timeOf = (line: number) => `2026-11-26T11:16:${String(line).padStart(2, '0')}.000000001Z`
const nsOf = (line: number) => BigInt(Date.parse(`2026-11-26T11:16:${String(line).padStart(2, '0')}Z`)) * 1_000_000n + 1n

/** As the engine cuts a line: all parts with the time of the first, LF behind the last. */
function recordsOf(text: string, line: number, end: string): Buffer[] {
  const bytes = Buffer.from(text + end)
  const parts = Array.from({ length: Math.max(1, Math.ceil(bytes.length / PART_BYTES)) }, (_, i) =>
    bytes.subarray(i * PART_BYTES, (i + 1) * PART_BYTES),
  )
  return parts.map((part) => Buffer.concat([Buffer.from(`${timeOf(line)} `), part]))
}

function frameOf(type: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

function chunksOf(bytes: Buffer, ends: readonly number[]): Buffer[] {
  const sorted = [...ends.filter((end) => end < bytes.length).sort((a, b) => a - b), bytes.length]
  return sorted.map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end))
}

const expectedOf = (lines: readonly { stream: string; text: string }[]) =>
  lines.map(({ stream, text }, line) => ({ stream, timeNs: nsOf(line), sizeBytes: Buffer.byteLength(text), text }))

function read(bytes: Buffer, ends: readonly number[], isTerminal: boolean) {
  const reader = logReader({ ...options, isTerminal })
  const lines = chunksOf(bytes, ends).flatMap((chunk) => reader.push(chunk))
  return [...lines, ...reader.end()].map((line) => {
    if ('problem' in line) throw new Error(line.problem)
    return { stream: line.stream, timeNs: line.timeNs, sizeBytes: line.sizeBytes, text: line.bytes.toString() }
  })
}

it('finds the lines that were written, byte for byte, wherever the engine cut them and the stream', () => {
  fc.assert(
    fc.property(written, cuts, (lines, ends) => {
      const frames = lines.flatMap(({ stream, text }, line) =>
        recordsOf(text, line, '\n').map((record) => frameOf(stream === 'stdout' ? 1 : 2, record)),
      )
      expect(read(Buffer.concat(frames), ends, false)).toEqual(expectedOf(lines))
    }),
  )
})

it('finds the lines of a terminal without the times that the engine puts in the middle of long ones', () => {
  fc.assert(
    fc.property(written, cuts, (lines, ends) => {
      const records = lines.flatMap(({ text }, line) => recordsOf(text, line, '\r\n'))
      const expected = expectedOf(lines.map(({ text }) => ({ stream: 'stdout', text })))
      expect(read(Buffer.concat(records), ends, true)).toEqual(expected)
    }),
  )
})

it('keeps the time of a line where the line itself says it, but where a part ends', () => {
  const time = `${timeOf(1)} `
  const text = `${'a'.repeat(PART_BYTES - 10)}${time}${'b'.repeat(10)}${time}`
  const bytes = Buffer.concat(recordsOf(text, 1, '\r\n'))
  fc.assert(
    fc.property(cuts, (ends) => {
      expect(read(bytes, ends, true).map((line) => line.text)).toEqual([text])
    }),
  )
})

it('makes no line of what the stream was cut in', () => {
  const whole = frameOf(1, Buffer.from(`${timeOf(1)} whole\n`))
  const begun = frameOf(1, Buffer.from(`${timeOf(2)} begun, `))
  const frame = frameOf(1, Buffer.from(`${timeOf(2)} ended\n`))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: frame.length - 1 }), (end) => {
      const lines = read(Buffer.concat([whole, begun, frame.subarray(0, end)]), [], false)
      expect(lines.map(({ text }) => text)).toEqual(['whole'])
    }),
  )
})
