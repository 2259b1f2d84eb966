import { decimal } from './decimal.ts'
import { type Sample, samplesOf } from './samples.ts'

/** What was said of one name in an interval. */
interface Sum {
  readonly sample: Sample
  /** Counts: the sum. */
  total: bigint
}

export interface LineOptions {
  /** Whether a sign makes a change of a gauge's value, as in StatsD and Telegraf. */
  readonly signsChange: boolean
}

/**
 * Adds up the samples of a batch to lines of StatsD's: counts with equal names are one line, of gauges the latest stays, each time is
 * a line.
 */
export function statsdLines(text: string, { signsChange }: LineOptions): string[] {
  const counts = new Map<string, Sum>()
  const gauges = new Map<string, Sample>()
  const lines: string[] = []
  for (const sample of samplesOf(text)) {
    const { type, time, value, name, tags } = sample
    const key = `${name} ${tags}`
    if (type === 'ms') lines.push(lineOf(sample, value))
    else if (type === 'c') {
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { sample, total: BigInt(value) })
      else known.total += BigInt(value)
    } else {
      const known = gauges.get(key)
      if (known === undefined || BigInt(known.time) <= BigInt(time)) gauges.set(key, sample)
    }
  }
  for (const { sample, total } of counts.values()) lines.push(lineOf(sample, String(total)))
  for (const sample of gauges.values()) {
    // From zero on a change is the same as the value. Both lines go in one packet.
    const line = lineOf(sample, sample.value)
    lines.push(signsChange && sample.value.startsWith('-') ? `${lineOf(sample, '0')}\n${line}` : line)
  }
  return lines
}

function lineOf({ name, type, tags }: Sample, value: string): string {
  return `${name}:${decimal(value)}|${type}${tags}`
}

/** Lines together in packets, each at most `mtu` bytes; a longer line is one of its own. */
export function packed(lines: readonly string[], mtu: number): Buffer[] {
  const packets: Buffer[] = []
  let open: string[] = []
  let size = 0
  for (const line of lines) {
    const bytes = Buffer.byteLength(line)
    if (open.length > 0 && size + 1 + bytes > mtu) {
      packets.push(Buffer.from(open.join('\n')))
      open = []
      size = 0
    }
    size += bytes + (open.length > 0 ? 1 : 0)
    open.push(line)
  }
  if (open.length > 0) packets.push(Buffer.from(open.join('\n')))
  return packets
}
