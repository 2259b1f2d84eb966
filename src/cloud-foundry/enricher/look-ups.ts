import { setMaxListeners } from 'node:events'
import { type BackoffOptions, backoffMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import type { LimitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import type { App } from '../app.ts'
import type { AppAnswers, AppMetadata, MetadataSource } from '../metadata.ts'
import { RequestFailed } from './request-failed.ts'

/** How long the first miss waits for others to go with it. Doubles while look-ups follow one another, up to `MAX_GATHER_MS`. */
const GATHER_MS = 20
const MAX_GATHER_MS = 500
const MAX_REQUESTS = 4
const PATIENCE_MS = 3000
const FAILURES_TO_HALVE = 3
const BACKOFF: BackoffOptions = { initialMs: 250, maxMs: 30_000, jitter: 0.2 }

export interface LookUpOptions {
  readonly source: MetadataSource
  readonly log: LimitedLog
  /** An app known to exist and not among those asked for: see Witnesses. */
  readonly witness: (asked: ReadonlySet<string>) => string | undefined
  /** Why absence means nothing at present, in words; undefined where it does. */
  readonly distrust: () => string | undefined
  /** Take in what is known now. */
  readonly found: (metadata: AppMetadata) => App
  readonly absent: (guid: string) => App
}

interface Ticket {
  readonly promise: Promise<App | undefined>
  readonly resolve: (app: App | undefined) => void
  /** Whether it was asked for and there was no answer, for now. */
  isUnanswered: boolean
  /** Called when that comes to be so. */
  readonly doubt: (() => void)[]
}

/** Guids that are asked for in one request. */
interface Question {
  readonly guids: readonly string[]
  /** Of these guids together, since they were last halved or cut. */
  readonly failures: number
  /** Retries since something last changed for the better. */
  readonly retry: number
}

interface Postponed extends Question {
  readonly waitMs: number
}

/**
 * Asks for apps that nobody knows yet, until each is found or confirmed absent: one question a guid at a time, those of a
 * short moment in one request, and again, later and later, where the answer is unknown. A request that keeps failing although
 * Cloud Controller answers others is halved, so that one guid cannot hold the rest.
 */
export class LookUps {
  readonly #options: LookUpOptions
  readonly #stop = new AbortController()
  readonly #tickets = new Map<string, Ticket>()
  readonly #running = new Set<Promise<void>>()
  #gathered: string[] = []
  #isGathering = false
  #gatherMs = GATHER_MS
  #lastGatheredMs = 0
  #ready: Question[] = []
  #requests = 0
  /** The latest request has got no answer at all. */
  #isSilent = false

  constructor(options: LookUpOptions) {
    this.#options = options
    // Every request and every wait listens to it.
    setMaxListeners(0, this.#stop.signal)
  }

  isWaitingFor(guid: string): boolean {
    return this.#tickets.has(guid)
  }

  /** Resolves once `guid` is found or confirmed absent; to undefined when it will not be, because of `stop`. */
  ask(guid: string): Promise<App | undefined> {
    const pending = this.#tickets.get(guid)
    if (pending !== undefined) return pending.promise
    if (this.#stop.signal.aborted) return Promise.resolve(undefined)
    let resolve: Ticket['resolve'] = () => {}
    const promise = new Promise<App | undefined>((settle) => {
      resolve = settle
    })
    this.#tickets.set(guid, { promise, resolve, isUnanswered: false, doubt: [] })
    this.#gathered.push(guid)
    if (this.#gathered.length >= this.#room) this.#cut()
    else if (!this.#isGathering) this.#track(this.#gather())
    return promise
  }

  /** Whether there was no answer about it yet, or none is to be expected, since there was none about others. */
  isUnanswered(guid: string): boolean {
    return this.#isSilent || this.#tickets.get(guid)?.isUnanswered === true
  }

  /** Resolves once {@link isUnanswered}; never where there is an answer before. */
  unanswered(guid: string): Promise<void> {
    const ticket = this.#tickets.get(guid)
    if (ticket === undefined || this.isUnanswered(guid)) return Promise.resolve()
    return new Promise((resolve) => ticket.doubt.push(resolve))
  }

  /** Ends the wait for an app, whether a look-up answered or a refresh. */
  settle(guid: string, app: App): void {
    this.#tickets.get(guid)?.resolve(app)
    this.#tickets.delete(guid)
    this.#isSilent = false
  }

  /** Asks for an app that is known to exist and not one of `others`: whether Cloud Controller works, and still shows it to this account. */
  async isAnswered(others: readonly string[] = []): Promise<boolean> {
    const witness = this.#options.witness(new Set(others))
    if (witness === undefined) return false
    const { found } = await this.#options.source.fetchApps([witness], this.#stop.signal)
    return found.length > 0
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const { resolve } of this.#tickets.values()) resolve(undefined)
    this.#tickets.clear()
    await Promise.all(this.#running)
  }

  /** Guids of a question, the witness's place left free. */
  get #room(): number {
    return Math.max(1, this.#options.source.maxGuids - 1)
  }

  async #gather(): Promise<void> {
    this.#isGathering = true
    const isBusy = steadyNowMs() - this.#lastGatheredMs < 2 * MAX_GATHER_MS
    this.#gatherMs = isBusy ? Math.min(2 * this.#gatherMs, MAX_GATHER_MS) : GATHER_MS
    await sleep(this.#gatherMs, this.#stop.signal)
    this.#lastGatheredMs = steadyNowMs()
    this.#isGathering = false
    this.#cut()
  }

  #cut(): void {
    const guids = this.#gathered
    this.#gathered = []
    if (guids.length > 0) this.#track(this.#losePatience(guids))
    for (let at = 0; at < guids.length; at += this.#room) {
      this.#enqueue({ guids: guids.slice(at, at + this.#room), failures: 0, retry: 0 })
    }
  }

  #enqueue(question: Question): void {
    this.#ready.push(question)
    this.#next()
  }

  #next(): void {
    while (this.#requests < MAX_REQUESTS && !this.#stop.signal.aborted) {
      const question = this.#ready.shift()
      if (question === undefined) return
      this.#requests++
      const done = () => {
        this.#requests--
        this.#next()
      }
      this.#track(
        this.#put(question)
          .finally(done)
          .then((rest) => this.#again(rest)),
      )
    }
  }

  /** Asks once. Returns what remains open, undefined if nothing does. */
  async #put({ guids, failures, retry }: Question): Promise<Postponed | undefined> {
    const open = guids.filter((guid) => this.#tickets.has(guid))
    if (open.length === 0) return undefined
    const { found, absent, failure } = await this.#fetch(open)
    for (const metadata of found) this.settle(metadata.app_guid, this.#options.found(metadata))
    // Whom a refresh has seen meanwhile is not absent, whatever this answer says.
    for (const guid of absent) if (this.#tickets.has(guid)) this.settle(guid, this.#options.absent(guid))
    const rest = open.filter((guid) => this.#tickets.has(guid))
    this.#isSilent = rest.length === open.length && failure !== undefined
    if (rest.length === 0) return undefined
    this.#doubt(rest)
    const { error, retryAfterMs } = failure ?? { error: new RequestFailed('the answer leaves out what was asked') }
    this.#report(error, rest)
    const isBetter = rest.length < open.length
    const waitMs = backoffMs(isBetter ? 0 : retry, BACKOFF, retryAfterMs)
    return { guids: rest, failures: isBetter ? 1 : failures + 1, retry: isBetter ? 1 : retry + 1, waitMs }
  }

  /** What is not answered soon counts as unanswered, though the request goes on. */
  async #losePatience(guids: readonly string[]): Promise<void> {
    await sleep(PATIENCE_MS, this.#stop.signal, { unref: true })
    if (!this.#stop.signal.aborted) this.#doubt(guids)
  }

  #doubt(guids: readonly string[]): void {
    for (const guid of guids) {
      const ticket = this.#tickets.get(guid)
      if (ticket === undefined || ticket.isUnanswered) continue
      ticket.isUnanswered = true
      for (const tell of ticket.doubt.splice(0)) tell()
    }
  }

  /** As the source answers, but absence counts only where it can be believed. */
  async #fetch(guids: readonly string[]): Promise<AppAnswers> {
    const { source, witness, distrust } = this.#options
    const known = witness(new Set(guids))
    const answers = await source.fetchApps(known === undefined ? guids : [...guids, known], this.#stop.signal)
    const found = answers.found.filter((app) => app.app_guid !== known)
    const absent = answers.absent.filter((guid) => guid !== known)
    const doubt = absent.length === 0 ? undefined : (doubtOf(answers, known) ?? distrust())
    if (doubt === undefined) return { found, absent, failure: answers.failure }
    return { found, absent: [], failure: answers.failure ?? { error: new RequestFailed(doubt, { needsOperator: true }) } }
  }

  async #again(postponed: Postponed | undefined): Promise<void> {
    if (postponed === undefined) return
    await sleep(postponed.waitMs, this.#stop.signal)
    if (this.#stop.signal.aborted) return
    const { guids, failures } = postponed
    if (guids.length === 1 || failures < FAILURES_TO_HALVE) return this.#enqueue(postponed)
    // Where nothing is answered, to halve a request would only double what a server in trouble is asked.
    if (!(await this.isAnswered(guids))) return this.#enqueue({ ...postponed, failures: 0 })
    const middle = Math.ceil(guids.length / 2)
    for (const half of [guids.slice(0, middle), guids.slice(middle)]) this.#enqueue({ guids: half, failures, retry: 0 })
  }

  #report(error: Error, guids: readonly string[]): void {
    const fields = { error: errorText(error), apps: guids.length, guids: guids.slice(0, 5) }
    const message =
      'Metadata: Cloud Controller does not say whether these apps exist; their messages wait, none is lost, and it is asked again'
    if (error instanceof RequestFailed && error.needsOperator) this.#options.log.error('look-up', fields, message)
    else this.#options.log.warn('look-up', fields, message)
  }

  /** Keeps a task until it ended, so that `stop` can wait for it. A source rejects only because of `stop`. */
  #track(task: Promise<void>): void {
    const quiet = task.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error
    })
    this.#running.add(quiet)
    void quiet.finally(() => this.#running.delete(quiet))
  }
}

/** Why absence in this answer cannot be believed, in words; undefined where it can. */
function doubtOf({ found, absent }: AppAnswers, witness: string | undefined): string | undefined {
  if (witness === undefined) return 'no other app is known to exist, so that the answer cannot be checked'
  if (found.some((app) => app.app_guid === witness)) return undefined
  if (!absent.includes(witness)) return `app ${witness}, known to exist, is not answered for either`
  return `app ${witness}, known to exist, is missing from the answer, too: has the account lost its role (global auditor)?`
}
