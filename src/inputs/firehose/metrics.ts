import type { InputMetric, MetricValues } from '../../flow/contracts.ts'

function figure(name: string): InputMetric['value'] {
  return (figures) => numberOf(figures[name])
}

/** One that is a number for each of some names. */
function figuresBy(name: string, label: string): InputMetric['value'] {
  return (figures): MetricValues => Object.entries(figures[name] ?? {}).map(([key, value]) => [{ [label]: key }, numberOf(value)] as const)
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

export const FIREHOSE_METRICS: readonly InputMetric[] = [
  { name: 'cfmr_firehose_streams', help: 'Streams that are open.', value: figure('streams') },
  {
    name: 'cfmr_firehose_reconnects_total',
    help: 'Streams that were replaced (age), have ended or were lost, or could not be opened.',
    labels: ['cause'],
    value: figuresBy('reconnects', 'cause'),
  },
  {
    name: 'cfmr_firehose_seconds_without_stream_total',
    help: 'Time without any stream: what was sent meanwhile is lost.',
    value: figure('seconds_without_stream'),
  },
  {
    name: 'cfmr_firehose_last_envelope_age_seconds',
    help: 'How long no envelope has come.',
    value: figure('last_envelope_age_seconds'),
  },
  {
    name: 'cfmr_firehose_lag_seconds',
    help: 'How old the newest envelope was when it came, by the clocks of both.',
    value: figure('lag_seconds'),
  },
  {
    name: 'cfmr_firehose_platform_dropped_total',
    help: 'Envelopes that the platform says it has dropped, before any of its readers.',
    value: figure('platform_dropped'),
  },
  {
    name: 'cfmr_firehose_dropped_total',
    help: 'Envelopes dropped here for want of room, by what they held.',
    labels: ['kind'],
    value: figuresBy('dropped_by_kind', 'kind'),
  },
  { name: 'cfmr_firehose_queued', help: 'Envelopes received, and not gone to an output yet.', value: figure('queued') },
  {
    name: 'cfmr_firehose_lost_batches_total',
    help: 'Batches that were not read: longer than 14 MB, or cut off by the end of a stream.',
    labels: ['cause'],
    value: (figures) => ['oversized', 'truncated'].map((cause) => [{ cause }, numberOf(figures[cause])] as const),
  },
]
