import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Stats } from '../../../src/debug/stats.ts'
import { quietSources } from './sources.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-02T03:04:05.678Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

const NEVER = '0001-01-01T00:00:00Z'

describe("the original's object", () => {
  test('has its keys, in its order, and says never as Go does', () => {
    const { sources } = quietSources()
    const app = new Stats(sources).app()
    expect(Object.entries(app)).toEqual([
      ['consume', 0],
      ['consume_per_sec', 0],
      ['enrich', 0],
      ['enrich_per_sec', 0],
      ['enrichfail', 0],
      ['enrichfail_per_sec', 0],
      ['writeasync', 0],
      ['writeasync_per_sec', 0],
      ['write', 0],
      ['write_per_sec', 0],
      ['cffail', 0],
      ['cffail_per_sec', 0],
      ['last_consume_time', NEVER],
      ['last_enrich_time', NEVER],
      ['last_enrich_fail_time', NEVER],
      ['last_writeasync_time', NEVER],
      ['last_write_time', NEVER],
      ['last_cffail_time', NEVER],
      ['instance_index', 4],
    ])
  })

  test('counts what the original counts, with the time of the last', () => {
    const { sources } = quietSources()
    const stats = new Stats(sources)
    sources.inputs[0].ledger.consume(9)
    sources.translator.enriched.add(5, Date.now() - 1000)
    sources.translator.enrichFailed.add(4, Date.now() - 2000)
    sources.outputs[0]?.lane.batched.add(3, Date.now() - 3000)
    Object.assign(sources.outputs[0]?.output ?? {}, { records: 2, lastWriteMs: Date.now() - 4000 })
    Object.assign(sources.enricher, { failures: 1, lastFailureMs: Date.now() - 5000 })
    expect(stats.app()).toMatchObject({
      consume: 9,
      enrich: 5,
      enrichfail: 4,
      writeasync: 3,
      write: 2,
      cffail: 1,
      last_consume_time: '2026-01-02T03:04:05.678Z',
      last_enrich_time: '2026-01-02T03:04:04.678Z',
      last_enrich_fail_time: '2026-01-02T03:04:03.678Z',
      last_writeasync_time: '2026-01-02T03:04:02.678Z',
      last_write_time: '2026-01-02T03:04:01.678Z',
      last_cffail_time: '2026-01-02T03:04:00.678Z',
    })
  })

  test('makes rates of the last second, also where the sample comes late', () => {
    const { sources } = quietSources()
    const stats = new Stats(sources)
    sources.inputs[0].ledger.consume(500)
    vi.advanceTimersByTime(1000)
    stats.sample()
    expect(stats.app().consume_per_sec).toBe(500)
    sources.inputs[0].ledger.consume(300)
    vi.advanceTimersByTime(2000)
    stats.sample()
    expect(stats.app().consume_per_sec).toBe(150)
    vi.advanceTimersByTime(1000)
    stats.sample()
    expect(stats.app().consume_per_sec).toBe(0)
  })
})

