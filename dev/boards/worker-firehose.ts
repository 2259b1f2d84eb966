import type { Board } from './board.ts'
import { OF, query, timeSeries, totalPerSecond, value } from './worker-queries.ts'

/** Of workers with the input firehose; empty for others. */
export const firehose: Board['rows'][number] = {
  title: 'Firehose',
  lines: [
    [
      timeSeries({
        title: 'Streams open',
        description: 'Of each instance. While one is replaced there is one more.',
        queries: [value('cfmr_firehose_streams')],
      }),
      timeSeries({
        title: 'Streams replaced or lost, by cause',
        description: 'age: replaced before the gateway ends it, as it should be.',
        unit: 'cps',
        stacked: true,
        queries: [query(`sum by (cause) (rate(cfmr_firehose_reconnects_total{${OF}}[$__rate_interval]))`, '{{cause}}')],
      }),
      timeSeries({
        title: 'Time without any stream',
        description: 'Share of the time. What the apps send meanwhile is lost, unless another instance gets it.',
        unit: 'percentunit',
        queries: [query(`rate(cfmr_firehose_seconds_without_stream_total{${OF}}[$__rate_interval])`)],
      }),
    ],
    [
      timeSeries({
        title: 'Dropped',
        description:
          'here: for want of room, since outputs settle less than comes. platform: what RLP and dopplers say they have dropped, before all of their readers.',
        unit: 'cps',
        queries: [
          totalPerSecond('cfmr_firehose_dropped_total', 'here'),
          totalPerSecond('cfmr_firehose_platform_dropped_total', 'platform'),
        ],
      }),
      timeSeries({ title: 'Received, and not gone to an output yet', stacked: true, queries: [value('cfmr_firehose_queued')] }),
      timeSeries({
        title: 'Age of the newest envelope',
        description: 'since it came; when it came, by the clocks of both.',
        unit: 's',
        queries: [
          value('cfmr_firehose_last_envelope_age_seconds', 'since it came {{instance}}'),
          value('cfmr_firehose_lag_seconds', 'when it came {{instance}}'),
        ],
      }),
    ],
  ],
}
