import { defineConfig } from 'vitest/config'
import { SoakFirst } from './test/support/soak-first.ts'

const project = (name: string, timeoutMs: number, order: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 90_000 } },
    // Vitest would take one less than there are cores. Those that break servers on purpose come last; a server that a file breaks is its own.
    maxWorkers: 2,
    // Many small files, of which none needs a process of its own.
    ...(name === 'unit' && { pool: 'threads' as const }),
    sequence: { groupOrder: order },
  },
})

export default defineConfig({
  test: {
    globalSetup: 'test/support/stack.ts',
    sequence: { sequencer: SoakFirst },
    projects: [
      project('unit', 20_000, 0),
      project('property', 120_000, 0),
      project('integration', 240_000, 1),
      project('crash', 600_000, 2),
    ],
  },
})
