import { expect, test } from 'vitest'
import { Metrics } from '../../../../src/debug/metrics.ts'
import { Stats } from '../../../../src/debug/stats.ts'
import { FIREHOSE_METRICS } from '../../../../src/inputs/firehose/metrics.ts'
import { quietSources } from '../../debug/sources.ts'

const figures = {
  streams: 2,
  reconnects: { age: 7, silent: 1 },
  seconds_without_stream: 1.5,
  last_envelope_age_seconds: null,
  lag_seconds: 0.25,
  platform_dropped: 12,
  dropped_by_kind: { log: 3, timer: 0 },
  queued: 4,
  oversized: 0,
  truncated: 1,
}

async function linesOf(input: object): Promise<string[]> {
  const { sources } = quietSources()
  Object.assign(sources.inputs[0].input, input)
  const metrics = new Metrics(sources.inputs.map((source) => source.input))
  try {
    return (await metrics.render(new Stats(sources).snapshot())).split('\n').filter((line) => line.startsWith('cfmr_firehose_'))
  } finally {
    metrics.close()
  }
}

test('all figures of the firehose are in /metrics; what is not known is left out', async () => {
  expect(await linesOf({ name: 'firehose', figures: () => figures, metrics: FIREHOSE_METRICS })).toEqual([
    'cfmr_firehose_streams 2',
    'cfmr_firehose_reconnects_total{cause="age"} 7',
    'cfmr_firehose_reconnects_total{cause="silent"} 1',
    'cfmr_firehose_seconds_without_stream_total 1.5',
    'cfmr_firehose_lag_seconds 0.25',
    'cfmr_firehose_platform_dropped_total 12',
    'cfmr_firehose_dropped_total{kind="log"} 3',
    'cfmr_firehose_dropped_total{kind="timer"} 0',
    'cfmr_firehose_queued 4',
    'cfmr_firehose_lost_batches_total{cause="oversized"} 0',
    'cfmr_firehose_lost_batches_total{cause="truncated"} 1',
  ])
})

test('where it is not chosen there are none', async () => {
  expect(await linesOf({ name: 'kafka' })).toEqual([])
})
