import { errorText } from '../../../lib/error-text.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Engine } from '../engine/engine.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import type { Container } from '../inventory/container.ts'
import { counterAt, type Usage, UsageReader } from './reading.ts'

export interface SamplerOptions {
  readonly engine: Engine
  /** All that the engine has now. */
  readonly containers: () => Iterable<Container>
  readonly intervalMs: number
  /** How often the size of a container's writable layer is asked for: 0 is never. */
  readonly diskIntervalMs: number
  readonly sampled: (container: Container, usage: Usage) => void
}

/** How it stands with the readings of a container's run. */
export interface UsageProgress {
  /** As of `Date.now()`; undefined before the first reading that says something. */
  readonly lastMs?: number
  /** Why the latest reading failed, in words; undefined where it did not. */
  readonly problem?: string | undefined
}

interface Sampled extends UsageProgress {
  readonly reader: UsageReader
  readonly run: number
  lastMs?: number
  problem?: string | undefined
  diskBytes?: bigint
  diskAtMs: number
}

/** So many readings are waited for at a time: older engines take up to two seconds for each, whatever it is of. */
const MOST = 64
/** So many are asked for at once: to wake up for each of them would cost most of what they cost. */
const TOGETHER = 25
const GONE = new Set([404, 409])

/**
 * Reads what containers use, each once an interval, spread over it. A container that cannot be read, or answers late, leaves its own reading out and holds
 * up nobody.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #sampled = new Map<Container, Sampled>()
  /** Readings that are waited for. One may take longer than the interval: its container is asked again once it is there, the others are not held up. */
  readonly #open = new Map<Container, Promise<void>>()
  failures = 0
  lastError: string | undefined

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  /** Undefined of a container that is not read, or not yet. */
  progressOf(container: Container): UsageProgress | undefined {
    return this.#sampled.get(container)
  }

  /** Ends when `stop` aborts. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { intervalMs } = this.#options
    while (!stop.aborted) {
      const startedMs = steadyNowMs()
      await this.#round(stop, startedMs)
      await sleep(startedMs + intervalMs - steadyNowMs(), stop)
    }
    await Promise.all(this.#open.values())
  }

  async #round(stop: AbortSignal, startedMs: number): Promise<void> {
    const { containers, intervalMs } = this.#options
    const running = [...containers()].filter(({ isRunning, description }) => isRunning && description?.selected.stats === true)
    const present = new Set(running)
    for (const container of this.#sampled.keys()) if (!present.has(container)) this.#sampled.delete(container)
    const groups = Math.ceil(running.length / TOGETHER)
    for (const [index, container] of running.entries()) {
      if (index % TOGETHER === 0) await sleep(startedMs + (index / TOGETHER) * (intervalMs / groups) - steadyNowMs(), stop)
      while (this.#open.size >= MOST) await Promise.race(this.#open.values())
      if (stop.aborted) break
      if (this.#open.has(container)) continue
      this.#open.set(
        container,
        this.#read(container, stop).finally(() => this.#open.delete(container)),
      )
    }
  }

  async #read(container: Container, stop: AbortSignal): Promise<void> {
    const { engine, sampled } = this.#options
    const sample = this.#sampleOf(container)
    try {
      const query = { stream: false, ...(engine.hasOneShot && { 'one-shot': true }) }
      const what = `read the usage of container ${container.shortId}`
      const frame = await engine.json(`/containers/${container.id}/stats`, query, what, stop)
      const usage = sample.reader.read(frame)
      sample.problem = undefined
      await this.#readDisk(container, sample, stop)
      if (usage === undefined || this.#sampled.get(container) !== sample) return
      sample.lastMs = Date.now()
      sampled(container, sample.diskBytes === undefined ? usage : { ...usage, diskBytes: sample.diskBytes })
    } catch (error) {
      if (!stop.aborted) this.#fail(error, sample)
    }
  }

  #fail(error: unknown, sample: Sampled): void {
    if (error instanceof EngineFailed && error.status !== undefined && GONE.has(error.status)) return
    this.failures++
    this.lastError = errorText(error)
    sample.problem = this.lastError
  }

  #sampleOf(container: Container): Sampled {
    const known = this.#sampled.get(container)
    if (known !== undefined && known.run === container.run) return known
    const made: Sampled = {
      reader: new UsageReader({ isPodman: this.#options.engine.isPodman }),
      run: container.run,
      diskAtMs: Number.NEGATIVE_INFINITY,
    }
    this.#sampled.set(container, made)
    return made
  }

  /** The engine may take long for it, or fail: what else was read is there without it. Never rejects. */
  async #readDisk(container: Container, sample: Sampled, stop: AbortSignal): Promise<void> {
    const { engine, diskIntervalMs } = this.#options
    if (diskIntervalMs === 0 || steadyNowMs() - sample.diskAtMs < diskIntervalMs) return
    sample.diskAtMs = steadyNowMs()
    const what = `read the disk usage of container ${container.shortId}`
    try {
      const bytes = counterAt(await engine.json(`/containers/${container.id}/json`, { size: true }, what, stop), 'SizeRw')
      if (bytes !== undefined) sample.diskBytes = bytes
    } catch (error) {
      if (!stop.aborted) this.#fail(error, sample)
    }
  }
}
