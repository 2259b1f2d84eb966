import { ByteBuffer } from '../../lib/byte-buffer.ts'
import { decimal } from './decimal.ts'
import { COUNT, GAUGE, type Group, SampleGroups, SampleReader, TIME, totalOf } from './samples.ts'

const COLON = 0x3a
const MINUS = 0x2d
const NEWLINE = 0x0a
const LETTER_E = 0x65
const LOWER_CASE = 0x20

/** Lines together in packets, each at most `mtu` bytes; a longer line is one of its own. */
class Packets {
  readonly all: Buffer[] = []
  readonly #mtu: number
  readonly #open: ByteBuffer
  /** A line's text is appended here, then {@link Packets.end} ends it. */
  readonly line = new ByteBuffer(1024)

  constructor(mtu: number) {
    this.#mtu = mtu
    this.#open = new ByteBuffer(mtu)
  }

  end(): void {
    const { line } = this
    if (this.#open.length > 0 && this.#open.length + 1 + line.length > this.#mtu) this.#close()
    this.#open.reserve(line.length + 1)
    if (this.#open.length > 0) this.#open.appendByte(NEWLINE)
    line.bytes.copy(this.#open.bytes, this.#open.length, 0, line.length)
    this.#open.length += line.length
    line.length = 0
  }

  done(): readonly Buffer[] {
    if (this.#open.length > 0) this.#close()
    return this.all
  }

  #close(): void {
    this.all.push(Buffer.from(this.#open.bytes.subarray(0, this.#open.length)))
    this.#open.length = 0
  }
}

/**
 * Adds up the samples of a batch to lines of StatsD's, in packets of at most `mtu` bytes: counts with equal names are one line, of gauges the latest
 * stays, each time is a line.
 */
export function statsdPackets(bytes: Buffer, mtu: number): readonly Buffer[] {
  const packets = new Packets(mtu)
  const groups = new SampleGroups()
  const sample = new SampleReader(bytes)
  while (sample.next()) {
    if (sample.type !== TIME) groups.add(sample)
    else {
      appendLine(packets.line, bytes, sample, '|ms')
      packets.end()
    }
  }
  for (const group of groups.all) {
    if (group.type !== COUNT) continue
    appendLine(packets.line, bytes, group, '|c', String(totalOf(group)))
    packets.end()
  }
  for (const group of groups.all) {
    if (group.type !== GAUGE) continue
    if (bytes[group.value] === MINUS) {
      // Most daemons take a sign for a change, and from zero on a change is the same as the value. Both lines go in one packet.
      appendLine(packets.line, bytes, group, '|g', '0')
      packets.line.appendByte(NEWLINE)
    }
    appendLine(packets.line, bytes, group, '|g')
    packets.end()
  }
  return packets.done()
}

type Span = Pick<Group, 'name' | 'nameEnd' | 'end' | 'value' | 'valueEnd'>

/** Appends `NAME:VALUE|TYPE` and the tags; the value is the sample's own unless another is given. */
function appendLine(line: ByteBuffer, bytes: Buffer, { name, nameEnd, end, value, valueEnd }: Span, type: string, other?: string): void {
  const hasExponent = other === undefined && isWithExponent(bytes, value, valueEnd)
  const text = hasExponent ? decimal(bytes.toString('latin1', value, valueEnd)) : other
  line.reserve(end - name + (text?.length ?? valueEnd - value) + 8)
  appendBytes(line, bytes, name, nameEnd)
  line.appendByte(COLON)
  if (text === undefined) appendBytes(line, bytes, value, valueEnd)
  else line.appendAscii(text)
  line.appendAscii(type)
  appendBytes(line, bytes, nameEnd + 1, end)
}

function appendBytes(line: ByteBuffer, bytes: Buffer, start: number, end: number): void {
  bytes.copy(line.bytes, line.length, start, end)
  line.length += end - start
}

function isWithExponent(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (((bytes[at] as number) | LOWER_CASE) === LETTER_E) return true
  return false
}

/** Lines in packets of at most `mtu` bytes. */
export function packed(lines: Iterable<string>, mtu: number): readonly Buffer[] {
  const packets = new Packets(mtu)
  for (const text of lines) {
    packets.line.reserve(text.length)
    packets.line.appendAscii(text)
    packets.end()
  }
  return packets.done()
}
