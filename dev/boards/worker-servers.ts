import type { Row } from './board.ts'
import { OF, OF_TOPICS, perSecond, query, timeSeries, totalPerSecond, value } from './worker-queries.ts'

/** What the worker sees of the servers around it. */
export const servers: readonly Row[] = [
  {
    title: 'Kafka',
    lines: [
      [
        timeSeries({
          title: 'Lag by topic',
          stacked: true,
          queries: [query(`sum by (topic) (cfmr_kafka_partition_lag{${OF_TOPICS}})`, '{{topic}}')],
        }),
        timeSeries({
          title: 'Partitions that lag most',
          queries: [query(`topk(20, max by (topic, partition) (cfmr_kafka_partition_lag{${OF_TOPICS}}))`, '{{topic}}/{{partition}}')],
        }),
      ],
      [
        timeSeries({
          title: 'Sent to Kafka, and committed',
          description: 'Where the first stays above the second, the lag grows.',
          unit: 'cps',
          queries: [
            query(`sum(rate(cfmr_kafka_partition_high_watermark{${OF_TOPICS}}[$__rate_interval]))`, 'sent'),
            query(`sum(rate(cfmr_kafka_partition_committed{${OF_TOPICS}}[$__rate_interval]))`, 'committed'),
          ],
        }),
        timeSeries({
          title: 'Age of the oldest message not settled',
          description: 'A few seconds are usual. Where it climbs, a message waits for InfluxDB or for Cloud Controller.',
          unit: 's',
          queries: [
            query(`max by (topic, instance) (cfmr_kafka_partition_oldest_unacked_seconds{${OF_TOPICS}})`, '{{topic}} {{instance}}'),
          ],
        }),
      ],
      [
        timeSeries({
          title: 'In flight',
          description: 'Read and not yet settled. At CFMR_KAFKA_MAXINFLIGHT reading pauses.',
          stacked: true,
          queries: [value('cfmr_in_flight')],
        }),
        timeSeries({ title: 'Partitions of each instance', stacked: true, queries: [value('cfmr_kafka_partitions')] }),
      ],
    ],
  },
  {
    title: 'Cloud Controller',
    lines: [
      [
        timeSeries({
          title: 'Look-ups',
          unit: 'cps',
          queries: [totalPerSecond('cfmr_metadata_hits_total', 'hits'), totalPerSecond('cfmr_metadata_misses_total', 'misses')],
        }),
        timeSeries({
          title: 'Requests, and those that failed',
          unit: 'reqps',
          queries: [totalPerSecond('cfmr_metadata_requests_total', 'requests'), totalPerSecond('cfmr_metadata_failures_total', 'failed')],
        }),
        timeSeries({
          title: 'Messages that wait for an answer',
          description: 'Nothing of them is lost or committed; other apps go on until the limit in flight.',
          queries: [value('cfmr_metadata_held')],
        }),
      ],
      [
        timeSeries({
          title: 'Apps in the cache',
          queries: [value('cfmr_metadata_apps', 'known {{instance}}'), value('cfmr_metadata_not_found', 'do not exist {{instance}}')],
        }),
        timeSeries({
          title: 'Since all apps were fetched',
          unit: 's',
          queries: [query(`time() - cfmr_metadata_last_refresh_timestamp_seconds{${OF}}`)],
        }),
      ],
    ],
  },
  {
    title: 'InfluxDB',
    lines: [
      [
        timeSeries({
          title: 'Time of a write',
          description: 'Of those of the last 5 minutes: half, 99 of 100 and all were no slower.',
          unit: 's',
          queries: ['0.5', '0.99', '1'].map((quantile) =>
            query(
              `max by (quantile) (cfmr_influxdb_write_seconds{${OF},quantile="${quantile}"})`,
              quantile === '1' ? 'slowest' : `{{quantile}}`,
            ),
          ),
        }),
        timeSeries({
          title: 'Failed writes and retries',
          unit: 'cps',
          queries: [totalPerSecond('cfmr_influxdb_failures_total', 'failed'), totalPerSecond('cfmr_influxdb_retries_total', 'tried again')],
        }),
        timeSeries({
          title: 'Since the last write that ended well',
          unit: 's',
          queries: [query(`time() - cfmr_influxdb_last_write_timestamp_seconds{${OF}}`)],
        }),
      ],
      [
        timeSeries({ title: 'Batches written', unit: 'wps', queries: [perSecond('cfmr_influxdb_batches_total')] }),
        timeSeries({
          title: 'Points of a batch',
          queries: [
            query(
              `rate(cfmr_influxdb_points_total{${OF}}[$__rate_interval]) / (rate(cfmr_influxdb_batches_total{${OF}}[$__rate_interval]) > 0)`,
            ),
          ],
        }),
        timeSeries({ title: 'Bytes written', unit: 'Bps', queries: [perSecond('cfmr_influxdb_bytes_total')] }),
        timeSeries({ title: 'Batches being written', queries: [value('cfmr_influxdb_in_flight')] }),
      ],
    ],
  },
]
