import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { MetadataStats } from '../../flow/contracts.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp } from '../../lib/errors.ts'
import { limitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import type { App } from '../app.ts'
import type { AppEvent } from '../app-event.ts'
import type { MetadataSource } from '../metadata.ts'
import { LookUps } from './look-ups.ts'
import { MetadataCache, type MetadataCacheOptions } from './metadata-cache.ts'
import { NoSource } from './no-source.ts'
import { RefreshJudge } from './refresh-judge.ts'
import { Witnesses } from './witnesses.ts'

const REFRESH_JITTER = 0.1
/** After a refresh that failed, the next comes sooner. */
const REFRESH_RETRY = { initialMs: 30_000, maxMs: 300_000, jitter: 0.2 }
/** While the list of apps is suspicious, to notice soon that all is well again. */
const MAX_SUSPICION_MS = 60_000
const CLOCK_MS = 1000

export interface EnricherOptions extends MetadataCacheOptions {
  /** The enricher closes it when it is stopped. */
  readonly source: MetadataSource
  /** How often all apps are fetched afresh, ±10 %. */
  readonly refreshMs: number
  /** An app that no event has named for this long is dropped; how often to look. */
  readonly expireMs: number
  readonly expireCheckMs: number
  readonly negativeExpireCheckMs: number
  readonly log: Logger
  readonly random?: () => number
}

/**
 * Knows which app an event is of. All apps are fetched at the start and again and again; what is missing is looked up once,
 * however many events wait for it. Three answers are never confused: found, absent (confirmed), unknown.
 */
export class Enricher implements MetadataStats {
  hits = 0
  misses = 0
  lastRefreshMs = 0
  readonly #options: EnricherOptions
  readonly #source: MetadataSource
  readonly #cache: MetadataCache
  readonly #lookUps: LookUps
  readonly #witnesses: Witnesses
  readonly #stop = new AbortController()
  readonly #log: Logger
  #judge: RefreshJudge | undefined
  /** Why the last refresh cannot be believed; until one can be, an absent app is unknown. */
  #suspicion: string | undefined
  #background: Promise<unknown> = Promise.resolve()
  /** `steadyNowMs()`, at most a second old: the hot path reads it for every event. */
  #nowMs = steadyNowMs()

  constructor(options: EnricherOptions) {
    // Every request and every wait listens to it.
    setMaxListeners(0, this.#stop.signal)
    this.#options = options
    this.#source = options.source
    this.#log = options.log
    this.#cache = new MetadataCache(options)
    this.#witnesses = new Witnesses(options.random)
    this.#lookUps = new LookUps({
      source: options.source,
      log: limitedLog(options.log),
      witness: (asked) => this.#witnesses.next(asked),
      distrust: () => this.#suspicion,
      found: (metadata) => this.#cache.add(metadata, steadyNowMs()),
      absent: (guid) => this.#cache.deny(guid, steadyNowMs()),
    })
  }

  get apps(): number {
    return this.#cache.known
  }

  get notFound(): number {
    return this.#cache.absent
  }

  get requests(): number {
    return this.#source.traffic.requests
  }

  get failures(): number {
    return this.#source.traffic.failures
  }

  get lastFailureMs(): number {
    return this.#source.traffic.lastFailureMs
  }

  get lastError(): string | undefined {
    return this.#source.traffic.lastError
  }

  notReady = (): readonly string[] => {
    if (this.#source instanceof NoSource) return []
    if (this.#judge === undefined) return ['metadata: the apps are not fetched yet']
    return this.#suspicion === undefined ? [] : [`metadata: ${this.#suspicion}`]
  }

  /**
   * Fetches all apps, and from then on keeps them fresh. Rejects with GaveUp where that cannot be done, or no app is seen;
   * with the reason of `signal` if it aborts. A rate limit is waited for.
   */
  async warmUp(signal: AbortSignal): Promise<void> {
    if (this.#source instanceof NoSource) return
    const startedMs = steadyNowMs()
    let guids: ReadonlySet<string>
    try {
      guids = await this.#fetchAll(AbortSignal.any([signal, this.#stop.signal]))
    } catch (cause) {
      signal.throwIfAborted()
      throw new GaveUp(`The apps could not be fetched at the start. Nothing was read, so nothing is lost. ${errorText(cause)}`, { cause })
    }
    if (guids.size === 0) {
      throw new GaveUp(
        'Cloud Controller shows no app at all. Nothing was read, so nothing is lost. Does the account see all apps (global auditor)?',
      )
    }
    this.#judge = new RefreshJudge(guids.size)
    this.#witnesses.choose(guids)
    this.lastRefreshMs = Date.now()
    this.#log.info({ apps: guids.size, cached: this.apps, seconds: (steadyNowMs() - startedMs) / 1000 }, 'Metadata: all apps fetched')
    if (guids.size > this.apps) {
      const fields = { apps: guids.size, cached: this.apps }
      this.#log.warn(fields, 'Metadata: more apps than CFMR_METADATACACHESIZE; the others are looked up when an event names them')
    }
    const { expireCheckMs, negativeExpireCheckMs } = this.#options
    this.#background = Promise.all([
      this.#refreshForEver(),
      this.#every(Math.min(CLOCK_MS, expireCheckMs), () => this.#tick()),
      this.#every(expireCheckMs, () => this.#expireUnused()),
      this.#every(negativeExpireCheckMs, () => this.#expireAbsent()),
    ])
  }

  /** Makes `find` quicker for the first `count` of these events; see {@link AppIndex.prefetch}. */
  prefetch(events: readonly AppEvent[], count: number): void {
    this.#cache.prefetch(events, count)
  }

  /**
   * On the path of every event: no I/O. An App that does not exist is confirmed absent; undefined is not known: `lookUp`. The next call may
   * return the same object for another app.
   */
  find(event: AppEvent): App | undefined {
    const app = this.#cache.find(event)
    if (app === undefined) {
      this.misses++
      return undefined
    }
    this.hits++
    app.usedAtMs = this.#nowMs
    return app
  }

  /**
   * Asks for an app that `find` does not know. Resolves to it as soon as it is found or confirmed absent, however long that
   * takes; to undefined only if the enricher is stopped. Never rejects. Calls for one guid share one request.
   */
  async lookUp(guid: string): Promise<App | undefined> {
    return this.#cache.get(guid) ?? (await this.#lookUps.ask(guid))
  }

  isUnanswered(guid: string): boolean {
    return this.#lookUps.isUnanswered(guid)
  }

  unanswered(guid: string): Promise<void> {
    return this.#lookUps.unanswered(guid)
  }

  /** Ends all requests and waits at once. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#lookUps.stop()
    await this.#background
    await this.#source.close()
  }

  /** Takes in all apps page by page; returns their guids. */
  async #fetchAll(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const guids = new Set<string>()
    for await (const apps of this.#source.listApps(signal)) {
      this.#cache.refresh(apps, steadyNowMs())
      for (const app of apps) {
        const guid = app.app_guid
        if (this.#lookUps.isWaitingFor(guid)) this.#lookUps.settle(guid, this.#cache.add(app, steadyNowMs()))
      }
      for (const app of apps) guids.add(app.app_guid)
    }
    return guids
  }

  async #refreshForEver(): Promise<void> {
    const { signal } = this.#stop
    const { refreshMs, random = Math.random } = this.#options
    for (let failures = 0, regularMs = steadyNowMs(); ; ) {
      const retryMs = failures > 0 ? backoffMs(failures - 1, REFRESH_RETRY) : this.#suspicion === undefined ? refreshMs : MAX_SUSPICION_MS
      await sleep(Math.min(refreshMs, retryMs) * (1 + REFRESH_JITTER * (2 * random() - 1)), signal)
      if (signal.aborted) return
      try {
        const guids = await this.#fetchAll(signal)
        const isExtra = steadyNowMs() - regularMs < refreshMs * (1 - REFRESH_JITTER)
        if (!isExtra) regularMs = steadyNowMs()
        this.#weigh(guids, isExtra)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures++
        this.#log.warn({ error: errorText(error) }, 'Metadata: the refresh failed; what is known goes on serving, and nothing expires')
      }
    }
  }

  /** Absence from a refresh denies nothing and removes nothing: pages shift while apps come and go. */
  #weigh(guids: ReadonlySet<string>, isExtra: boolean): void {
    const before = this.#suspicion
    this.#suspicion = this.#judge?.judge(guids, isExtra)
    if (this.#suspicion !== undefined) {
      this.#log.error({ apps: guids.size }, `Metadata: ${this.#suspicion} Known apps go on serving; the messages of unknown ones wait`)
      return
    }
    this.lastRefreshMs = Date.now()
    this.#witnesses.choose(guids)
    if (before !== undefined) this.#log.info({ apps: guids.size }, 'Metadata: the list of apps can be believed again')
  }

  #tick(): void {
    this.#nowMs = steadyNowMs()
  }

  async #expireUnused(): Promise<void> {
    const { expireMs } = this.#options
    if (this.#cache.unusedSince(steadyNowMs() - expireMs).length === 0 || !(await this.#mayExpire())) return
    // Anew, for an event may have come meanwhile.
    this.#cache.remove(this.#cache.unusedSince(steadyNowMs() - expireMs))
  }

  async #expireAbsent(): Promise<void> {
    if (this.#cache.hasStaleAbsent() && (await this.#mayExpire())) this.#cache.expireAbsent()
  }

  /** Not while Cloud Controller fails: what is dropped then could not be had again. */
  async #mayExpire(): Promise<boolean> {
    return this.#suspicion === undefined && (await this.#lookUps.isAnswered())
  }

  async #every(periodMs: number, run: () => void | Promise<void>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await sleep(periodMs, signal)
      if (signal.aborted) return
      try {
        await run()
      } catch (err) {
        if (!signal.aborted) this.#log.error({ err }, 'Metadata: an unexpected error, gone on from; please report it')
      }
    }
  }
}
