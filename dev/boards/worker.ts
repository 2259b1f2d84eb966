import { type Board, dataSourceVariable } from './board.ts'
import * as panels from './panels.ts'
import { docker } from './worker-docker.ts'
import { firehose } from './worker-firehose.ts'
import { OF, perSecond, query, source, stat, timeSeries, totalPerSecond, value } from './worker-queries.ts'
import { servers } from './worker-servers.ts'

const labelVariable = (name: string, label: string, series: string) => ({
  name,
  label,
  type: 'query',
  datasource: source,
  query: { query: `label_values(${series}, ${name})`, refId: name },
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: '.+',
  current: { text: ['All'], value: ['$__all'], selected: true },
})

export const worker: Board = {
  uid: 'cfmr-worker',
  title: 'cf-metrics-refinery',
  description: 'The workers of cf-metrics-refinery: what comes in, what becomes of it, how far behind they are, and what they wait for.',
  from: 'now-3h',
  variables: [
    dataSourceVariable('prometheus'),
    labelVariable('job', 'Job', 'cfmr_info'),
    labelVariable('instance', 'Instance', 'cfmr_info{job=~"$job"}'),
    labelVariable('topic', 'Topic', `cfmr_kafka_partition_lag{${OF}}`),
  ],
  rows: [
    {
      title: 'Now',
      lines: [
        [
          stat({
            title: 'Not ready',
            description: 'Instances that could not read and write now; /readyz of each says why.',
            thresholds: panels.badAboveZero,
            queries: [query(`count(cfmr_ready{${OF}}) - sum(cfmr_ready{${OF}})`, 'not ready')],
          }),
          stat({ title: 'Envelopes read', unit: 'cps', queries: [totalPerSecond('cfmr_consumed_total', 'read')] }),
          stat({ title: 'Points stored', unit: 'cps', queries: [totalPerSecond('cfmr_influxdb_points_total', 'stored')] }),
          stat({
            title: 'Lag',
            description: 'Messages between the committed offsets and the newest.',
            queries: [query(`sum(cfmr_kafka_lag{${OF}})`, 'lag')],
          }),
          stat({
            title: 'Dead letters',
            description: 'In the time that is looked at: envelopes that can never be written, undecodable or refused by InfluxDB.',
            thresholds: panels.badAboveZero,
            queries: [query(`sum(increase(cfmr_dead_letters_total{${OF}}[$__range]))`, 'dead letters')],
          }),
          stat({
            title: 'Lost to retention',
            description: 'In the time that is looked at: messages that Kafka had deleted before they could be read.',
            thresholds: panels.badAboveZero,
            queries: [query(`sum(increase(cfmr_kafka_skipped_total{${OF}}[$__range]))`, 'skipped')],
          }),
          stat({
            title: 'Residue',
            description: 'Envelopes that the ledger cannot account for. Anything but 0 is a bug.',
            thresholds: panels.badAboveZero,
            queries: [query(`sum(abs(cfmr_residue{${OF}}))`, 'residue')],
          }),
          stat({
            title: 'Restarts',
            description: 'In the time that is looked at.',
            queries: [query(`sum(changes(process_start_time_seconds{${OF}}[$__range]))`, 'restarts')],
          }),
        ],
      ],
    },
    {
      title: 'Flow',
      lines: [
        [
          timeSeries({ title: 'Envelopes read by instance', unit: 'cps', stacked: true, queries: [perSecond('cfmr_consumed_total')] }),
          timeSeries({
            title: 'Points stored by instance',
            unit: 'cps',
            stacked: true,
            queries: [perSecond('cfmr_influxdb_points_total')],
          }),
        ],
        [
          timeSeries({
            title: 'What becomes of envelopes',
            description:
              'written: stored. discarded: of a kind that makes no point. no_app_guid, not_found: of no app, of one that does not exist. ' +
              'undecodable, refused: dead letters. abandoned: will be read again, here or by another instance.',
            unit: 'cps',
            stacked: true,
            queries: [query(`sum by (fate) (rate(cfmr_envelopes_total{${OF}}[$__rate_interval]))`, '{{fate}}')],
          }),
          timeSeries({
            title: 'Out of the ordinary',
            unit: 'cps',
            queries: [
              totalPerSecond('cfmr_dead_letters_total', 'dead letters'),
              totalPerSecond('cfmr_sanitized_total', 'tags cleaned'),
              totalPerSecond('cfmr_enrich_failures_total', 'without an app'),
              totalPerSecond('cfmr_kafka_skipped_total', 'lost to retention'),
            ],
          }),
        ],
      ],
    },
    firehose,
    docker,
    ...servers,
    {
      title: 'Process',
      lines: [
        [
          timeSeries({
            title: 'Delay of the event loop',
            description:
              'Ten looks a second, of which the time between counts: 0.1 s is no delay. Above a second, heartbeats and answers come late.',
            unit: 's',
            queries: [
              value('nodejs_eventloop_lag_p50_seconds', 'p50 {{instance}}'),
              value('nodejs_eventloop_lag_p99_seconds', 'p99 {{instance}}'),
            ],
          }),
          timeSeries({
            title: 'CPU',
            description: '100 % is one core.',
            unit: 'percentunit',
            queries: [perSecond('process_cpu_seconds_total')],
          }),
        ],
        [
          timeSeries({
            title: 'Memory',
            unit: 'bytes',
            queries: [
              value('process_resident_memory_bytes', 'resident {{instance}}'),
              value('nodejs_heap_size_used_bytes', 'heap {{instance}}'),
              value('nodejs_external_memory_bytes', 'buffers {{instance}}'),
            ],
          }),
          timeSeries({
            title: 'Garbage collection',
            description: 'Share of the time.',
            unit: 'percentunit',
            queries: [query(`sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${OF}}[$__rate_interval]))`)],
          }),
          timeSeries({ title: 'Time since the start', unit: 's', queries: [value('cfmr_uptime_seconds')] }),
        ],
      ],
    },
  ],
}
