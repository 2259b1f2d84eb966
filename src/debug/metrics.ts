import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { FATES, type InputStats } from '../flow/contracts.ts'
import type { Metric } from './metric.ts'
import type { StatsSnapshot } from './stats.ts'

const ENDS = [...FATES, 'abandoned'] as const
const STATES = ['starting', 'running', 'draining'] as const
const PARTITION = ['topic', 'partition'] as const

type Partition = StatsSnapshot['kafka']['partitions'][number]

function perPartition(value: (partition: Partition) => number | null): Metric['value'] {
  return ({ kafka }) => kafka.partitions.map((each) => [{ topic: each.topic, partition: each.partition }, value(each)] as const)
}

const OUTPUT = ['output'] as const
const INPUT = ['input'] as const

type OutputFigures = StatsSnapshot['outputs'][string]
type InputFigures = StatsSnapshot['inputs'][string]

function perOutput(value: (output: OutputFigures) => number | undefined): Metric['value'] {
  return ({ outputs }) => Object.entries(outputs).map(([output, figures]) => [{ output }, value(figures)] as const)
}

function perInput(value: (input: InputFigures) => number): Metric['value'] {
  return ({ inputs }) => Object.entries(inputs).map(([input, figures]) => [{ input }, value(figures)] as const)
}

/** `gaps` of an input that has such a figure. */
function gapsIn(figures: object): [string, number][] {
  const { gaps } = figures as { readonly gaps?: unknown }
  return typeof gaps === 'object' && gaps !== null ? Object.entries(gaps as Readonly<Record<string, number>>) : []
}

function timestamp(iso: string | null): number | undefined {
  return iso === null ? undefined : Date.parse(iso) / 1000
}

