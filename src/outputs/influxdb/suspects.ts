import { escape as lineProtocol } from '@influxdata/influxdb-client'
import type { Records } from '../../flow/contracts.ts'
import { droppedCount } from './answer.ts'
import { lineText } from './named-lines.ts'

/**
 * Which of the lines sent an answer of 1.x or 2.x may speak of, where it names a measurement, a tag or a time and no line.
 * Never proof, but it saves most of the writes in the cases that come a thousandfold: a whole measurement whose field another
 * program has made a string, a backlog older than the retention policy, an app too many for max-values-per-tag.
 * Undefined where the text gives no hint.
 */
export function suspects(reason: string, sent: Records): ((line: number) => boolean) | undefined {
  const conflict = /input field "(.*?)" on measurement "(.*?)" is type/.exec(reason)
  if (conflict !== null) {
    const [, field = '', measurement = ''] = conflict
    return holding(sent, measurement, [` ${lineProtocol.tag(field)}=`, `,${lineProtocol.tag(field)}=`])
  }
  const limit = /measurement=("(?:[^"\\]|\\.)*") tag=("(?:[^"\\]|\\.)*") value=("(?:[^"\\]|\\.)*")/.exec(reason)
  if (limit !== null) {
    const [measurement, tag, value] = limit.slice(1).map(unquoted)
    if (measurement === undefined || tag === undefined || value === undefined) return undefined
    const pair = `,${lineProtocol.tag(tag)}=${lineProtocol.tag(value)}`
    return holding(sent, measurement, [`${pair},`, `${pair} `])
  }
  const dropped = /(?:beyond|outside) retention policy/.test(reason) ? droppedCount(reason) : undefined
  return dropped === undefined ? undefined : oldest(sent, dropped)
}

/** Whether what is refused is a series, and not a point: an app that is new is refused with all that it has. */
export function isOfSeries(hint: string): boolean {
  return /\bmax-(?:values-per-tag|series-per-database)\b/.test(hint)
}

/** The lines of a batch by app: each time, those of the app of a line, itself included. */
export function kinOf(batch: Records): (line: number) => readonly number[] {
  const byApp = new Map<string, number[]>()
  const apps = Array.from({ length: batch.count }, (_, line) => {
    const text = lineText(batch, line)
    // Without an app it is its series that it shares.
    const app = /,app_guid=((?:\\.|[^, ])*)/.exec(text)?.[1] ?? /^(?:\\.|[^ ])*/.exec(text)?.[0] ?? ''
    const lines = byApp.get(app)
    if (lines === undefined) byApp.set(app, [line])
    else lines.push(line)
    return app
  })
  return (line) => byApp.get(apps[line] as string) ?? []
}

function holding(sent: Records, measurement: string, parts: readonly string[]): (line: number) => boolean {
  const start = `${lineProtocol.measurement(measurement)},`
  return (line) => {
    const text = lineText(sent, line)
    return text.startsWith(start) && parts.some((part) => text.includes(part))
  }
}

/** Doubles are exact enough to tell what is old. */
function oldest(sent: Records, count: number): (line: number) => boolean {
  const times = Float64Array.from({ length: sent.count }, (_, line) => Number(lineText(sent, line).split(' ').at(-1)))
  const newestDropped = times.toSorted()[Math.min(count, sent.count) - 1] ?? Number.NEGATIVE_INFINITY
  return (line) => (times[line] as number) <= newestDropped
}

/** Go's %q, as far as it is JSON. */
function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text))
  } catch {
    return undefined
  }
}
