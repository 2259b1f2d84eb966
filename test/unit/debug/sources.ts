import type { StatsSources } from '../../../src/debug/sources.ts'
import type { PartitionStats } from '../../../src/flow/contracts.ts'
import { Ledger } from '../../../src/flow/ledger.ts'
import { Activity } from '../../../src/lib/activity.ts'
import { Secrets } from '../../../src/lib/secrets.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly unknown[] ? T[K] : Writable<T[K]> }

/** Sources of a worker to which nothing has happened yet; a test changes what it needs. */
export function quietSources() {
  const held = { count: 0, apps: [] as string[] }
  const reasons = { input: [] as string[], enricher: [] as string[], output: [] as string[], deadLetters: [] as string[] }
  const state: { value: 'starting' | 'running' | 'draining' } = { value: 'running' }
  const partitions: PartitionStats[] = []
  const ledger = new Ledger()
  const input = {
    name: 'kafka',
    acknowledged: true,
    failures: 0,
    lastError: undefined as string | undefined,
    inFlight: 0,
    isPaused: false as boolean,
    partitioned: { skipped: 0, gaps: 0, partitions: () => partitions },
    notReady: () => reasons.input,
  }
  const sources = {
    version: '1.2.3',
    instanceIndex: 4,
    state: () => state.value,
    inputs: [{ ledger, input }] as const,
    enricher: {
      apps: 0,
      notFound: 0,
      hits: 0,
      misses: 0,
      requests: 0,
      failures: 0,
      lastFailureMs: 0,
      lastRefreshMs: 0,
      lastError: undefined as string | undefined,
      notReady: () => reasons.enricher,
    },
    outputs: [
      {
        name: 'influxdb',
        ack: 'stored' as 'stored' | 'handed over',
        output: {
          batches: 0,
          records: 0,
          repeated: 0,
          bytes: 0,
          retries: 0,
          failures: 0,
          inFlight: 0,
          lastError: undefined as string | undefined,
          lastWriteMs: 0,
          writeSeconds: () => ({ p50: 0.01, p90: 0.02, p99: 0.03, max: 0.04 }),
          notReady: () => reasons.output,
        },
        encoder: { sanitized: 0, truncated: 0 },
        lane: { batched: new Activity(), inFlight: 0, refused: 0, held: 0 },
      },
    ],
    deadLetters: { notReady: () => reasons.deadLetters },
    translator: { enriched: new Activity(), enrichFailed: new Activity() },
    held: () => ({ count: held.count, guidCount: held.apps.length, guids: (limit: number) => held.apps.slice(0, limit) }),
    maxInFlight: 10,
    secrets: new Secrets(['hunter2!']),
  } satisfies Writable<StatsSources>
  return { sources, state, held, reasons, partitions }
}
