import { afterEach, expect, test } from 'vitest'
import { Metrics } from '../../../src/debug/metrics.ts'
import { Stats } from '../../../src/debug/stats.ts'
import { DOCKER_METRICS } from '../../../src/inputs/docker/metrics.ts'
import { quietSources } from './sources.ts'

const open: Metrics[] = []
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close()
})

function setUp(input: object = {}) {
  const quiet = quietSources()
  Object.assign(quiet.sources.inputs[0].input, input)
  const metrics = new Metrics(quiet.sources.inputs.map((source) => source.input))
  open.push(metrics)
  const stats = new Stats(quiet.sources)
  return { ...quiet, render: async () => (await metrics.render(stats.snapshot())).split('\n') }
}

test('shows the figures under names with base units, counters ending in _total', async () => {
  const { sources, partitions, render } = setUp()
  sources.inputs[0].ledger.consume(7)
  sources.inputs[0].ledger.settle('refused', 2)
  Object.assign(sources.outputs[0]?.output ?? {}, { records: 5, lastWriteMs: 1_700_000_000_500 })
  partitions.push({
    topic: 'a"b',
    partition: 3,
    position: 9,
    committed: 4,
    highWatermark: 11,
    lag: 7,
    inFlight: 2,
    oldestUnackedSeconds: 1.5,
  })
  const lines = await render()
  for (const line of [
    '# TYPE cfmr_consumed_total counter',
    'cfmr_consumed_total 7',
    'cfmr_envelopes_total{fate="refused"} 2',
    'cfmr_envelopes_total{fate="written"} 0',
    '# TYPE cfmr_residue gauge',
    'cfmr_residue 5',
    'cfmr_info{version="1.2.3",instance_index="4"} 1',
    'cfmr_state{state="running"} 1',
    'cfmr_kafka_lag 7',
    'cfmr_kafka_partition_lag{topic="a\\"b",partition="3"} 7',
    'cfmr_kafka_partition_oldest_unacked_seconds{topic="a\\"b",partition="3"} 1.5',
    'cfmr_influxdb_points_total 5',
    'cfmr_influxdb_last_write_timestamp_seconds 1700000000.5',
    'cfmr_influxdb_write_seconds{quantile="0.99"} 0.03',
  ]) {
    expect(lines).toContain(line)
  }
})

test('is the same however often it is asked, and forgets partitions that are gone', async () => {
  const { sources, partitions, render } = setUp()
  sources.inputs[0].ledger.consume(7)
  partitions.push({
    topic: 't',
    partition: 0,
    position: 1,
    committed: 1,
    highWatermark: 1,
    lag: 0,
    inFlight: 0,
    oldestUnackedSeconds: undefined,
  })
  await render()
  expect(await render()).toContain('cfmr_consumed_total 7')
  partitions.length = 0
  expect((await render()).filter((line) => line.startsWith('cfmr_kafka_partition_'))).toEqual([])
})

test('says whether it is ready, as /readyz does', async () => {
  const { reasons, render } = setUp()
  expect(await render()).toContain('cfmr_ready 1')
  reasons.output.push('InfluxDB: the last write failed')
  expect(await render()).toContain('cfmr_ready 0')
})

test('says whether reading is paused', async () => {
  const { sources, render } = setUp()
  expect(await render()).toContain('cfmr_kafka_paused 0')
  sources.inputs[0].input.isPaused = true
  expect(await render()).toContain('cfmr_kafka_paused 1')
})

test('leaves out what is not known', async () => {
  const { render } = setUp()
  const lines = await render()
  expect(lines.filter((line) => /^cfmr_\w+_timestamp_seconds /.test(line))).toEqual([])
})

test('has the figures of the process and of its event loop', async () => {
  const { render } = setUp()
  const text = (await render()).join('\n')
  for (const name of ['process_cpu_user_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']) {
    expect(text).toMatch(new RegExp(`^${name} `, 'm'))
  }
})

test('shows what an input has of its own: gaps by cause, and containers by what is read of them', async () => {
  const figures = () => ({
    gaps: { rotated: 2, events: 0 },
    containers: 5,
    running: 3,
    streaming: 2,
    not_streaming: [{ container: 'a', problem: 'b' }],
    waiting_for_room: 4,
    inspections_waiting: 6,
    engine: { connected: true, host: 'node', version: '28.0.1', api_version: '1.48', reconnects: 7 },
    dropped_by_kind: { usage: 8, event: 9 },
    positions: { save_failures: 10 },
  })
  const { render } = setUp({ name: 'docker', figures, metrics: DOCKER_METRICS })
  const lines = await render()
  for (const line of [
    'cfmr_input_gaps_total{input="docker",cause="rotated"} 2',
    'cfmr_input_gaps_total{input="docker",cause="events"} 0',
    'cfmr_docker_containers{state="all"} 5',
    'cfmr_docker_containers{state="running"} 3',
    'cfmr_docker_containers{state="streaming"} 2',
    'cfmr_docker_containers{state="not_streaming"} 1',
    'cfmr_docker_logs_waiting 4',
    'cfmr_docker_inspections_waiting 6',
    'cfmr_docker_connected 1',
    'cfmr_docker_engine_info{host="node",version="28.0.1",api_version="1.48"} 1',
    'cfmr_docker_reconnects_total 7',
    'cfmr_docker_dropped_total{kind="usage"} 8',
    'cfmr_docker_dropped_total{kind="event"} 9',
    'cfmr_docker_position_save_failures_total 10',
  ]) {
    expect(lines).toContain(line)
  }
})
