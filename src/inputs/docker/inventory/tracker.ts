import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import { backoffMs } from '../../../lib/backoff.ts'
import { errorText } from '../../../lib/error-text.ts'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import { type LinkedAbort, linkedAbort } from '../../../lib/linked-abort.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { valueAt } from '../../../lib/value-at.ts'
import type { Engine } from '../engine/engine.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import { jsonLines } from '../engine/json-lines.ts'
import type { Gaps } from '../gaps.ts'
import type { Container } from './container.ts'
import { type EngineEvent, engineEventOf, sinceText } from './engine-event.ts'
import { Inspections } from './inspections.ts'
import type { Inventory } from './inventory.ts'

export interface TrackerOptions {
  readonly engine: Engine
  readonly inventory: Inventory
  readonly gaps: Gaps
  readonly log: Logger
  /** How often containers are listed, and how long an event may come after what it tells of. */
  readonly listEveryMs?: number
  readonly lateMs?: number
  /** Called whenever a container has been inspected. */
  readonly described: (container: Container) => void
  /** Called with each event of a container, in the engine's order, once. */
  readonly happened: (event: EngineEvent, container: Container) => void
}

/** An engine, as people tell it from others. */
export interface EngineIdentity {
  /** Of Docker or Podman itself. */
  readonly version: string
  /** Of the API that is spoken with it. */
  readonly apiVersion: string
  readonly isPodman: boolean
}

/** After a break: soon, since what the engine keeps of events is not much. */
const BACKOFF = { initialMs: 200, maxMs: 10_000, jitter: 0.2 }
/** What lasted longer was no failure to reach it. */
const LASTING_MS = 10_000
const LIST_EVERY_MS = 60_000
const LATE_MS = 5000
const ONLY_CONTAINERS = JSON.stringify({ type: ['container'] })

const CANNOT_INSPECT =
  'Docker: a container cannot be inspected, and is asked for again: until then its log and usage are not read, or its names are those of before'

/** Actions after which something else is true of a container than its inspection said. */
const INSPECTED_AFTER = new Set(['create', 'start', 'rename', 'update'])

/** Follows which containers there are: lists them, reads the engine's events, and does both again when the engine was away. */
export class Tracker {
  readonly #options: TrackerOptions
  readonly #inspections: Inspections
  /** By container: what the last list said of it. */
  readonly #listedStates = new Map<string, unknown>()
  #events = 0
  readonly #log: LimitedLog
  #lastEventNs: bigint | undefined
  /** Events of exactly that time, which come again when events are read on from it. */
  #atLastTime = new Set<string>()
  /** The engine has said once which containers it has. */
  hasListed = false
  /** Why the engine is away; undefined where it is there. */
  problem: string | undefined = 'the engine has not been reached yet'
  /** What it has said of itself; undefined before it was reached. */
  engine: EngineIdentity | undefined
  /** Since when it has been there without a break, as of `Date.now()`; 0 where it is away. */
  connectedMs = 0
  #reachedMs = 0
  /** How often it has been reached again after a break. */
  reconnects = 0
  failures = 0
  lastError: string | undefined

