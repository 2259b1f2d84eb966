import type { Logger } from 'pino'
import { Run } from '../../../flow/run.ts'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { LogSource, type NumberedLine } from '../container-source.ts'
import type { Engine } from '../engine/engine.ts'
import type { Gaps } from '../gaps.ts'
import type { Container } from '../inventory/container.ts'
import type { Inventory } from '../inventory/inventory.ts'
import { ContainerLog } from '../positions/container-log.ts'
import type { StateFile } from '../positions/state-file.ts'
import { LogFollower } from './log-follower.ts'
import type { LogProgress } from './log-progress.ts'
import { Turns } from './turns.ts'

export interface FollowersOptions {
  readonly engine: Engine
  readonly inventory: Inventory
  readonly state: StateFile
  readonly gaps: Gaps
  readonly log: Logger
  /** Bytes of a line that are kept. */
  readonly maxLineBytes: number
  /** Of containers that were there before: from now on. */
  readonly isFromNow: boolean
  readonly isFull: () => boolean
  /** Resolves when there may be room for more lines, or `stop` aborts. */
  readonly room: (stop: AbortSignal) => Promise<void>
  /** Lines that were handed over, as messages. */
  readonly deliver: (source: LogSource, messages: readonly LineMessage[], run: Run) => void
}

interface LineMessage {
  readonly value: Buffer
  readonly offset: number
}

interface Followed {
  readonly container: Container
  readonly containerLog: ContainerLog
  readonly follower: LogFollower
}

/** So many logs of containers that do not run are read at a time: a host may have thousands of them. */
const MOST_ENDED = 16

/** All logs that are read, and how far. */
export class Followers {
  readonly #options: FollowersOptions
  readonly #log: LimitedLog
  readonly #followed = new Map<string, Followed>()
  readonly #turns = new Turns(MOST_ENDED)

  constructor(options: FollowersOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
  }

  /** How it stands with each log that is read, or whose lines are not all settled. */
  get progress(): ReadonlyMap<Container, LogProgress> {
    return new Map([...this.#followed.values()].map(({ container, follower }) => [container, follower.progress]))
  }

  /** Reads the log of a container that was inspected, if it is chosen, until `stop` aborts or the engine has it no more. */
  follow(container: Container, stop: AbortSignal): void {
    if (container.description?.selected.logs !== true || this.#followed.has(container.id) || stop.aborted) return
    const { engine, inventory, state, gaps, maxLineBytes, isFromNow, room } = this.#options
    const containerLog = new ContainerLog(container.id, state.positionOf(container.id))
    const follower = new LogFollower({
      engine,
      inventory,
      container,
      containerLog,
      gaps,
      turns: this.#turns,
      maxBytes: maxLineBytes,
      fromNow: isFromNow && container.isOld,
      room,
      deliver: (lines) => this.#deliver(container, containerLog, lines),
      cutShort: (error) => this.#cutShort(container, error),
    })
    this.#followed.set(container.id, { container, containerLog, follower })
    void follower.run(stop)
  }

  /** Has all of them look whether they are to stop. */
  wake(): void {
    for (const { container } of this.#followed.values()) container.changed.ring()
  }

  /** Tells the state how far each log is settled, and forgets what the engine has no more, once it is known what it has. */
  savePositions(isListed: boolean): Promise<void> {
    const { state, inventory } = this.#options
    for (const [id, { container, containerLog }] of this.#followed) {
      state.set(id, containerLog.settled)
      if (container.isGone && containerLog.unsettled === 0) this.#followed.delete(id)
    }
    if (isListed) for (const id of state.ids) if (!inventory.containers.has(id) && !this.#followed.has(id)) state.forget(id)
    return state.save()
  }

  /** Lines that are not settled, and those of them that come again: with those that are settled behind one that is not. What the engine has no more does not. */
  get left(): { readonly unsettled: number; readonly repeated: number; readonly lost: number } {
    const left = { unsettled: 0, repeated: 0, lost: 0 }
    for (const { container, containerLog } of this.#followed.values()) {
      const { unsettled, repeats } = containerLog
      left.unsettled += unsettled
      if (container.isGone || !this.#options.state.isKept) left.lost += unsettled
      else left.repeated += repeats
    }
    return left
  }

  #cutShort({ label }: Container, error: string | undefined): void {
    this.#log.warn(
      'cut short',
      { container: label, ...(error !== undefined && { error }) },
      'Docker: streams of a log end at once, though its container runs: something between cuts them. They are opened again; nothing is lost',
    )
  }

  #deliver(container: Container, containerLog: ContainerLog, lines: readonly NumberedLine[]): boolean {
    const { isFull, deliver } = this.#options
    if (isFull()) return false
    const { next } = containerLog
    const source = new LogSource(container, containerLog.ids, next, lines)
    const messages = lines.map(({ line }, index) => ({ value: line.bytes, offset: next + index }))
    const run = new Run(messages, next + messages.length, steadyNowMs())
    containerLog.add(run, source)
    deliver(source, messages, run)
    return true
  }
}