const METRICS: readonly Metric[] = [
  {
    name: 'cfmr_info',
    help: 'Always 1.',
    labels: ['version', 'instance_index'],
    value: ({ version, instance_index }) => [[{ version, instance_index }, 1]],
  },
  {
    name: 'cfmr_state',
    help: '1 for the state it is in.',
    labels: ['state'],
    value: (s) => STATES.map((state) => [{ state }, s.state === state ? 1 : 0]),
  },
  {
    name: 'cfmr_ready',
    help: '1 when it can read and write, as /readyz says it; else 0.',
    value: (s) => (s.not_ready.length === 0 ? 1 : 0),
  },
  { name: 'cfmr_uptime_seconds', help: 'Since the start.', value: (s) => s.uptime_seconds },

  { name: 'cfmr_consumed_total', help: 'Envelopes read.', value: (s) => s.ledger.consumed },
  {
    name: 'cfmr_envelopes_total',
    help: 'Envelopes by what became of them.',
    labels: ['fate'],
    value: (s) => ENDS.map((fate) => [{ fate }, s.ledger[fate]]),
  },
  { name: 'cfmr_in_flight', help: 'Envelopes read and not yet settled.', value: (s) => s.ledger.in_flight },
  { name: 'cfmr_residue', help: 'Envelopes that the ledger cannot account for. Anything but 0 is a bug.', value: (s) => s.ledger.residue },
  {
    name: 'cfmr_sanitized_total',
    help: 'Points in whose tags control characters or trailing backslashes were replaced.',
    value: (s) => s.sanitized,
  },
  { name: 'cfmr_dead_letters_total', help: 'Envelopes that can never be written: undecodable or refused.', value: (s) => s.dead_letters },
  { name: 'cfmr_enriched_total', help: 'Events whose app was found.', value: (s) => s.app.enrich },
  { name: 'cfmr_enrich_failures_total', help: 'Events without an app, or of an app that does not exist.', value: (s) => s.app.enrichfail },
  { name: 'cfmr_batched_points_total', help: 'Points put into a batch.', value: (s) => s.app.writeasync },

  {
    name: 'cfmr_kafka_lag',
    help: 'Messages between the committed offsets and the newest, of all partitions of this instance.',
    value: (s) => s.kafka.lag,
  },
  { name: 'cfmr_kafka_skipped_total', help: 'Messages that Kafka had deleted before they could be read.', value: (s) => s.kafka.skipped },
  {
    name: 'cfmr_kafka_gaps_total',
    help: 'Offsets that no message came for, though Kafka has not deleted them. Anything but 0 is a loss in Kafka, unless a topic is compacted.',
    value: (s) => s.kafka.gaps,
  },
  {
    name: 'cfmr_kafka_paused',
    help: '1 while nothing is read, since as much is in flight as may be and none of it has been settled for 5 s; else 0.',
    value: (s) => (s.kafka.paused ? 1 : 0),
  },
  { name: 'cfmr_kafka_partitions', help: 'Partitions of this instance.', value: (s) => s.kafka.partitions.length },
  {
    name: 'cfmr_kafka_partition_lag',
    help: 'Messages between committed offset and newest.',
    labels: PARTITION,
    value: perPartition((p) => p.lag),
  },
  { name: 'cfmr_kafka_partition_position', help: 'Next offset to read.', labels: PARTITION, value: perPartition((p) => p.position) },
  { name: 'cfmr_kafka_partition_committed', help: 'Committed offset.', labels: PARTITION, value: perPartition((p) => p.committed) },
  {
    name: 'cfmr_kafka_partition_high_watermark',
    help: 'Offset that the next message will get.',
    labels: PARTITION,
    value: perPartition((p) => p.high_watermark),
  },
  {
    name: 'cfmr_kafka_partition_in_flight',
    help: 'Messages read and not yet settled.',
    labels: PARTITION,
    value: perPartition((p) => p.in_flight),
  },
  {
    name: 'cfmr_kafka_partition_oldest_unacked_seconds',
    help: 'Age of the oldest of them; 0 without any.',
    labels: PARTITION,
    value: perPartition((p) => p.oldest_unacked_seconds),
  },

  { name: 'cfmr_metadata_apps', help: 'Apps in the cache.', value: (s) => s.metadata.apps },
  { name: 'cfmr_metadata_not_found', help: 'Apps in the cache that do not exist.', value: (s) => s.metadata.not_found },
  { name: 'cfmr_metadata_hits_total', help: 'Events whose app was in the cache.', value: (s) => s.metadata.hits },
  { name: 'cfmr_metadata_misses_total', help: 'Events whose app was not in the cache.', value: (s) => s.metadata.misses },
  { name: 'cfmr_metadata_requests_total', help: 'Requests to Cloud Controller and UAA.', value: (s) => s.metadata.requests },
  { name: 'cfmr_metadata_failures_total', help: 'Requests to Cloud Controller and UAA that failed.', value: (s) => s.metadata.failures },
  { name: 'cfmr_metadata_held', help: "Messages that wait for Cloud Controller's answer.", value: (s) => s.metadata.held },
  {
    name: 'cfmr_metadata_last_refresh_timestamp_seconds',
    help: 'When all apps were fetched last.',
    value: (s) => timestamp(s.metadata.last_refresh_time),
  },

  { name: 'cfmr_influxdb_batches_total', help: 'Batches written.', value: (s) => s.influxdb.batches },
  { name: 'cfmr_influxdb_points_total', help: 'Points stored.', value: (s) => s.influxdb.points },
  { name: 'cfmr_influxdb_bytes_total', help: 'Bytes of line protocol stored, before compression.', value: (s) => s.influxdb.bytes },
  { name: 'cfmr_influxdb_retries_total', help: 'Further tries of a write.', value: (s) => s.influxdb.retries },
  { name: 'cfmr_influxdb_failures_total', help: 'Writes that failed.', value: (s) => s.influxdb.failures },
  { name: 'cfmr_influxdb_in_flight', help: 'Batches being written.', value: (s) => s.influxdb.in_flight },
  {
    name: 'cfmr_influxdb_last_write_timestamp_seconds',
    help: 'When a write ended well last.',
    value: (s) => timestamp(s.influxdb.last_write_time),
  },
  {
    name: 'cfmr_influxdb_write_seconds',
    help: 'Time of the writes that ended well within the last 5 minutes, by quantile; 0 without any.',
    labels: ['quantile'],
    value: ({ influxdb: { write_seconds: t } }) => [
      [{ quantile: '0.5' }, t.p50],
      [{ quantile: '0.9' }, t.p90],
      [{ quantile: '0.99' }, t.p99],
      [{ quantile: '1' }, t.max],
    ],
  },

  {
    name: 'cfmr_output_records_total',
    help: 'Records stored, by output.',
    labels: OUTPUT,
    value: perOutput((o) => o.records),
  },
  { name: 'cfmr_output_bytes_total', help: 'Bytes stored, before compression.', labels: OUTPUT, value: perOutput((o) => o.bytes) },
  { name: 'cfmr_output_retries_total', help: 'Further tries of a write.', labels: OUTPUT, value: perOutput((o) => o.retries) },
  { name: 'cfmr_output_failures_total', help: 'Writes that failed.', labels: OUTPUT, value: perOutput((o) => o.failures) },
  {
    name: 'cfmr_output_refused_total',
    help: 'Messages that the output refuses for good.',
    labels: OUTPUT,
    value: perOutput((o) => o.refused),
  },
  {
    name: 'cfmr_output_repeated_total',
    help: 'Of the stored records, those that were stored before and were known again.',
    labels: OUTPUT,
    value: perOutput((o) => o.repeated),
  },
  {
    name: 'cfmr_output_restarted_total',
    help: 'Sums for Graphite that may have begun anew, since there were too many to remember them all.',
    labels: OUTPUT,
    value: perOutput((o) => o.restarted ?? 0),
  },
  { name: 'cfmr_output_held', help: 'Records that the output holds back.', labels: OUTPUT, value: perOutput((o) => o.held) },
  { name: 'cfmr_output_in_flight', help: 'Messages handed to it and unsettled.', labels: OUTPUT, value: perOutput((o) => o.in_flight) },
  {
    name: 'cfmr_output_last_write_timestamp_seconds',
    help: 'When a write ended well last.',
    labels: OUTPUT,
    value: perOutput((o) => timestamp(o.last_write_time)),
  },
  {
    name: 'cfmr_input_messages_total',
    help: 'Messages read, by input.',
    labels: INPUT,
    value: perInput((i) => i.messages),
  },
  { name: 'cfmr_input_bytes_total', help: 'Bytes of messages read.', labels: INPUT, value: perInput((i) => i.bytes) },
  {
    name: 'cfmr_input_dropped_total',
    help: 'Messages given up unread for want of room: only of an input without acknowledgement.',
    labels: INPUT,
    value: perInput((i) => i.dropped),
  },
  { name: 'cfmr_input_failures_total', help: 'How often reading failed.', labels: INPUT, value: perInput((i) => i.failures) },
  {
    name: 'cfmr_input_gaps_total',
    help: 'What was said and cannot be had any more, by cause.',
    labels: ['input', 'cause'],
    value: ({ inputs }) =>
      Object.entries(inputs).flatMap(([input, figures]) => gapsIn(figures).map(([cause, count]) => [{ input, cause }, count] as const)),
  },
]

