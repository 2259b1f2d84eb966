import { setMaxListeners } from 'node:events'
import type { Delivery, Input, InputStats, Left } from '../../flow/contracts.ts'
import type { Run } from '../../flow/run.ts'
import { RunAck } from '../../flow/run-ack.ts'
import type { Listing } from '../../flow/shown.ts'
import { limitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { Bell } from '../offsets/bell.ts'
import type { ContainerSource } from './container-source.ts'
import type { DockerInputOptions } from './docker-input-options.ts'
import { Flight } from './flight.ts'
import { Gaps } from './gaps.ts'
import type { Container, Description } from './inventory/container.ts'
import { warnOfNothingIncluded } from './inventory/include-warning.ts'
import { Inventory } from './inventory/inventory.ts'
import { Tracker } from './inventory/tracker.ts'
import { Followers } from './logs/followers.ts'
import { DOCKER_METRICS } from './metrics.ts'
import { StateFile } from './positions/state-file.ts'
import { dockerConcerns } from './shown/concerns.ts'
import { containersListing } from './shown/containers.ts'
import { dockerFigures } from './shown/figures.ts'
import { gapsListing } from './shown/gaps.ts'
import { DOCKER_SECTION } from './shown/section.ts'
import { Unasked } from './unasked.ts'
import { Sampler } from './usage/sampler.ts'

const WAIT_MS = 500
/** After this long at a limit without anything settled, reading is paused. */
const PAUSED_AFTER_MS = 5000

/** Everything that a Docker engine says of its containers: lines of their logs, what they use, what happens to them. */
export class DockerInput implements Input, InputStats {
  readonly name = 'docker'
  readonly metrics = DOCKER_METRICS
  readonly section = DOCKER_SECTION
  readonly listings: readonly Listing[]
  readonly figures: () => Readonly<Record<string, unknown>>
  readonly concerns: () => readonly string[]
  readonly acknowledged: boolean
  readonly #options: DockerInputOptions
  readonly #inventory: Inventory
  readonly #tracker: Tracker
  readonly #sampler: Sampler
  readonly #gaps: Gaps
  readonly #state: StateFile
  readonly #settled = new Bell()
  readonly #arrived = new Bell()
  readonly #flight: Flight
  readonly #followers: Followers
  readonly #unasked: Unasked
  readonly #stopping = new AbortController()
  #logs: Delivery[] = []
  #settledSeen = 0
  #flushedMs = 0
  #settledSeenMs = steadyNowMs()

  constructor(options: DockerInputOptions) {
    const { engine, ledger, log, selection } = options
    this.#options = options
    // Each log listens to it.
    setMaxListeners(0, this.#stopping.signal)
    this.acknowledged = options.stateFolder !== undefined && selection.collect.has('logs')
    this.#gaps = new Gaps(log)
    this.#flight = new Flight(ledger, this.#settled)
    this.#inventory = new Inventory({
      ...options,
      timeoutMs: options.inventoryTimeoutMs,
      unseen: ({ shortId }, { name, selected }) => {
        if (selected.logs) this.#gaps.add('removed', name || shortId, 'it was gone before it could be inspected')
      },
    })
    this.#state = new StateFile(options.stateFolder, log)
    this.#followers = new Followers({
      engine,
      inventory: this.#inventory,
      state: this.#state,
      gaps: this.#gaps,
      log,
      maxLineBytes: options.maxLineBytes,
      isFromNow: options.stateFolder === undefined,
      isFull: () => this.#isFull,
      room: (stop) => this.#room(stop),
      deliver: (source, messages, run) => {
        this.#logs.push(this.#handOver(source, messages, run))
        this.#arrived.ring()
      },
    })
    this.#tracker = new Tracker({
      engine,
      inventory: this.#inventory,
      gaps: this.#gaps,
      log,
      described: (container) => this.#followers.follow(container, this.#stopping.signal),
      happened: (event, container) => {
        if (selection.collect.has('events') && container.description?.selected.events !== false) {
          this.#unasked.happened(event, container)
          this.#arrived.ring()
        }
      },
    })
    this.#sampler = new Sampler({
      ...options,
      intervalMs: options.statsIntervalMs,
      containers: () => this.#inventory.containers.values(),
      sampled: (container, usage) => {
        this.#unasked.used(container, usage)
        this.#arrived.ring()
      },
    })
    this.#unasked = new Unasked({
      ...options,
      log: limitedLog(log),
      handOver: (source, messages, run) => this.#handOver(source, messages, run),
    })
    const parts = {
      inventory: this.#inventory,
      tracker: this.#tracker,
      followers: this.#followers,
      sampler: this.#sampler,
      gaps: this.#gaps,
      unasked: this.#unasked,
      state: this.#state,
      engine,
      keepsPositions: options.stateFolder !== undefined,
    }
    this.figures = () => dockerFigures(parts)
    this.concerns = () => dockerConcerns(parts)
    this.listings = [containersListing(parts), gapsListing(this.#gaps)]
  }

  get inFlight(): number {
    return this.#flight.messages
  }

  get failures(): number {
    return [this.#tracker, this.#sampler, ...this.#followers.progress.values()].reduce((sum, { failures }) => sum + failures, 0)
  }

  get lastError(): string | undefined {
    const ofLogs = [...this.#followers.progress.values()].findLast(({ lastError }) => lastError !== undefined)
    return this.#tracker.lastError ?? this.#sampler.lastError ?? ofLogs?.lastError
  }

  get isPaused(): boolean {
    const { settledCount } = this.#flight
    if (settledCount !== this.#settledSeen || !this.#isFull) {
      this.#settledSeen = settledCount
      this.#settledSeenMs = steadyNowMs()
    }
    return this.#isFull && steadyNowMs() - this.#settledSeenMs > PAUSED_AFTER_MS
  }

  notReady(): readonly string[] {
    const { problem } = this.#tracker
    return problem === undefined ? [] : [`docker: ${problem}`]
  }

  async *read(stop: AbortSignal): AsyncGenerator<Delivery, undefined> {
    const { selection, stateFolder, log } = this.#options
    await this.#state.load()
    if (selection.collect.has('logs') && stateFolder === undefined) {
      log.warn('Docker: CFMR_STATE is not set: logs of running containers are read from now on, and after a restart from then on')
    }
    const stopping = this.#stopping.signal
    const containers = () => this.#inventory.containers.values()
    const tasks = [this.#tracker.run(stopping), this.#save(stopping), warnOfNothingIncluded({ selection, containers, log }, stopping)]
    if (selection.collect.has('stats')) tasks.push(this.#sampler.run(stopping))
    const end = () => {
      this.#stopping.abort()
      this.#wake()
    }
    stop.addEventListener('abort', end, { once: true })
    if (stop.aborted) end()
    while (!stop.aborted) {
      const delivery = this.#next()
      if (delivery !== undefined) yield delivery
      else {
        this.#ranDry()
        await this.#arrived.wait(WAIT_MS)
      }
    }
    await Promise.all(tasks)
    for (let delivery = this.#next(); delivery !== undefined; delivery = this.#next()) yield delivery
  }

  freed(): void {
    this.#settled.ring()
  }

  async close(deadlineMs: number): Promise<readonly Left[]> {
    this.#stopping.abort()
    this.#wake()
    while (this.inFlight > 0 && steadyNowMs() < deadlineMs) await this.#settled.wait(Math.min(WAIT_MS, deadlineMs - steadyNowMs()))
    await this.#followers.savePositions(this.#tracker.hasListed)
    const { unsettled, repeated, lost } = this.#followers.left
    const queued = this.#unasked.clear()
    this.#flight.handOver(queued.messages, queued.bytes)
    const unasked = this.inFlight - unsettled
    this.#flight.end()
    await this.#options.engine.close()
    return [
      { of: 'lines of logs', count: repeated, isReadAgain: true },
      { of: 'lines of logs', count: lost, isReadAgain: false },
      { of: 'readings and events of containers', count: unasked, isReadAgain: false },
    ]
  }

  /** What is known of a container: for whoever holds an event of it. Never rejects. */
  describe(container: Container): Promise<Description> {
    return this.#inventory.describe(container, this.#stopping.signal)
  }

  get #isFull(): boolean {
    const { maxInFlight, maxInFlightBytes, keptBytes } = this.#options
    return this.#flight.messages >= maxInFlight || this.#flight.bytes + keptBytes() >= maxInFlightBytes
  }

  #wake(): void {
    this.#arrived.ring()
    this.#settled.ring()
    for (const container of this.#inventory.containers.values()) container.changed.ring()
    this.#followers.wake()
  }

  #next(): Delivery | undefined {
    return this.#unasked.shift() ?? this.#logs.shift()
  }

  async #room(stop: AbortSignal): Promise<void> {
    if (!stop.aborted && this.#isFull) await this.#settled.wait(WAIT_MS)
  }

  /** Logs that cannot be read for what is in flight must not wait for batches and objects to fill. Not at each look: they are not for a few lines each. */
  #ranDry(): void {
    const nowMs = steadyNowMs()
    if (!this.#isFull || nowMs - this.#flushedMs < WAIT_MS) return
    this.#flushedMs = nowMs
    this.#options.flushNow()
  }

  #handOver(source: ContainerSource, messages: readonly { readonly value: Buffer; readonly offset: number }[], run: Run): Delivery {
    const bytes = messages.reduce((sum, { value }) => sum + value.length, 0)
    this.#flight.handOver(messages.length, bytes)
    return { messages, ack: new RunAck({ inFlight: this.#flight, run, bytes, source, topic: source.container.shortId }) }
  }

  async #save(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await sleep(WAIT_MS, stop)
      await this.#followers.savePositions(this.#tracker.hasListed)
    }
  }
}
