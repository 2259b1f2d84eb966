import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseExactJson } from '../../../../src/inputs/docker/engine/json-lines.ts'
import { type Usage, UsageReader } from '../../../../src/inputs/docker/usage/reading.ts'

/**
 * Frames of usage as engines write them, one a line in `test/fixtures/engine-usage`. The values are ours; which keys there are comes from
 * - moby, `daemon/daemon_unix.go`: statsV1 and statsV2 say what of containerd's metrics becomes which key, and what cgroup v2 has not; the `omitempty` of `api/types/stats.go` which
 *   keys are left out when 0 or nil;
 * - the documentation of the Engine API, operation ContainerStats, and docker/cli, `stats_helpers.go` and its tests: how it is reckoned, `Read` and `read`;
 * - Podman, `pkg/api/handlers/compat/containers_stats_linux.go`, and containers/common, `pkg/cgroups`;
 * - answers of Docker 20.10.24 and Podman 4.3.1 on cgroup v1. Of cgroup v2 there is no answer of a running engine among them: no machine with it was at hand.
 */
const GOLDEN: readonly {
  readonly file: string
  readonly what: string
  readonly isPodman?: boolean
  readonly usage: readonly (object | undefined)[]
}[] = [
  {
    file: 'docker-cgroup-v2',
    what: 'no percpu_usage, inactive_file without total_, operations in lower case, other lists null, a limit of pids that no signed integer holds',
    usage: [
      {
        ...{ memoryBytes: 41_943_040n, memoryQuotaBytes: 134_217_728n, pids: 9n, throttledSeconds: 0.35 },
        ...{ rxBytes: 813_340n, txBytes: 90_710n, rxErrors: 1n, txErrors: 0n, rxDropped: 2n, txDropped: 0n },
        ...{ readBytes: 1_052_672n, writeBytes: 65_536n },
      },
      {
        // 5 s in the 10 s that each of 8 cores had.
        ...{ cpuPercent: 50, memoryBytes: 41_943_040n, memoryQuotaBytes: 134_217_728n, pids: 9n, throttledSeconds: 0.85 },
        ...{ rxBytes: 913_340n, txBytes: 95_710n, rxErrors: 1n, txErrors: 0n, rxDropped: 2n, txDropped: 0n },
        ...{ readBytes: 2_101_248n, writeBytes: 131_072n },
      },
    ],
  },
  {
    file: 'docker-cgroup-v2-two-cycles',
    what: 'an engine without one-shot fills precpu_stats; CPU is told of our own readings alone',
    usage: [expect.not.objectContaining({ cpuPercent: expect.anything() })],
  },
  {
    file: 'docker-cgroup-v2-other-order',
    what: 'keys in another order, and one that is new',
    usage: [expect.objectContaining({ memoryBytes: 41_943_040n, pids: 9n })],
  },
  {
    file: 'docker-cgroup-v2-host-network',
    what: 'no networks, controllers of memory, io and pids off: CPU is all there is',
    usage: [{ throttledSeconds: 0 }, { cpuPercent: 2, throttledSeconds: 0 }],
  },
  {
    file: 'docker-cgroup-v2-no-system-cpu',
    what: 'no system_cpu_usage: no CPU',
    usage: [0, 1].map(() => ({ memoryBytes: 41_943_040n, memoryQuotaBytes: 134_217_728n, pids: 9n, throttledSeconds: 0 })),
  },
  {
    file: 'docker-cgroup-v2-no-online-cpus',
    what: 'neither online_cpus nor percpu_usage: no CPU, though docker stats shows 0',
    usage: [0, 1].map(() => ({ memoryBytes: 41_943_040n, memoryQuotaBytes: 134_217_728n, pids: 9n, throttledSeconds: 0 })),
  },
  { file: 'docker-not-running', what: 'a container that does not run', usage: [undefined] },
  {
    file: 'docker-cgroup-v1',
    what: 'percpu_usage, total_inactive_file, operations that begin in upper case and add up to Total',
    usage: [
      expect.not.objectContaining({ cpuPercent: expect.anything() }),
      {
        ...{ cpuPercent: 10, memoryBytes: 41_943_040n, memoryQuotaBytes: 134_217_728n, pids: 9n, throttledSeconds: 0 },
        ...{ rxBytes: 812_340n, txBytes: 90_210n, rxErrors: 0n, txErrors: 0n, rxDropped: 2n, txDropped: 0n },
        ...{ readBytes: 1_048_576n, writeBytes: 65_536n },
      },
    ],
  },
  {
    file: 'podman-4-host-network',
    isPodman: true,
    what: 'system_cpu_usage is what control groups have used; a network of which nothing is known, and what was throttled, is 0',
    usage: [
      { memoryBytes: 7_340_032n, memoryQuotaBytes: 8_264_716_288n, pids: 4n },
      // 1 s in 10 s. All control groups together used 2 s meanwhile, of which it is the half.
      { cpuPercent: 10, memoryBytes: 7_340_032n, memoryQuotaBytes: 8_264_716_288n, pids: 4n },
    ],
  },
  {
    file: 'podman-4-bridge',
    isPodman: true,
    what: 'one network for all, block IO where the controller is on',
    usage: [expect.objectContaining({ rxBytes: 4410n, txBytes: 990n, readBytes: 1_036_288n, writeBytes: 4096n })],
  },
  {
    file: 'podman-6',
    isPodman: true,
    what: 'networks by their interface, with what was dropped',
    usage: [expect.objectContaining({ rxBytes: 4410n, txBytes: 990n, rxDropped: 3n })],
  },
]

it.each(GOLDEN)('$file: $what', ({ file, isPodman = false, usage }) => {
  const frames = readFileSync(new URL(`../../../fixtures/engine-usage/${file}.ndjson`, import.meta.url), 'utf8')
  const reader = new UsageReader({ isPodman })
  const read = frames
    .trimEnd()
    .split('\n')
    .map((frame) => withoutTime(reader.read(parseExactJson(frame))))
  expect(read).toEqual(usage)
})

function withoutTime(usage: Usage | undefined): Omit<Usage, 'read'> | undefined {
  if (usage === undefined) return undefined
  const { read: _, ...rest } = usage
  return rest
}
