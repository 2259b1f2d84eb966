import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { sleep } from '../src/lib/sleep.ts'
import { dyingWithUs } from './dying-with-us.ts'

export interface ServerCommand {
  /** As people say it, for messages: `Kafka 4.1.1`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Everything it prints is appended here; the end of it is in the error when the start fails. */
  readonly logFile: string
  /** Asked again and again until it says true; given what this run has printed so far. A rejection means not yet. */
  readonly ready: (log: string) => boolean | Promise<boolean>
  readonly readyTimeoutMs?: number
}

/** A server of the development stack. It never outlives this process, however that ends. */
export class ServerProcess {
  readonly #command: ServerCommand
  #child: ChildProcess
  readonly #logStart: number

  private constructor(command: ServerCommand) {
    this.#command = command
    const log = openSync(command.logFile, 'a')
    this.#logStart = readFileSync(command.logFile).length
    // A group of its own: Ctrl-C in the terminal is for us alone, and we stop the servers last.
    const [file, ...args] = dyingWithUs([command.command, ...command.args])
    this.#child = spawn(file, args, { detached: true, stdio: ['ignore', log, log], env: { ...process.env, ...command.env } })
    closeSync(log)
    running.add(this)
    this.#child.once('error', () => running.delete(this))
    this.#child.once('exit', () => running.delete(this))
  }

  /** Resolves when it is ready. Rejects with the end of its log when it ends or is not ready in time; nothing is left running then. */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const server = new ServerProcess(command)
    const deadline = Date.now() + (command.readyTimeoutMs ?? 60_000)
    while (!(await server.#isReady())) {
      if (server.isRunning && Date.now() < deadline) {
        await sleep(50)
        continue
      }
      const reason = server.isRunning ? 'is not ready in time' : 'ended while starting'
      await server.kill()
      throw new Error(`${command.name} ${reason}. The end of its log, ${command.logFile}:\n${server.#log().slice(-3000)}`)
    }
    return server
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** As an operator would; kill -9 when it has not ended after `timeoutMs`. */
  async stop(timeoutMs = 15_000): Promise<void> {
    this.thaw()
    this.#signal('SIGTERM')
    if (!(await this.#ended(timeoutMs))) await this.kill()
  }

  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.#ended(10_000)
  }

  /** Keeps its sockets open and answers nothing, like a machine that hangs. */
  freeze(): void {
    this.#signal('SIGSTOP')
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  killNow(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal)
  }

  async #ended(timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs
    while (this.isRunning && Date.now() < deadline) await sleep(20)
    return !this.isRunning
  }

  async #isReady(): Promise<boolean> {
    if (!this.isRunning) return false
    try {
      return await this.#command.ready(this.#log())
    } catch {
      return false
    }
  }

  #log(): string {
    return readFileSync(this.#command.logFile).subarray(this.#logStart).toString()
  }
}

const running = new Set<ServerProcess>()
process.on('exit', () => {
  for (const server of running) server.killNow()
})
