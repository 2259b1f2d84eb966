import { mkdir, rename } from 'node:fs/promises'
import type { Logger } from 'pino'
import { errorText } from '../../../lib/error-text.ts'
import { GaveUp } from '../../../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import {
  DamagedPositions,
  loadPositions,
  type Position,
  type Positions,
  positionsFile,
  positionsText,
  savePositions,
} from './positions-file.ts'

/** The positions of all containers' logs, kept from one life of the process to the next. Without a folder they are forgotten. */
export class StateFile {
  readonly #folder: string | undefined
  readonly #log: LimitedLog
  readonly #positions = new Map<string, Position>()
  /** Undefined until it is known what was there before: nothing may replace that. */
  #saved: string | undefined
  #saving: Promise<void> = Promise.resolve()
  /** When positions were written last, as of `Date.now()`; 0 is never. */
  savedMs = 0
  failures = 0
  /** Why the latest positions are not on the disk; undefined where they are. */
  problem: string | undefined

  constructor(folder: string | undefined, log: Logger) {
    this.#folder = folder
    this.#log = limitedLog(log)
  }

  /**
   * What makes no sense is set aside, and all logs are read from their first lines: they come again with the same ids, and none is lost. Throws {@link GaveUp} where
   * a file cannot be read at all, or there cannot be one: then none could be kept either.
   */
  async load(): Promise<void> {
    if (this.#folder === undefined) return
    try {
      await mkdir(this.#folder, { recursive: true })
      for (const [id, position] of await this.#load()) this.#positions.set(id, position)
      this.#saved = positionsText(this.#positions)
    } catch (error) {
      throw new GaveUp(
        `cannot read the positions of containers' logs in ${this.#folder}: ${errorText(error)}. Is CFMR_STATE a folder that this process may read and write?`,
        { cause: error },
      )
    }
  }

  async #load(): Promise<Positions> {
    try {
      return await loadPositions(this.#file)
    } catch (error) {
      if (!(error instanceof DamagedPositions)) throw error
      const aside = `${this.#file}.damaged`
      await rename(this.#file, aside)
      const message =
        'Docker: the saved positions of logs are damaged, and set aside: all logs are read again from their first lines, with the same event.id. Nothing is lost'
      this.#log.error('damaged', { error, aside }, message)
      return new Map()
    }
  }

  get isKept(): boolean {
    return this.#folder !== undefined
  }

  get ids(): readonly string[] {
    return [...this.#positions.keys()]
  }

  positionOf(id: string): Position | undefined {
    return this.#positions.get(id)
  }

  set(id: string, position: Position | undefined): void {
    if (position !== undefined) this.#positions.set(id, position)
  }

  forget(id: string): void {
    this.#positions.delete(id)
  }

  /** Resolves once all positions are on the disk, or could not be written, which is said: then the old ones are. */
  save(): Promise<void> {
    if (this.#folder !== undefined) this.#saving = this.#saving.then(() => this.#save())
    return this.#saving
  }

  get #file(): string {
    return positionsFile(this.#folder ?? '')
  }

  async #save(): Promise<void> {
    const text = positionsText(this.#positions)
    if (this.#saved === undefined || text === this.#saved) return
    try {
      await savePositions(this.#file, this.#positions)
      this.#saved = text
      this.savedMs = Date.now()
      this.problem = undefined
    } catch (error) {
      this.failures++
      this.problem = errorText(error)
      const message =
        'Docker: the positions of logs cannot be saved: after a restart lines come again, with the same event.id. Nothing is lost'
      this.#log.warn('state', { error }, message)
    }
  }
}