describe('everything', () => {
  test('has the shape that others rely on, with null for never and for unknown', () => {
    const { sources, partitions } = quietSources()
    partitions.push({
      topic: 't',
      partition: 0,
      position: undefined,
      committed: undefined,
      highWatermark: undefined,
      lag: undefined,
      inFlight: 0,
      oldestUnackedSeconds: undefined,
    })
    const { app, runtime, ...rest } = new Stats(sources).snapshot()
    expect(app.instance_index).toBe(4)
    expect(runtime.memory_rss_bytes).toBeGreaterThan(0)
    expect(rest).toEqual({
      version: '1.2.3',
      state: 'running',
      not_ready: [],
      uptime_seconds: 0,
      instance_index: 4,
      ledger: {
        consumed: 0,
        written: 0,
        discarded: 0,
        no_app_guid: 0,
        not_found: 0,
        undecodable: 0,
        refused: 0,
        dropped: 0,
        over_quota: 0,
        abandoned: 0,
        in_flight: 0,
        residue: 0,
      },
      kafka: {
        lag: 0,
        skipped: 0,
        gaps: 0,
        paused: false,
        partitions: [
          {
            topic: 't',
            partition: 0,
            position: null,
            committed: null,
            high_watermark: null,
            lag: null,
            in_flight: 0,
            oldest_unacked_seconds: 0,
          },
        ],
      },
      metadata: {
        apps: 0,
        not_found: 0,
        hits: 0,
        misses: 0,
        requests: 0,
        failures: 0,
        held: 0,
        held_apps: [],
        last_refresh_time: null,
        last_error: null,
      },
      influxdb: {
        batches: 0,
        points: 0,
        bytes: 0,
        retries: 0,
        failures: 0,
        in_flight: 0,
        last_error: null,
        last_write_time: null,
        write_seconds: { p50: 0.01, p90: 0.02, p99: 0.03, max: 0.04 },
      },
      inputs: {
        kafka: {
          acknowledged: true,
          concerns: [],
          messages: 0,
          bytes: 0,
          dropped: 0,
          failures: 0,
          last_error: null,
          last_message_time: null,
        },
      },
      outputs: {
        influxdb: {
          ack: 'stored',
          records: 0,
          bytes: 0,
          retries: 0,
          failures: 0,
          in_flight: 0,
          refused: 0,
          held: 0,
          repeated: 0,
          last_error: null,
          last_write_time: null,
          write_seconds: { p50: 0.01, p90: 0.02, p99: 0.03, max: 0.04 },
        },
      },
      sanitized: 0,
      truncated: 0,
      dead_letters: 0,
    })
  })

  test('accounts for every envelope, and shows one that was counted twice', () => {
    const { sources } = quietSources()
    const stats = new Stats(sources)
    sources.inputs[0].ledger.consume(10)
    sources.inputs[0].ledger.settle('written', 3)
    sources.inputs[0].ledger.settle('undecodable', 1)
    sources.inputs[0].ledger.settle('refused', 2)
    sources.inputs[0].ledger.abandon(1)
    sources.inputs[0].input.inFlight = 3
    expect(stats.snapshot()).toMatchObject({ dead_letters: 3, ledger: { consumed: 10, abandoned: 1, in_flight: 3, residue: 0 } })
    sources.inputs[0].ledger.settle('written', 1)
    expect(stats.snapshot().ledger.residue).toBe(-1)
  })

  test('adds up the lag of the partitions, and names the apps that are waited for', () => {
    const { sources, partitions, held } = quietSources()
    for (const lag of [5, undefined, 7]) {
      const offsets = { position: 1, committed: 1, highWatermark: 1 }
      partitions.push({ topic: 't', partition: partitions.length, ...offsets, lag, inFlight: 2, oldestUnackedSeconds: 1.5 })
    }
    held.count = 60
    held.apps = Array.from({ length: 30 }, (_, i) => `app-${i}`)
    const { kafka, metadata } = new Stats(sources).snapshot()
    expect(kafka.lag).toBe(12)
    expect(kafka.partitions[2]).toMatchObject({ partition: 2, lag: 7, in_flight: 2, oldest_unacked_seconds: 1.5 })
    expect(metadata.held).toBe(60)
    expect(metadata.held_apps).toEqual(held.apps.slice(0, 20))
  })

  test('shows no secret that a server has quoted in an error', () => {
    const { sources, reasons } = quietSources()
    Object.assign(sources.outputs[0]?.output ?? {}, { lastError: 'POST http://me:other@influx/write?p=hunter2! failed' })
    sources.enricher.lastError = 'no login with hunter2!'
    reasons.output.push('influxdb: hunter2! is wrong')
    const figures = () => ({ engine: { problem: 'hunter2! is wrong' }, not_streaming: [{ problem: 'nor is http://me:other@proxy right' }] })
    Object.assign(sources.inputs[0].input, { figures, concerns: () => ['hunter2! is wrong'] })
    const stats = new Stats(sources)
    expect(JSON.stringify([stats.snapshot(), stats.notReady()])).not.toMatch(/hunter2|other/)
  })
})

describe('ready', () => {
  test('where nothing speaks against it', () => {
    expect(new Stats(quietSources().sources).notReady()).toEqual([])
  })

  test('not before the warm-up, and not while draining', () => {
    const { sources, state } = quietSources()
    const stats = new Stats(sources)
    state.value = 'starting'
    expect(stats.notReady()).toEqual(['starting'])
    state.value = 'draining'
    expect(stats.notReady()).toEqual([expect.stringContaining('draining')])
  })

  test('not where a stage says so: each with its reason', () => {
    const { sources, reasons } = quietSources()
    reasons.input.push('kafka: a')
    reasons.enricher.push('metadata: b')
    reasons.output.push('influxdb: c')
    reasons.deadLetters.push('dead letters: d')
    expect(new Stats(sources).notReady()).toEqual(['kafka: a', 'metadata: b', 'influxdb: c', 'dead letters: d'])
  })

  test('also while messages are held back, unless they fill what may be in flight: then the apps are named', () => {
    const { sources, held } = quietSources()
    const stats = new Stats(sources)
    held.count = 9
    held.apps = ['app-1', 'app-2']
    sources.inputs[0].input.inFlight = 9
    expect(stats.notReady()).toEqual([])
    sources.inputs[0].input.inFlight = 10
    expect(stats.notReady()).toEqual([expect.stringMatching(/9 messages .* app-1, app-2$/)])
  })
})
