import type { Run } from '../../../flow/run.ts'
import type { LogIds, LogSource } from '../container-source.ts'
import { LineIds } from '../logs/event-id.ts'
import type { Position } from './positions-file.ts'
import type { Cursor } from './resume.ts'

interface Handed {
  readonly run: Run
  readonly source: LogSource
  readonly first: number
}

/** How far a container's log has been handed over, and how far it is settled, in the order in which the engine gives its lines. */
export class ContainerLog {
  #handed: Handed[] = []
  #delivered: Position | undefined
  #settled: Position | undefined
  #end: { readonly run: string; readonly next: number } | undefined
  /** The number of the first line that is not settled, or stands behind one that is not. */
  #settledTo = 0
  /** The number that the next line gets. */
  next = 0

  readonly ids: LogIds

  /** `settled` is from an earlier life of the process. */
  constructor(container: string, settled: Position | undefined) {
    this.ids = { stdout: new LineIds(container, 'stdout'), stderr: new LineIds(container, 'stderr') }
    this.#settled = settled
    this.#delivered = settled
  }

  /** Where to go on reading, in this life of the process. */
  get delivered(): Position | undefined {
    return this.#delivered
  }

  add(run: Run, source: LogSource): void {
    const first = this.next
    this.next = first + run.count
    this.#handed.push({ run, source, first })
    this.#delivered = moved(this.#delivered, source, first, this.next)
  }

  /** All lines of the log have been handed over, and `run`, of which it is, has ended: another life of the process need not look. */
  reached(run: string): void {
    this.#end = { run, next: this.next }
  }

  /** Where another life of the process has to go on: behind the longest run of settled lines. */
  get settled(): Position | undefined {
    let done = 0
    for (const { run, source, first } of this.#handed) {
      const ready = run.ready
      if (ready === undefined) break
      this.#settled = moved(this.#settled, source, first, ready)
      this.#settledTo = ready
      if (!run.isSettled) break
      done++
    }
    if (done > 0) this.#handed.splice(0, done)
    const isAtEnd = this.#end !== undefined && this.#end.next === this.#settledTo
    if (isAtEnd && this.#settled !== undefined) this.#settled = { ...this.#settled, end: this.#end?.run as string }
    return this.#settled
  }

  /** Lines that were handed over and are not settled. */
  get unsettled(): number {
    return this.#handed.reduce((sum, { run }) => sum + run.unsettled, 0)
  }

  /** How many lines come again where reading goes on from {@link settled}, as it was asked for last. */
  get repeats(): number {
    return this.next - this.#settledTo
  }
}

/** The position behind the lines `first` to `end - 1`. */
function moved(from: Position | undefined, source: LogSource, first: number, end: number): Position {
  const cursors = { ...(from?.stdout && { stdout: from.stdout }), ...(from?.stderr && { stderr: from.stderr }) }
  const position: { timeNs: bigint; stdout?: Cursor; stderr?: Cursor } = { timeNs: source.timeNsAt(end - 1), ...cursors }
  const open = new Set(['stdout', 'stderr'])
  for (let at = end - 1; at >= first && open.size > 0; at--) {
    const stream = source.streamAt(at)
    if (open.delete(stream)) position[stream] = { timeNs: source.timeNsAt(at), count: source.ordinalAt(at) + 1 }
  }
  return position
}
