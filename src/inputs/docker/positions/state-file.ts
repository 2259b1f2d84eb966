import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { errorText } from '../../../lib/error-text.ts'
import { GaveUp } from '../../../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import { loadPositions, type Position, positionsText, savePositions } from './positions-file.ts'

const NAME = 'docker.json'

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

  /** Throws {@link GaveUp} where there is a file that cannot be read: to begin anew could lose lines, and read all others again. */
  async load(): Promise<void> {
    if (this.#folder === undefined) return
    try {
      await mkdir(this.#folder, { recursive: true })
      for (const [id, position] of await loadPositions(this.#file)) this.#positions.set(id, position)
      this.#saved = positionsText(this.#positions)
    } catch (error) {
      throw new GaveUp(`cannot read the positions of containers' logs (CFMR_STATE): ${errorText(error)}`, { cause: error })
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
    return join(this.#folder ?? '', NAME)
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
