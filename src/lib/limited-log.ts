import type { Logger } from 'pino'
import { sleep } from './sleep.ts'

const WINDOW_MS = 60_000

type LogFields = Readonly<Record<string, unknown>>

/** Writes a line that may repeat: the first at once, then at most one a minute per key, with the number it stands for. */
export interface LimitedLog {
  /** `key` names what repeats; it comes from a small set (never from what a message holds). */
  warn(key: string, fields: LogFields, message: string): void
  error(key: string, fields: LogFields, message: string): void
  /** Writes what is still held back, at the end of the process. */
  flush(): void
}

interface Repeating {
  suppressed: number
  latest: (suppressed: number) => void
}

/**
 * The line that stands for others is the latest of them, with `suppressed`: how many there were in that minute besides
 * itself. It comes by itself when the minute is over, whether or not another one follows, so none goes uncounted.
 */
export function limitedLog(log: Logger): LimitedLog {
  const repeating = new Map<string, Repeating>()

  function write(key: string, line: (fields: LogFields) => void, fields: LogFields): void {
    const latest = (suppressed: number) => line({ ...fields, suppressed })
    const known = repeating.get(key)
    if (known !== undefined) {
      known.suppressed += 1
      known.latest = latest
      return
    }
    line(fields)
    const entry = { suppressed: 0, latest }
    repeating.set(key, entry)
    void watch(key, entry)
  }

  async function watch(key: string, entry: Repeating): Promise<void> {
    do {
      entry.suppressed = 0
      await sleep(WINDOW_MS, undefined, { unref: true })
    } while (report(entry))
    repeating.delete(key)
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
