import { expect, it } from 'vitest'
import { parseExactJson } from '../../../../src/inputs/docker/engine/json-lines.ts'
import { UsageReader } from '../../../../src/inputs/docker/usage/reading.ts'

const read = '2026-11-27T10:00:00.000000001Z'
const usageOf = (frame: object) => new UsageReader().read({ read, ...frame })

const cpu = (total: number, system: number | undefined, more: object = { online_cpus: 4 }) => ({
  read,
  cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, ...more },
})

it('reads a frame of cgroup v1 as `docker stats` does, with all digits', () => {
  const frame = `{"read":"${read}","pids_stats":{"current":3},"memory_stats":{"usage":1000000,"limit":9007199254740995,
    "stats":{"cache":600000,"total_inactive_file":250000,"inactive_file":1}},"networks":{"eth0":{"rx_bytes":9007199254740993,"tx_bytes":2,
    "rx_errors":0,"tx_errors":1,"rx_dropped":5,"tx_dropped":6},"eth1":{"rx_bytes":1,"tx_bytes":2}},
    "blkio_stats":{"io_service_bytes_recursive":[{"major":8,"op":"Read","value":7},{"major":9,"op":"Read","value":1},{"major":8,"op":"Write","value":8},
    {"major":8,"op":"Total","value":16}]},"cpu_stats":{"throttling_data":{"throttled_time":1500000000}}}`
  expect(new UsageReader().read(parseExactJson(frame))).toEqual({
    read,
    memoryBytes: 750_000n,
    memoryQuotaBytes: 9007199254740995n,
    ...{ rxBytes: 9007199254740994n, txBytes: 4n, rxErrors: 0n, txErrors: 1n, rxDropped: 5n, txDropped: 6n },
    ...{ readBytes: 8n, writeBytes: 8n, pids: 3n, throttledSeconds: 1.5 },
  })
})

it('reads the names of cgroup v2', () => {
  const blkio_stats = {
    io_service_bytes_recursive: [
      { op: 'read', value: 0 },
      { op: 'write', value: 4096 },
    ],
  }
  const memory_stats = { usage: 1000, limit: 2000, stats: { inactive_file: 300, file: 900 } }
  expect(usageOf({ memory_stats, blkio_stats })).toEqual({
    read,
    memoryBytes: 700n,
    memoryQuotaBytes: 2000n,
    readBytes: 0n,
    writeBytes: 4096n,
  })
})

it('leaves out what the engine does not say, and takes no cache off that is larger than the whole', () => {
  const nothing = { memory_stats: { usage: 0, limit: 0 }, blkio_stats: { io_service_bytes_recursive: null }, pids_stats: {} }
  expect(usageOf(nothing)).toEqual({ read })
  expect(usageOf({ networks: {}, blkio_stats: { io_service_bytes_recursive: [] } })).toEqual({ read })
  expect(usageOf({ memory_stats: { usage: 10, stats: { total_inactive_file: 11 } } })).toEqual({ read, memoryBytes: 10n })
})

it('makes nothing of a frame without a reading', () => {
  expect(new UsageReader().read({ read: '0001-01-01T00:00:00Z', memory_stats: { usage: 5 } })).toBeUndefined()
  expect(new UsageReader().read({ id: 'x' })).toBeUndefined()
})

it('has a percentage of one core from the second reading on, and none where a counter went back or the cores are not known', () => {
  const percents = (...frames: object[]) => {
    const reader = new UsageReader()
    return frames.map((frame) => reader.read(frame)?.cpuPercent)
  }
  expect(percents(cpu(100, 1000), cpu(600, 2000))).toEqual([undefined, 200])
  expect(percents(cpu(100, 1000), cpu(50, 2000), cpu(60, 2000))).toEqual([undefined, undefined, undefined])
  expect(percents(cpu(0, 0, {}), cpu(10, 100, {}))).toEqual([undefined, undefined])
  expect(percents(cpu(0, undefined), cpu(10, undefined))).toEqual([undefined, undefined])
})
