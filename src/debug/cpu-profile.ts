import { Session } from 'node:inspector/promises'
import { sleep } from '../lib/sleep.ts'

/** Records CPU profiles, one at a time. */
export class CpuProfiler {
  #isRecording = false

  get isRecording(): boolean {
    return this.#isRecording
  }

  /** Records for `seconds`, or until `signal` aborts. Resolves to a .cpuprofile, as Chrome DevTools opens it. */
  async record(seconds: number, signal: AbortSignal): Promise<string> {
    if (this.#isRecording) throw new Error('a profile is being recorded')
    this.#isRecording = true
    const session = new Session()
    try {
      session.connect()
      await session.post('Profiler.enable')
      await session.post('Profiler.start')
      await sleep(seconds * 1000, signal)
      const { profile } = await session.post('Profiler.stop')
      return JSON.stringify(profile)
    } finally {
      session.disconnect()
      this.#isRecording = false
    }
  }
}
