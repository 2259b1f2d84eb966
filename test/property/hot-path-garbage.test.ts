import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const TIMEOUT_MS = 120_000

/** Measured by `node --import tsx bench/hot-path/garbage.mjs`: mostly the texts of a container's three floats. StatsD's samples leave less. */
const BYTES_PER_ENVELOPE = 21

test.each(['line', 'sample'])(
  'the hot path to each %s allocates little more heap for an envelope than was once measured',
  (spelling) => {
    const script = fileURLToPath(new URL('../../bench/hot-path/garbage.mjs', import.meta.url))
    const bytes = Number(execFileSync(process.execPath, ['--import', 'tsx', script, spelling], { encoding: 'utf8' }))
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(1.5 * BYTES_PER_ENVELOPE)
  },
  TIMEOUT_MS,
)
