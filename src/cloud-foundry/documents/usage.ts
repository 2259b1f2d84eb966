import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { formatFloat } from '../../lib/float.ts'
import { snippet } from '../../lib/words.ts'
import { type AppEvent, USAGE_METRICS } from '../app-event.ts'

const CONTAINER_OBJECT = snippet(',"container":{')
const CPU = snippet('"cpu":{"pct":')
const END_OF_CPU = snippet('},')
const MEMORY = snippet('"memory":{"bytes":')
const QUOTA = snippet(',"quota":{"bytes":')
const DISK = snippet('}},"disk":{"bytes":')
const END_OF_CONTAINER = snippet('}}}}')

const USAGE_KEYS = USAGE_METRICS.map((name) => snippet(`"${name}":`))
const END_OF_USAGE = snippet('}}')
const COMMA = 0x2c
/** More than a key. */
const ROOM_BYTES = 1024

/** Appends what an instance uses, and closes `cloudfoundry`. */
export function appendContainer(event: AppEvent, to: ByteBuffer): void {
  const { view, bytes } = event
  to.appendSnippet(CONTAINER_OBJECT)
  if (event.cpu < event.cpuEnd) {
    const percent = Number(
      Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + event.cpu, event.cpuEnd - event.cpu).toString('latin1'),
    )
    to.appendSnippet(CPU)
    to.appendAscii(formatFloat(percent / 100))
    to.appendSnippet(END_OF_CPU)
  }
  to.appendSnippet(MEMORY)
  to.appendSpan(view, event.memory, event.memoryEnd)
  to.appendSnippet(QUOTA)
  to.appendSpan(view, event.memoryQuota, event.memoryQuotaEnd)
  to.appendSnippet(DISK)
  to.appendSpan(view, event.disk, event.diskEnd)
  to.appendSnippet(QUOTA)
  to.appendSpan(view, event.diskQuota, event.diskQuotaEnd)
  to.appendSnippet(END_OF_CONTAINER)
}

/** Appends what only Loggregator V2 tells, under the platform's own names and in its units, and closes `cloudfoundry`. */
export function appendUsage({ view, usage }: AppEvent, to: ByteBuffer): void {
  to.appendSnippet(CONTAINER_OBJECT)
  let isFirst = true
  for (let i = 0; i < USAGE_KEYS.length; i++) {
    const start = usage[2 * i] as number
    const end = usage[2 * i + 1] as number
    if (start >= end) continue
    to.reserve(end - start + ROOM_BYTES)
    if (!isFirst) to.appendByte(COMMA)
    to.appendSnippet(USAGE_KEYS[i] as (typeof USAGE_KEYS)[number])
    to.appendSpan(view, start, end)
    isFirst = false
  }
  to.appendSnippet(END_OF_USAGE)
}
