import { History } from '../../../../src/debug/page/history.ts'
import { Stats, type StatsSnapshot } from '../../../../src/debug/stats.ts'
import { quietSources } from '../sources.ts'

type Changes<T> = { readonly [K in keyof T]?: T[K] extends readonly unknown[] | null ? T[K] : T[K] extends object ? Changes<T[K]> : T[K] }

export const startMs = Date.parse('2026-01-02T03:04:05.000Z')

/** What a worker says `uptimeSeconds` after it was started at {@link startMs}, as process 1, unless it is told otherwise. */
export function figuresOf(uptimeSeconds: number, changes: Changes<StatsSnapshot> = {}): StatsSnapshot {
  const quiet = new Stats(quietSources().sources).snapshot()
  return merged(quiet, {
    uptime_seconds: uptimeSeconds,
    ...changes,
    runtime: { pid: 1, time: new Date(startMs + uptimeSeconds * 1000).toISOString(), ...changes.runtime },
  })
}

/** Answers that came a second apart, the first one a second after the start. */
export function historyOf(answers: readonly Changes<StatsSnapshot>[]): History {
  const history = new History()
  answers.forEach((changes, i) => {
    history.add(figuresOf(i + 1, changes), startMs + (i + 1) * 1000)
  })
  return history
}

function merged<T>(base: T, changes: Changes<T>): T {
  const entries = Object.entries(changes).map(([key, change]) => {
    const before = base[key as keyof T]
    const isPart = typeof before === 'object' && before !== null && !Array.isArray(before)
    return [key, isPart ? merged(before, change as Changes<typeof before>) : change]
  })
  return { ...base, ...Object.fromEntries(entries) }
}
