import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import type { StatsSnapshot } from '../src/debug/stats.ts'
import { dyingWithUs } from './dying-with-us.ts'
import { freePorts } from './free-port.ts'
import { peakRssBytes } from './process-usage.ts'
import { type WaitOptions, waitUntil } from './wait-until.ts'

export interface WorkerOptions {
  /** The CFMR_ variables; none of this process's own are passed on. CFMR_SERVER_PORT is a free one unless it is set. */
  readonly env: Readonly<Record<string, string | number | undefined>>
  readonly args?: readonly string[]
  /** The built program. */
  readonly program?: string
  /** Node's own; those of `npm start` unless said. */
  readonly nodeArgs?: readonly string[]
  /** Around the whole command, such as one that puts it into a container. */
  readonly wrap?: (command: readonly [string, ...string[]]) => readonly [string, ...string[]]
  /** Every line of the log, as it comes. */
  readonly onLog?: (line: LogLine) => void
  /** Every line of stdout, where that has what the worker writes (CFMR_OUTPUT=stdout), so that only stderr is its log. */
  readonly onOutput?: (line: string) => void
}

/** A line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

export interface Exit {
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

const packageFile = new URL('../package.json', import.meta.url)
const startScript = (JSON.parse(readFileSync(packageFile, 'utf8')) as { scripts: { start: string } }).scripts.start
/** Those of `npm start`. */
export const nodeArgsOfStart = startScript.split(' ').filter((word) => word.startsWith('--'))

const builtProgram = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** The program as users run it: a process with an environment, a log, an HTTP server and signals. It never outlives us. */
export class WorkerProcess {
  readonly log: LogLine[] = []
  /** What it printed that is no line of JSON, stdout and stderr together. */
  readonly otherOutput: string[] = []
  readonly url: string
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  #output: Interface | undefined
  #peakRssBytes = 0

  private constructor(url: string, child: ChildProcess, onLog: (line: LogLine) => void, onOutput: ((line: string) => void) | undefined) {
    this.url = url
    this.#child = child
    const read = (line: string) => {
      const parsed = parseLogLine(line)
      if (parsed === undefined) this.otherOutput.push(line)
      else {
        this.log.push(parsed)
        onLog(parsed)
      }
    }
    if (child.stdout) this.#output = createInterface({ input: child.stdout }).on('line', onOutput ?? read)
    if (child.stderr) createInterface({ input: child.stderr }).on('line', read)
    this.exited = once(child, 'close').then(([code, signal]) => ({ code: code ?? undefined, signal: signal ?? undefined }))
    running.add(this)
    void this.exited.finally(() => running.delete(this))
  }

  /** Resolves when the process is there; what it does then is to be seen. */
  static async start({
    env,
    args = [],
    program = builtProgram,
    nodeArgs = nodeArgsOfStart,
    wrap = (command) => command,
    onLog = () => {},
    onOutput,
  }: WorkerOptions): Promise<WorkerProcess> {
    const port = env['CFMR_SERVER_PORT'] ?? (await freePorts(1))[0]
    const ours = Object.entries(process.env).filter(([name]) => !/^(CFMR_|VCAP_|CF_INSTANCE|PORT$|NODE_OPTIONS$)/.test(name))
    const theirs = Object.entries({ ...env, CFMR_SERVER_PORT: port }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    )
    const [command, ...rest] = dyingWithUs(wrap([process.execPath, ...nodeArgs, program, ...args]))
    const child = spawn(command, rest, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...Object.fromEntries(ours), ...Object.fromEntries(theirs) },
    })
    await once(child, 'spawn')
    return new WorkerProcess(`http://127.0.0.1:${port}`, child, onLog, onOutput)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Nobody reads its stdout any more, until {@link resumeOutput}. */
  stallOutput(): void {
    this.#output?.pause()
  }

  resumeOutput(): void {
    this.#output?.resume()
  }

  /** Status and body; a status of 0 where nobody answers. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const { statusCode, body } = await request(this.url + path, { headersTimeout: 10_000, bodyTimeout: 10_000 })
      return { status: statusCode, body: await body.text() }
    } catch {
      return { status: 0, body: '' }
    }
  }

  /** Rejects where nobody answers. */
  async stats(): Promise<StatsSnapshot> {
    const { status, body } = await this.get('/stats')
    if (status !== 200) throw new Error(`GET ${this.url}/stats answered ${status || 'nothing'}`)
    return JSON.parse(body) as StatsSnapshot
  }

  /** Resolves when it can read and write; rejects when it ended instead. */
  async ready(options?: WaitOptions): Promise<this> {
    await this.waitUntil('the worker is ready', async () => (await this.get('/readyz')).status === 200, options)
    return this
  }

  /** Like the function of that name, with the end of the log in the error; ends early when the worker has ended. */
  async waitUntil<Value>(
    what: string,
    look: () => Value | Promise<Value>,
    options?: WaitOptions,
  ): Promise<Exclude<Value, undefined | false>> {
    try {
      return await waitUntil(
        what,
        () => {
          if (!this.isRunning) throw new Error(`The worker has ended, so no longer: ${what}`)
          return look()
        },
        options,
      )
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.logTail()}`, { cause: error })
    }
  }

  /** The first log line, old or new, whose message fits. */
  logged(message: RegExp, options?: WaitOptions): Promise<LogLine> {
    return this.waitUntil(`a log line like ${message}`, () => this.log.find((line) => message.test(line.msg)), options)
  }

  logTail(): string {
    return [...this.log.slice(-15).map((line) => JSON.stringify(line)), ...this.otherOutput.slice(-15)].join('\n')
  }

  /** SIGTERM, and how it ended. Killed where it has not after `timeoutMs`. */
  async stop(timeoutMs = 20_000): Promise<Exit> {
    this.#samplePeak()
    this.thaw()
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  /** kill -9. */
  async kill(): Promise<Exit> {
    this.#samplePeak()
    this.signal('SIGKILL')
    return this.exited
  }

  freeze(): void {
    this.signal('SIGSTOP')
  }

  thaw(): void {
    this.signal('SIGCONT')
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal)
  }

  /** The most memory it has had resident, as the kernel counts it; once it has ended, as of when it was stopped. */
  get peakRssBytes(): number {
    this.#samplePeak()
    return this.#peakRssBytes
  }

  #samplePeak(): void {
    if (this.isRunning) this.#peakRssBytes = Math.max(this.#peakRssBytes, peakRssBytes(this.pid))
  }
}

const running = new Set<WorkerProcess>()
process.on('exit', () => {
  for (const worker of running) worker.signal('SIGKILL')
})

function parseLogLine(line: string): LogLine | undefined {
  try {
    const parsed = JSON.parse(line) as LogLine
    return typeof parsed === 'object' && typeof parsed?.msg === 'string' ? parsed : undefined
  } catch {
    return undefined
  }
}
