import { createLog } from '../../src/lib/log.ts'

/** A log whose lines a test can read. */
export function quietLog() {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'DEBUG', destination: { write: (text: string) => void lines.push(JSON.parse(text)) } })
  return { log, lines }
}
