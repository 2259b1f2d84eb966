/** What was said of one name in an interval. */
interface Sum {
  /** Counts: the sum. Gauges: the last by event time. */
  value: string
  total: number
  time: bigint
}

/**
 * Adds up the samples of `SampleEncoder`, and packs them into packets of StatsD lines, each at most `mtu` bytes; a longer line is one of its own.
 * Counts with equal names are one line, of gauges the latest stays, each time is a line.
 */
export function packetsOf(samples: string, mtu: number): Buffer[] {
  const counts = new Map<string, Sum>()
  const gauges = new Map<string, Sum>()
  const lines: string[] = []
  for (const sample of samples.split('\n')) {
    if (sample === '') continue
    const [type = '', time = '', value = '', name = ''] = sample.split(' ', 4)
    const tags = sample.slice(type.length + time.length + value.length + name.length + 4)
    if (type === 'ms') lines.push(`${name}:${value}|ms${tags}`)
    else if (type === 'c') {
      const known = counts.get(`${name} ${tags}`)
      if (known === undefined) counts.set(`${name} ${tags}`, { value, total: Number(value), time: 0n })
      else known.total += Number(value)
    } else {
      const known = gauges.get(`${name} ${tags}`)
      const at = BigInt(time)
      if (known === undefined || known.time <= at) gauges.set(`${name} ${tags}`, { value, total: 0, time: at })
    }
  }
  for (const [key, { total }] of counts) lines.push(lineOf(key, String(total), 'c'))
  for (const [key, { value }] of gauges) lines.push(gaugeOf(key, value))
  return packed(lines, mtu)
}

function lineOf(key: string, value: string, type: string): string {
  const space = key.indexOf(' ')
  return `${key.slice(0, space)}:${value}|${type}${key.slice(space + 1)}`
}

/** A sign makes a change of what is no change: from zero on it is the same. Both lines in one packet. */
function gaugeOf(key: string, value: string): string {
  const line = lineOf(key, value, 'g')
  return value.startsWith('-') ? `${lineOf(key, '0', 'g')}\n${line}` : line
}

function packed(lines: readonly string[], mtu: number): Buffer[] {
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
