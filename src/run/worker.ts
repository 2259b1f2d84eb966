import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { DebugServer } from '../debug/server.ts'
import type { State } from '../debug/sources.ts'
import type { Input, InputStats } from '../flow/contracts.ts'
import { Ledger } from '../flow/ledger.ts'
import { type LimitedLog, limitedLog } from '../lib/limited-log.ts'
import { sleep } from '../lib/sleep.ts'
import { steadyNowMs } from '../lib/steady-clock.ts'
import { within } from '../lib/within.ts'
import { buildDeadLetters, buildStages, closeOutputs, type Stages, startOutputs } from './stages.ts'

export interface WorkerOptions {
  readonly config: Config
  readonly version: string
  readonly log: Logger
}

/** Of the time that a stop has: for the last commit, and for leaving the group. */
const LEAVE_MS = 2000
/** After a failure nothing more can be settled: this long for committing what was. */
const FAILED_LEAVE_MS = 3000
const CLOSE_MS = 1000
const REPORT_MS = 1000

/** The program from start to end. Starts in an order that reads nothing before it could be written, ends in one that loses nothing. */
export class Worker {
  readonly #config: Config
  readonly #log: Logger
  readonly #limited: LimitedLog
  readonly #stages: Stages
  readonly #server: DebugServer
  readonly #stop = new AbortController()
  readonly #kill = new AbortController()
  #state: State = 'starting'
  #deadlineMs: number | undefined

  constructor({ config, version, log }: WorkerOptions) {
    this.#config = config
    this.#log = log
    this.#limited = limitedLog(log)
    this.#stages = buildStages({
      config,
      log,
      buildInputs: (parts) =>
        config.inputs.map(({ build }) => {
          const ledger = new Ledger()
          return { ...build({ ...parts, ledger }), ledger }
        }),
      deadLetters: buildDeadLetters(config, log),
    })
    this.#server = new DebugServer({
      ...config.server,
      sources: {
        ...this.#stages,
        version,
        instanceIndex: config.instanceIndex,
        state: () => this.#state,
        maxInFlight: config.limits.maxInFlight,
        secrets: config.secrets,
      },
      log,
    })
  }

  get #inputs(): readonly (Input & InputStats)[] {
    return this.#stages.inputs.map(({ input }) => input)
  }

  /** Asks it to end: what is read is written and committed within CFMR_PROCESSINGTIMEOUT. */
  stop(why: string): void {
    if (this.#deadlineMs !== undefined) return
    const { processingTimeoutMs } = this.#config.limits
    this.#deadlineMs = steadyNowMs() + processingTimeoutMs
    this.#state = 'draining'
    this.#log.info(
      { why, inFlight: this.#inputs.reduce((sum, { inFlight }) => sum + inFlight, 0) },
      'Ending: writing and committing what was read',
    )
    this.#stop.abort()
    void sleep(Math.max(processingTimeoutMs - LEAVE_MS, processingTimeoutMs / 2), undefined, { unref: true }).then(() => this.#kill.abort())
  }

  /** Resolves to the exit status. */
  async run(): Promise<0 | 1> {
    const { outputs, enricher, pipeline } = this.#stages
    const stop = this.#stop.signal
    try {
      await this.#server.start()
      await startOutputs(outputs, stop)
      await enricher.warmUp(stop)
    } catch (error) {
      return this.#end(stop.aborted ? undefined : error)
    }
    if (!stop.aborted) this.#state = 'running'
    setInterval(() => this.#reportHeld(), REPORT_MS).unref()
    try {
      await pipeline.run(stop, this.#kill.signal)
      return this.#end(undefined)
    } catch (error) {
      return this.#end(error)
    }
  }

  /** An app that Cloud Controller does not answer for holds its own messages only, until there are so many that all others wait, too. */
  #reportHeld(): void {
    const { outputs } = this.#stages
    if (!this.#inputs.some(({ isPaused }) => isPaused)) return
    for (const { name, lane, output } of outputs) {
      if (lane.held === 0) continue
      const fields = { output: name, records: lane.held, error: output.lastError }
      this.#limited.error(
        `held by ${name}`,
        fields,
        'Reading is paused for all: an output holds back what it cannot store yet. Nothing is lost',
      )
    }
    const held = this.#stages.held()
    if (held.count === 0) return
    const fields = { messages: held.count, apps: held.guids(20) }
    this.#limited.error('held', fields, 'Reading is paused for all: Cloud Controller does not say what these apps are. Nothing is lost')
  }

  async #end(failure: unknown): Promise<0 | 1> {
    if (failure !== undefined) this.#log.error({ error: failure }, 'Cannot go on')
    this.#state = 'draining'
    this.#kill.abort()
    const { outputs, enricher, deadLetters } = this.#stages
    const deadlineMs = this.#deadlineMs ?? steadyNowMs() + FAILED_LEAVE_MS
    const left = (await Promise.all(this.#inputs.map((input) => input.close(deadlineMs)))).flat().filter(({ count }) => count > 0)
    await within(Promise.allSettled([closeOutputs(outputs), deadLetters.close(), enricher.stop(), this.#server.close()]), CLOSE_MS)
    for (const { of, count, isReadAgain } of left) {
      const fields = { unsettled: count }
      if (isReadAgain)
        this.#log.error(fields, `${count} ${of} will be read again by the next start, since not all are settled; nothing is lost`)
      else this.#log.error(fields, `${count} ${of} are lost: they are not settled, and nobody sends them again`)
    }
    return failure === undefined && left.length === 0 ? 0 : 1
  }
}
