import type { Logger } from 'pino'
import { errorText } from './error-text.ts'
import { sleep } from './sleep.ts'

const WINDOW_MS = 60_000
/** So many causes of one key are told apart at a time; all further ones count as one. */
const MAX_CAUSES = 8

type LogFields = Readonly<Record<string, unknown>>

/**
 * Writes a line that may repeat: the first at once, then at most one a minute per key and cause, with the number it stands for.
 * The cause is the line's `error`: whoever mends one must not have to wait a minute to learn that there is another.
 */
export interface LimitedLog {
  /** `key` names what repeats; it comes from a small set (never from what a message holds). */
  warn(key: string, fields: LogFields, message: string): void
  error(key: string, fields: LogFields, message: string): void
  /** Writes what is still held back, at the end of the process. */
  flush(): void
}

export interface LimitedLogOptions {
  /** Whether lines of one key with different causes are told apart. False where the cause is what a message holds: it may be anything. */
  readonly isByCause?: boolean
}

interface Repeating {
  suppressed: number
  latest: (suppressed: number) => void
}

/**
 * The line that stands for others is the latest of them, with `suppressed`: how many there were in that minute besides
 * itself. It comes by itself when the minute is over, whether or not another one follows, so none goes uncounted.
 */
export function limitedLog(log: Logger, { isByCause = true }: LimitedLogOptions = {}): LimitedLog {
  const repeating = new Map<string, Repeating>()
  const causes = new Map<string, Set<string>>()

  function write(ofKey: string, line: (fields: LogFields) => void, fields: LogFields): void {
    const known = causes.get(ofKey) ?? new Set()
    const told = isByCause ? causeOf(fields['error']) : ''
    const cause = known.has(told) || known.size < MAX_CAUSES ? told : 'others'
    const key = `${ofKey} ${cause}`
    const latest = (suppressed: number) => line({ ...fields, suppressed })
    const earlier = repeating.get(key)
    if (earlier !== undefined) {
      earlier.suppressed += 1
      earlier.latest = latest
      return
    }
    line(fields)
    const entry = { suppressed: 0, latest }
    repeating.set(key, entry)
    causes.set(ofKey, known.add(cause))
    void watch(entry).then(() => {
      repeating.delete(key)
      known.delete(cause)
      if (known.size === 0) causes.delete(ofKey)
    })
  }

  async function watch(entry: Repeating): Promise<void> {
    do {
      entry.suppressed = 0
      await sleep(WINDOW_MS, undefined, { unref: true })
    } while (report(entry))
  }

  function report(entry: Repeating): boolean {
    if (entry.suppressed === 0) return false
    entry.latest(entry.suppressed - 1)
    return true
  }

  return {
    warn: (key, fields, message) => write(`warn ${key}`, (all) => log.warn(all, message), fields),
    error: (key, fields, message) => write(`error ${key}`, (all) => log.error(all, message), fields),
    flush() {
      for (const entry of repeating.values()) if (report(entry)) entry.suppressed = 0
    },
  }
}

/** What stays of an error's text where numbers, ids and times differ from one line to the next. A status (three digits) stays. */
function causeOf(error: unknown): string {
  if (error === undefined) return ''
  return errorText(error)
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '#')
    .replace(/\d+([.:,]\d+)*/g, (number) => (number.length === 3 ? number : '#'))
    .slice(0, 300)
}
