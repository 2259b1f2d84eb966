/** The load's envelopes have a millisecond each, from this one on. */
const FIRST_MS = 1_700_000_000_000

/** The second output of the drill: documents that instances write to stdout, told apart by the time of their envelope. */
export class DocumentCounter {
  #seen = new Uint8Array(1 << 20)
  /** Different documents. */
  unique = 0
  /** Those that came again. */
  repeated = 0

  /** Half a line is all that may be left of one by a process that was killed. */
  readonly onOutput = (line: string): void => {
    const time = /^\{"@timestamp":"([^"]*)".*\}\}$/.exec(line)?.[1]
    if (time === undefined) return
    const number = Date.parse(time) - FIRST_MS
    if (number >> 3 >= this.#seen.length) this.#grow(number >> 3)
    const bit = 1 << (number & 7)
    const byte = this.#seen[number >> 3] as number
    if ((byte & bit) !== 0) this.repeated++
    else {
      this.#seen[number >> 3] = byte | bit
      this.unique++
    }
  }

  #grow(index: number): void {
    const larger = new Uint8Array(2 * Math.max(index, this.#seen.length))
    larger.set(this.#seen)
    this.#seen = larger
  }
}
