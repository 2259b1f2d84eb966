import type { App } from '../../cloud-foundry/app.ts'
import { type AppEvent, USAGE_METRICS } from '../../cloud-foundry/app-event.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { formatFloat } from '../../lib/float.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import { appendInstanceIndex, LONGEST_FIELD_KEY_BYTES, seriesKeyProblem } from './series-key.ts'

export const INSTANCE_MEASUREMENT = snippet('instance')
const CPU = snippet(' cpu=')
const DISK = snippet('disk=')
const DISK_PCT = snippet('i,disk_pct=')
const DISK_QUOTA = snippet('i,disk_quota=')
const NEXT_DISK_QUOTA = snippet(',disk_quota=')
const MEMORY = snippet('i,memory=')
const MEMORY_PCT = snippet('i,memory_pct=')
const MEMORY_QUOTA = snippet('i,memory_quota=')
const NEXT_MEMORY_QUOTA = snippet(',memory_quota=')

const USAGE_FIELDS = USAGE_METRICS.map((name) => snippet(`${name}=`))
const END_OF_FIELDS = snippet('i ')

const SPACE = 0x20
const COMMA = 0x2c

/** More than a span's field has beside it. */
const ROOM_BYTES = 1024

/** What an instance uses, up to its timestamp. Returns why InfluxDB could never take it. */
export function appendContainer(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view } = event
  const start = lines.length
  lines.appendSnippet(INSTANCE_MEASUREMENT)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.container)
  if (event.cpu < event.cpuEnd) {
    lines.appendSnippet(CPU)
    lines.appendSpan(view, event.cpu, event.cpuEnd)
    lines.appendByte(COMMA)
  } else {
    lines.appendByte(SPACE)
  }
  lines.appendSnippet(DISK)
  lines.appendSpan(view, event.disk, event.diskEnd)
  const diskRatio = event.diskBytes / event.diskQuotaBytes
  if (Number.isFinite(diskRatio)) {
    lines.appendSnippet(DISK_PCT)
    lines.appendAscii(formatFloat(diskRatio))
    lines.appendSnippet(NEXT_DISK_QUOTA)
  } else {
    lines.appendSnippet(DISK_QUOTA)
  }
  lines.appendSpan(view, event.diskQuota, event.diskQuotaEnd)
  lines.appendSnippet(MEMORY)
  lines.appendSpan(view, event.memory, event.memoryEnd)
  const memoryRatio = event.memoryBytes / event.memoryQuotaBytes
  if (Number.isFinite(memoryRatio)) {
    lines.appendSnippet(MEMORY_PCT)
    lines.appendAscii(formatFloat(memoryRatio))
    lines.appendSnippet(NEXT_MEMORY_QUOTA)
  } else {
    lines.appendSnippet(MEMORY_QUOTA)
  }
  lines.appendSpan(view, event.memoryQuota, event.memoryQuotaEnd)
  lines.appendSnippet(END_OF_FIELDS)
  return problem
}

/** The same of what Loggregator V2 alone tells. */
export function appendUsage(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view, usage } = event
  const start = lines.length
  lines.appendSnippet(INSTANCE_MEASUREMENT)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.usage)
  let separator = SPACE
  for (let i = 0; i < USAGE_FIELDS.length; i++) {
    const from = usage[2 * i] as number
    const end = usage[2 * i + 1] as number
    if (from >= end) continue
    lines.reserve(end - from + ROOM_BYTES)
    lines.appendByte(separator)
    lines.appendSnippet(USAGE_FIELDS[i] as Snippet)
    lines.appendSpan(view, from, end)
    separator = COMMA
  }
  lines.appendByte(SPACE)
  return problem
}
