import type { Position } from '../positions/positions-file.ts'
import type { LogReader, OpenLine } from './log-reader.ts'

type Read = ReturnType<LogReader['push']>

/**
 * A line that the engine's log has, and that a stream of it has to give. An engine that cannot read a part of its file may pass over all that is behind
 * it, without a word, to what is written now: then a later line of its stream comes first.
 */
export class Witness {
  #line: OpenLine | undefined

  /** `newest`: of the log, when the stream had been opened. It tells nothing where it was read before. */
  constructor(newest: OpenLine | undefined, position: Position | undefined) {
    const readToNs = newest && position?.[newest.stream]?.timeNs
    if (newest !== undefined && (readToNs === undefined || newest.timeNs > readToNs)) this.#line = newest
  }

  /** How many of these lines, from the first on, come before one that shows that lines are missing. */
  before(read: Read): number {
    const witness = this.#line
    if (witness === undefined) return read.length
    const at = read.findIndex((line) => !('problem' in line) && line.stream === witness.stream && line.timeNs >= witness.timeNs)
    if (at < 0) return read.length
    this.#line = undefined
    const found = read[at] as OpenLine
    return found.timeNs === witness.timeNs ? read.length : at
  }
}
