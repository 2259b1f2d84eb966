import type { PartitionedStats, PartitionStats } from '../flow/contracts.ts'
import { Ledger } from '../flow/ledger.ts'
import { AppStats, first } from './app-stats.ts'
import { redactAll } from './redact-all.ts'
import { Runtime } from './runtime.ts'
import type { InputSource, OutputSource, StatsSources } from './sources.ts'

/** So many of the apps that are waited for are named. */
const APPS_NAMED = 20

/** Everything that `/stats` shows. The names in it are read by boards, alerts and scripts of other people: they stay. */
export type StatsSnapshot = ReturnType<Stats['snapshot']>

export class Stats {
  readonly #sources: StatsSources
  readonly #redact: (text: string) => string
  readonly #app: AppStats
  readonly #runtime = new Runtime()
  readonly #startedMs = performance.now()

  constructor(sources: StatsSources) {
    this.#sources = sources
    this.#redact = sources.secrets.redact
    this.#app = new AppStats(sources)
  }

  /** To be called about once a second: it makes the rates. */
  sample(): void {
    this.#app.sample(Date.now())
    this.#runtime.sample()
  }

  app(): ReturnType<AppStats['figures']> {
    return this.#app.figures()
  }

  runtime(): ReturnType<Runtime['figures']> {
    return this.#runtime.figures()
  }

  /** All figures of one moment: nothing is counted while they are read, so the ledger adds up. */
  snapshot() {
    const { version, instanceIndex, state, inputs, outputs } = this.#sources
    const ledger = Ledger.sum(inputs.map((input) => input.ledger))
    const { fates } = ledger
    const inFlight = inputs.reduce((sum, { input }) => sum + input.inFlight, 0)
    return {
      version,
      state: state(),
      not_ready: this.notReady(),
      uptime_seconds: Math.round(performance.now() - this.#startedMs) / 1000,
      instance_index: instanceIndex,
      app: this.app(),
      runtime: this.runtime(),
      ledger: {
        consumed: ledger.consumed,
        written: fates.written,
        discarded: fates.discarded,
        no_app_guid: fates.no_app_guid,
        not_found: fates.not_found,
        undecodable: fates.undecodable,
        refused: fates.refused,
        dropped: fates.dropped,
        over_quota: fates.over_quota,
        abandoned: ledger.abandoned,
        in_flight: inFlight,
        residue: ledger.residue(inFlight),
      },
      kafka: this.#kafka(),
      inputs: Object.fromEntries(inputs.map((input) => [input.input.name, this.#input(input)])),
      metadata: this.#metadata(),
      influxdb: this.#influxdb(),
      outputs: Object.fromEntries(outputs.map((output) => [output.name, this.#output(output)])),
      sanitized: outputs.reduce((sum, { encoder }) => sum + (encoder.sanitized ?? 0), 0),
      truncated: outputs.reduce((sum, { encoder }) => sum + (encoder.truncated ?? 0), 0),
      dead_letters: fates.undecodable + (outputs.length === 1 ? fates.refused : outputs.reduce((sum, { lane }) => sum + lane.refused, 0)),
    }
  }

  /** Why it could not read and write now, a sentence each; none: it is ready. */
  notReady(): string[] {
    const { state, inputs, enricher, outputs, deadLetters, maxInFlight } = this.#sources
    const reasons: string[] = []
    if (state() === 'starting') reasons.push('starting')
    if (state() === 'draining') reasons.push('draining: it reads no more, and ends once what was read is written and committed')
    for (const { input } of inputs) reasons.push(...input.notReady())
    reasons.push(...enricher.notReady())
    for (const { name, output, lane } of outputs) {
      reasons.push(...output.notReady())
      if (lane.held > 0) reasons.push(`${name}: ${lane.held} records are held back: ${output.lastError ?? 'it does not take them yet'}`)
    }
    reasons.push(...deadLetters.notReady())
    const held = this.#sources.held()
    const isAtLimit = inputs.some(({ input }) => input.inFlight >= maxInFlight || input.isPaused)
    if (held.count > 0 && isAtLimit) {
      const guids = held.guids(APPS_NAMED)
      const more = held.guidCount > guids.length ? ` and ${held.guidCount - guids.length} more` : ''
      reasons.push(`metadata: ${held.count} messages wait for Cloud Controller's answer about the apps ${guids.join(', ')}${more}`)
    }
    return reasons.map(this.#redact)
  }

  #metadata() {
    const { enricher } = this.#sources
    const held = this.#sources.held()
    return {
      apps: enricher.apps,
      not_found: enricher.notFound,
      hits: enricher.hits,
      misses: enricher.misses,
      requests: enricher.requests,
      failures: enricher.failures,
      held: held.count,
      held_apps: held.guids(APPS_NAMED),
      last_refresh_time: isoTime(enricher.lastRefreshMs),
      last_error: this.#error(enricher.lastError),
    }
  }

  #influxdb() {
    const { output } = first(this.#sources.outputs)
    return {
      batches: output.batches,
      points: output.records,
      bytes: output.bytes,
      retries: output.retries,
      failures: output.failures,
      in_flight: output.inFlight,
      last_error: this.#error(output.lastError),
      last_write_time: isoTime(output.lastWriteMs),
      write_seconds: output.writeSeconds(),
    }
  }

  #kafka() {
    const { inputs } = this.#sources
    return {
      ...kafkaFigures(inputs.find(({ input }) => input.partitioned !== undefined)?.input.partitioned),
      paused: inputs.some(({ input }) => input.isPaused),
    }
  }

  #input({ input, ledger }: InputSource) {
    return {
      acknowledged: input.acknowledged,
      messages: ledger.consumed,
      bytes: ledger.consumedBytes,
      dropped: ledger.fates.dropped,
      failures: input.failures,
      last_error: this.#error(input.lastError),
      last_message_time: isoTime(ledger.lastConsumedMs),
      concerns: (input.concerns?.() ?? []).map(this.#redact),
      ...(redactAll(input.figures?.() ?? {}, this.#redact) as object),
    }
  }

  #output({ ack, output, lane }: OutputSource) {
    return {
      ack,
      records: output.records,
      bytes: output.bytes,
      retries: output.retries,
      failures: output.failures,
      in_flight: lane.inFlight,
      refused: lane.refused,
      held: lane.held,
      repeated: output.repeated,
      ...(output.restarted !== undefined && { restarted: output.restarted }),
      last_error: this.#error(output.lastError),
      last_write_time: isoTime(output.lastWriteMs),
      write_seconds: output.writeSeconds(),
    }
  }

  #error(text: string | undefined): string | null {
    return text === undefined ? null : this.#redact(text)
  }
}

function kafkaFigures(partitioned: PartitionedStats | undefined) {
  const partitions = partitioned?.partitions().map(partitionFigures) ?? []
  return {
    lag: partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    skipped: partitioned?.skipped ?? 0,
    gaps: partitioned?.gaps ?? 0,
    partitions,
  }
}

function partitionFigures(stats: PartitionStats) {
  return {
    topic: stats.topic,
    partition: stats.partition,
    position: stats.position ?? null,
    committed: stats.committed ?? null,
    high_watermark: stats.highWatermark ?? null,
    lag: stats.lag ?? null,
    in_flight: stats.inFlight,
    oldest_unacked_seconds: stats.oldestUnackedSeconds ?? 0,
  }
}

function isoTime(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString()
}
