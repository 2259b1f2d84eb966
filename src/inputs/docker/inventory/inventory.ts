import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Engine } from '../engine/engine.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import { Container, type Description } from './container.ts'
import { type DescribeOptions, type Inspection, inspectionOf, undescribed } from './inspection.ts'

export interface InventoryOptions extends DescribeOptions {
  readonly engine: Engine
  /** How long what waits for an inspection waits. */
  readonly timeoutMs: number
  /** Called once with a container that has run, and was gone before it could be inspected: `said` is what its events tell of it. */
  readonly unseen: (container: Container, said: Description) => void
}

const GONE = 404
/** Late events of so many containers that are gone are told from those of one that was never known. */
const MOST_REMEMBERED = 10_000

/** All containers that the engine has, and what it says of them. Each is asked for once, and again when something of it has changed. */
export class Inventory {
  readonly #options: InventoryOptions
  readonly #containers = new Map<string, Container>()
  readonly #asked = new Map<Container, Promise<boolean>>()
  /** Ids of containers that are gone, and were known, or said to be {@link InventoryOptions.unseen}. */
  readonly #gone = new Set<string>()
  /** The engine's own name for its host. */
  host = ''

  constructor(options: InventoryOptions) {
    this.#options = options
  }

  get containers(): ReadonlyMap<string, Container> {
    return this.#containers
  }

  /** The container of that id, known or new. */
  container(id: string): Container {
    let container = this.#containers.get(id)
    if (container === undefined) {
      container = new Container(id)
      this.#containers.set(id, container)
    }
    return container
  }

  /** The engine has it no more; whoever still reads of it has it. */
  forget(container: Container): void {
    if (!container.isGone) this.#remember(container)
    container.isGone = true
    container.isRunning = false
    this.#containers.delete(container.id)
    container.changed.ring()
  }

  /** Asks for a container again. Resolves to whether the engine has it; rejects with an {@link EngineFailed} where it cannot tell. */
  inspect(container: Container, signal: AbortSignal): Promise<boolean> {
    let asked = this.#asked.get(container)
    if (asked === undefined) {
      asked = this.#inspect(container, signal).finally(() => this.#asked.delete(container))
      this.#asked.set(container, asked)
    }
    return asked
  }

  /** Inspects it once more, after whatever was asked before. */
  async refresh(container: Container, signal: AbortSignal): Promise<boolean> {
    await this.#asked.get(container)?.catch(() => {})
    return this.inspect(container, signal)
  }

  /**
   * Resolves to what is known of a container once it is inspected, found to be gone, or not inspected in time: then to what events have said of it, or its id
   * alone. Never rejects.
   */
  async describe(container: Container, signal: AbortSignal): Promise<Description> {
    const untilMs = steadyNowMs() + this.#options.timeoutMs
    while (container.description === undefined && !container.isGone && !signal.aborted) {
      const leftMs = untilMs - steadyNowMs()
      if (leftMs <= 0) break
      await container.changed.wait(leftMs)
    }
    return container.description ?? this.#undescribed(container)
  }

  #remember(container: Container): void {
    const isKnown = container.description !== undefined
    const isUnseen = !isKnown && container.hasRun && !this.#gone.has(container.id)
    if (!isKnown && !isUnseen) return
    this.#gone.add(container.id)
    if (this.#gone.size > MOST_REMEMBERED) this.#gone.delete(this.#gone.values().next().value as string)
    if (isUnseen) this.#options.unseen(container, this.#undescribed(container))
  }

  #undescribed({ id, attributes }: Container): Description {
    return undescribed(id, attributes, this.host, this.#options)
  }

  async #inspect(container: Container, signal: AbortSignal): Promise<boolean> {
    let answer: unknown
    try {
      answer = await this.#options.engine.json(`/containers/${container.id}/json`, {}, `inspect container ${container.shortId}`, signal)
    } catch (error) {
      if (!(error instanceof EngineFailed && error.status === GONE)) throw error
      this.forget(container)
      return false
    }
    const inspection = inspectionOf(answer, this.host, this.#options)
    if (inspection === undefined) throw new EngineFailed(`the inspection of container ${container.shortId} has no Id`)
    this.#take(container, inspection)
    return true
  }

  #take(container: Container, { description, isRunning, startedAt, finishedAt }: Inspection): void {
    container.description = description
    container.problem = undefined
    container.inspected(isRunning, startedAt, finishedAt)
  }
}