  constructor(options: TrackerOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
    this.#inspections = new Inspections({
      inspect: (container, signal) => options.inventory.refresh(container, signal),
      described: options.described,
      failed: (container, error) => {
        container.problem = errorText(error)
        this.#fail(error)
        this.#log.warn('inspect', { container: container.label, error }, CANNOT_INSPECT)
      },
    })
  }

  /** Containers whose inspection is waited for. */
  get inspectionsWaiting(): number {
    return this.#inspections.waiting
  }

  /** Ends when `stop` aborts. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    for (let tries = 0; !stop.aborted; tries++) {
      try {
        await this.#watch(stop)
      } catch (error) {
        if (stop.aborted) return
        const isFirst = this.problem === undefined || this.failures === 0
        // A proxy may let it be reached, and end its events at once, again and again.
        if (this.connectedMs > 0 && steadyNowMs() - this.#reachedMs > LASTING_MS) tries = 0
        this.#fail(error)
        this.problem = errorText(error)
        this.connectedMs = 0
        if (isFirst) this.#log.warn('away', { error }, 'Docker: the engine is away; waiting for it. What it keeps is read then')
      }
      await sleep(backoffMs(tries, BACKOFF), stop)
    }
  }

  /** Reads events until their stream ends, which is a failure. */
  async #watch(stop: AbortSignal): Promise<void> {
    const { engine, inventory, log } = this.#options
    const version = await engine.connect(stop)
    const info = await engine.json('/info', {}, 'ask for its name', stop)
    inventory.host = String(valueAt(info, 'Name') ?? '')
    const isAgain = this.hasListed
    this.engine = { version: String(valueAt(info, 'ServerVersion') ?? ''), apiVersion: version, isPodman: engine.isPodman }
    const since = this.#lastEventNs === undefined ? {} : { since: sinceText(this.#lastEventNs) }
    const link = linkedAbort(stop)
    const either = link.signal
    // Each inspection listens to it.
    setMaxListeners(0, either)
    try {
      const { chunks } = await engine.stream('/events', { filters: ONLY_CONTAINERS, ...since }, 'read events', either)
      await this.#list(either)
      this.#reachedMs = steadyNowMs()
      if (this.problem !== undefined) log.info({ version, containers: inventory.containers.size }, 'Docker: the engine is there')
      this.problem = undefined
      this.connectedMs = Date.now()
      if (isAgain) this.reconnects++
      const listing = this.#listAgain(link)
      await this.#readEvents(chunks)
      link.abort()
      await listing
    } finally {
      link.unlink()
      link.abort()
    }
    if (!stop.aborted) throw new Error(`Docker engine at ${engine.where}: the stream of events has ended`)
  }

  async #readEvents(chunks: AsyncIterable<Buffer>): Promise<void> {
    let before = this.#lastEventNs
    for await (const frame of jsonLines(chunks)) {
      this.#events++
      const event = 'json' in frame ? engineEventOf(frame.json) : undefined
      if (!('json' in frame)) this.#options.gaps.add('damaged', 'events', frame.problem)
      if (event === undefined) continue
      // The last event of before comes again, unless the engine has forgotten it: then it may have forgotten others behind it.
      if (before !== undefined && event.timeNs > before) this.#options.gaps.add('events', 'all')
      before = undefined
      this.#take(event)
    }
  }

  #take(event: EngineEvent): void {
    const { inventory, happened } = this.#options
    const key = `${event.id} ${event.action}`
    if (this.#lastEventNs !== undefined && event.timeNs === this.#lastEventNs && this.#atLastTime.has(key)) return
    if (event.timeNs !== this.#lastEventNs) this.#atLastTime = new Set()
    this.#atLastTime.add(key)
    this.#lastEventNs = event.timeNs
    const container = inventory.container(event.id)
    container.attributes = event.attributes
    if (event.action === 'start') container.started()
    else if (event.action === 'oom') container.hadOom = true
    happened(event, container)
    if (event.action === 'destroy') inventory.forget(container)
    else if (event.action === 'die') container.stopped()
    if (INSPECTED_AFTER.has(event.action) || container.description === undefined) this.#inspections.add(container)
  }

  /** A connection that is dead without having been closed is as quiet as one on which nothing happens: it shows where the list tells of what no event has told. */
  async #listAgain(link: LinkedAbort): Promise<void> {
    const { listEveryMs = LIST_EVERY_MS, lateMs = LATE_MS } = this.#options
    const { signal } = link
    for (;;) {
      await sleep(listEveryMs, signal)
      if (signal.aborted) return
      const before = this.#events
      const isNews = await this.#list(signal).catch((error) => {
        if (!signal.aborted) this.#fail(error)
        return false
      })
      if (!isNews) continue
      await sleep(lateMs, signal)
      if (this.#events === before) link.abort(new Error('the stream of events stands still, though something has happened'))
    }
  }

  /** Finds what events have not told, and resolves to whether there is any. */
  async #list(signal: AbortSignal): Promise<boolean> {
    const { engine, inventory } = this.#options
    const before = [...inventory.containers]
    const listed = await engine.json('/containers/json', { all: true }, 'list containers', signal)
    // Taken for an empty list, it would end the reading of all logs.
    if (!Array.isArray(listed)) throw new EngineFailed(`Docker engine at ${engine.where}: list containers: the answer is no list`)
    const states = new Map(
      listed.flatMap((one) => (isId(valueAt(one, 'Id')) ? [[String(valueAt(one, 'Id')), valueAt(one, 'State')] as const] : [])),
    )
    let isNews = false
    for (const [id, state] of states) {
      const isNew = !inventory.containers.has(id)
      const container = inventory.container(id)
      if (state !== 'created' && state !== 'configured') container.hasRun = true
      if (isNew && !this.hasListed) container.isOld = true
      const isOther = container.isRunning !== (state === 'running' || state === 'paused')
      // Once for each state: an engine may list and inspect a container in different words.
      if ((isNew || isOther) && this.#listedStates.get(id) !== state) isNews = true
      this.#listedStates.set(id, state)
      if (container.description === undefined || isOther) this.#inspections.add(container)
    }
    for (const [id, container] of before) {
      if (states.has(id)) continue
      isNews = true
      this.#listedStates.delete(id)
      inventory.forget(container)
    }
    this.hasListed = true
    this.#inspections.start(signal)
    return isNews
  }

  #fail(error: unknown): void {
    this.failures++
    this.lastError = errorText(error)
  }
}

const isId = (value: unknown) => typeof value === 'string' && /^[0-9a-f]+$/i.test(value)