/** How often the delay of the event loop is measured: prom-client's 10 ms alone would keep a process that is idle at nearly 1 % of a core. */
const EVENT_LOOP_LOOK_MS = 100

/** The figures of `/stats` for Prometheus, and those of the process and its event loop. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #metrics: readonly (Metric & { readonly instrument: Counter | Gauge })[]

  /** `inputs` bring what is theirs alone. */
  constructor(inputs: readonly InputStats[]) {
    const metrics = [...METRICS, ...inputs.flatMap(metricsOf)]
    this.#metrics = metrics.map((metric) => ({ ...metric, instrument: instrument(metric, this.#registry) }))
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  render(stats: StatsSnapshot): Promise<string> {
    for (const { value, instrument } of this.#metrics) {
      const values = value(stats)
      // Also without labels, where a reset would leave a 0 behind.
      instrument.reset()
      instrument.remove({})
      for (const [labels, number] of typeof values === 'object' && values !== null ? values : ([[{}, values]] as const)) {
        if (number !== null && number !== undefined) instrument.inc(labels, number)
      }
    }
    return this.#registry.metrics()
  }

  close(): void {
    this.#registry.clear()
  }
}

function metricsOf({ name, metrics = [] }: InputStats): Metric[] {
  return metrics.map((metric) => ({ ...metric, value: ({ inputs }) => metric.value({ ...inputs[name] }) }))
}

function instrument({ name, help, labels = [] }: Metric, registry: Registry): Counter | Gauge {
  const configuration = { name, help, labelNames: [...labels], registers: [registry] }
  return name.endsWith('_total') ? new Counter(configuration) : new Gauge(configuration)
}
