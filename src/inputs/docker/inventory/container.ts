import { Bell } from '../../offsets/bell.ts'
import type { OwnerNames } from './owner-names.ts'
import type { Selected } from './selection.ts'

/** What is known of a container from its inspection. Never changed: a rename makes another. No variable of its environment is kept. */
export interface Description {
  /** Without the slash before it. */
  readonly name: string
  /** As the container was made of it: `nginx:1.25`. */
  readonly image: string
  readonly host: string
  readonly owner: OwnerNames
  readonly labels: Readonly<Record<string, string>>
  readonly isTerminal: boolean
  /** `json-file`, `local`, `journald`… */
  readonly logDriver: string
  readonly selected: Selected
}

export const SHORT_ID = 12

/** A container that the engine has, or had. */
export class Container {
  readonly id: string
  /** Undefined until it is inspected. */
  description: Description | undefined
  /** Why its latest inspection failed, in words; undefined where it did not. */
  problem: string | undefined
  isRunning = false
  /** Which of its runs this is, from 1; 0 where it has not run yet. */
  run = 0
  /** When its run began, as the engine says; undefined where an event has told of a run that no inspection has seen yet. */
  #startedAt: string | undefined = ''
  #lastStartedAt = ''
  /** When its last run began and ended, as the engine says, which tells it from all others; undefined while one is under way, or it is not known. */
  endedRun: string | undefined
  /** Whether the kernel has killed something of its run for memory. */
  hadOom = false
  /** What an event has said of it last. */
  attributes: Readonly<Record<string, string>> = {}
  /** It has run at some time, so that its log may have lines. */
  hasRun = false
  /** It was there before this process looked for the first time. */
  isOld = false
  /** The engine has it no more. */
  isGone = false
  /** Rings when something of it has changed. */
  readonly changed = new Bell()

  constructor(id: string) {
    this.id = id
  }

  /** An event says that a run begins. */
  started(): void {
    this.run++
    this.hasRun = true
    if (this.#startedAt !== undefined) this.#lastStartedAt = this.#startedAt
    this.#startedAt = undefined
    this.isRunning = true
    this.endedRun = undefined
    this.hadOom = false
    this.changed.ring()
  }

  /** An event says that its run has ended. */
  stopped(): void {
    this.hasRun = true
    this.isRunning = false
    this.changed.ring()
  }

  /** An inspection says so: `startedAt` is '' of a container that has not run yet. */
  inspected(isRunning: boolean, startedAt: string, finishedAt: string): void {
    const known = this.#startedAt
    // Made before the run began that an event has told of.
    if (known === undefined && startedAt === this.#lastStartedAt) return
    if (known !== undefined && known !== startedAt) {
      this.run++
      // Seen for the first time, it may have had one since.
      if (known !== '') this.hadOom = false
    }
    this.#startedAt = startedAt
    this.isRunning = isRunning
    this.endedRun = isRunning || startedAt === '' ? undefined : `${startedAt} ${finishedAt}`
    this.changed.ring()
  }

  /** As people see it. */
  get shortId(): string {
    return this.id.slice(0, SHORT_ID)
  }

  /** For logs of ours. */
  get label(): string {
    return this.description?.name || this.shortId
  }
}
