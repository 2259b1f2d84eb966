import { sleep } from '../../src/lib/sleep.ts'
import { type LogLine, WorkerProcess } from '../worker-process.ts'

/** Instances of the worker, kept up as a platform does: what ends without being asked to is started again. */
export class Instances {
  /** Ended on their own with exit 1, as they should where a server stays away. */
  gaveUp = 0
  /** Stopped while a server was away, so that not all could be written: ended with exit 1, and said how much will be read again. */
  leftUnwritten = 0
  /** Lines that say that offsets came without messages: no topic here is compacted, so that there must be none. */
  gaps = 0
  /** Ended in a way that is in no contract; what they said last. */
  readonly unexpected: string[] = []
  readonly #env: Readonly<Record<string, string | number>>
  readonly #onOutput: (line: string) => void
  readonly #wanted = new Map<number, WorkerProcess>()
  readonly #supervisors = new Set<Promise<void>>()
  #lastIndex = -1

  /** `onOutput` is given each line that one of them writes to stdout. */
  constructor(env: Readonly<Record<string, string | number>>, onOutput: (line: string) => void) {
    this.#env = env
    this.#onOutput = onOutput
  }

  get all(): readonly WorkerProcess[] {
    return [...this.#wanted.values()]
  }

  async add(): Promise<void> {
    const index = ++this.#lastIndex
    this.#wanted.set(index, await this.#start(index))
    const supervisor = this.#keepUp(index)
    this.#supervisors.add(supervisor)
    void supervisor.finally(() => this.#supervisors.delete(supervisor))
  }

  /** SIGTERM: it has to drain, commit and exit 0, or to say what it could not write. One that has hardly begun just ends. */
  async remove(worker: WorkerProcess): Promise<void> {
    for (const [index, one] of this.#wanted) if (one === worker) this.#wanted.delete(index)
    const { code, signal } = await worker.stop(60_000)
    if (code === 1 && worker.log.some(({ msg }) => msg.includes('will be read again'))) this.leftUnwritten++
    else if (code !== 0 && worker.log.length > 0) this.unexpected.push(`SIGTERM ended it with ${code ?? signal}\n${worker.logTail()}`)
  }

  async removeAll(): Promise<void> {
    await Promise.all(this.all.map((worker) => this.remove(worker)))
    await Promise.all(this.#supervisors)
  }

  async killAll(): Promise<void> {
    const workers = this.all
    this.#wanted.clear()
    await Promise.all(workers.map((worker) => worker.kill()))
    await Promise.all(this.#supervisors)
  }

  #start(index: number): Promise<WorkerProcess> {
    const onLog = ({ msg }: LogLine) => {
      if (msg.startsWith('Kafka has no messages at these offsets')) this.gaps++
    }
    return WorkerProcess.start({ env: { ...this.#env, CF_INSTANCE_INDEX: index }, onLog, onOutput: this.#onOutput })
  }

  async #keepUp(index: number): Promise<void> {
    for (;;) {
      const worker = this.#wanted.get(index)
      if (worker === undefined) return
      const { code, signal } = await worker.exited
      if (!this.#wanted.has(index)) return
      if (code === 1) this.gaveUp++
      else if (signal !== 'SIGKILL') this.unexpected.push(`ended with ${code ?? signal}\n${worker.logTail()}`)
      await sleep(1000)
      if (this.#wanted.has(index)) this.#wanted.set(index, await this.#start(index))
    }
  }
}
