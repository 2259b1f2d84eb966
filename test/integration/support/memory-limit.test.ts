import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { memoryLimit } from '../../support/memory-limit.ts'

const runNode = async (limit: ReturnType<typeof memoryLimit>, code: string) => {
  const [command, ...args] = limit.wrap([process.execPath, '-e', code])
  const [exitCode, signal] = await once(spawn(command, args, { stdio: 'ignore' }), 'close')
  return { exitCode, signal }
}

it('kills what takes more memory than the container has, and nothing else', async () => {
  const limit = memoryLimit(96 * 1024 * 1024)
  try {
    expect(await runNode(limit, 'Buffer.alloc(8 << 20, 1)')).toEqual({ exitCode: 0, signal: null })
    const greedy = await runNode(limit, 'const kept = []; for (let i = 0; i < 30; i++) kept.push(Buffer.alloc(8 << 20, 1))')
    // Where no cgroup may be made the limit is one in name only, and says so.
    expect(greedy.signal).toBe(limit.kind === 'none' ? null : 'SIGKILL')
    expect(limit.kills()).toBe(limit.kind === 'none' ? 0 : 1)
  } finally {
    limit.remove()
  }
})
