import { valueAt } from '../../../lib/value-at.ts'

/** What a container uses, as far as the engine says: what is absent there is absent here, and never 0. Counters go up from the container's start. */
export interface Usage {
  /** The engine's time, as it has written it. */
  readonly read: string
  /** 100 is one core; only with a reading before this one. */
  readonly cpuPercent?: number
  /** Without the page cache, as `docker stats` shows it. */
  readonly memoryBytes?: bigint
  readonly memoryQuotaBytes?: bigint
  /** Of the container's writable layer. */
  readonly diskBytes?: bigint
  readonly rxBytes?: bigint
  readonly txBytes?: bigint
  readonly rxErrors?: bigint
  readonly txErrors?: bigint
  readonly rxDropped?: bigint
  readonly txDropped?: bigint
  readonly readBytes?: bigint
  readonly writeBytes?: bigint
  readonly pids?: bigint
  readonly throttledSeconds?: number
}

/** The engine's time of a frame for which nothing was read: the container does not run, or could not be read. */
const NEVER = '0001-01-01'

interface CpuReading {
  readonly total: bigint
  readonly system: bigint
}

/** Reads the frames of one container's `stats`, as `parseExactJson` has them, in order. Whoever begins to read a new run of it takes a new one. */
export class UsageReader {
  #before: CpuReading | undefined

  /** Undefined where the frame has no reading. */
  read(frame: unknown): Usage | undefined {
    const read = valueAt(frame, 'read')
    if (typeof read !== 'string' || read.startsWith(NEVER)) return undefined
    const throttledNs = counterAt(frame, 'cpu_stats', 'throttling_data', 'throttled_time')
    return present({
      read,
      cpuPercent: this.#cpuPercent(frame),
      memoryBytes: memoryOf(frame),
      memoryQuotaBytes: positive(counterAt(frame, 'memory_stats', 'limit')),
      rxBytes: network(frame, 'rx_bytes'),
      txBytes: network(frame, 'tx_bytes'),
      rxErrors: network(frame, 'rx_errors'),
      txErrors: network(frame, 'tx_errors'),
      rxDropped: network(frame, 'rx_dropped'),
      txDropped: network(frame, 'tx_dropped'),
      readBytes: blockIo(frame, 'read'),
      writeBytes: blockIo(frame, 'write'),
      pids: positive(counterAt(frame, 'pids_stats', 'current')),
      throttledSeconds: throttledNs === undefined ? undefined : Number(throttledNs) / 1e9,
    })
  }

  /** As `docker stats` reckons: the container's share of what all cores had between two readings, times their number. */
  #cpuPercent(frame: unknown): number | undefined {
    const total = counterAt(frame, 'cpu_stats', 'cpu_usage', 'total_usage')
    const system = counterAt(frame, 'cpu_stats', 'system_cpu_usage')
    const before = this.#before
    this.#before = total === undefined || system === undefined ? undefined : { total, system }
    const cores = coresOf(frame)
    if (this.#before === undefined || before === undefined || cores === undefined) return undefined
    const used = Number(this.#before.total - before.total)
    const passed = Number(this.#before.system - before.system)
    return used < 0 || passed <= 0 ? undefined : (used / passed) * cores * 100
  }
}

function coresOf(frame: unknown): number | undefined {
  const online = Number(counterAt(frame, 'cpu_stats', 'online_cpus') ?? 0n)
  if (online > 0) return online
  const each = valueAt(frame, 'cpu_stats', 'cpu_usage', 'percpu_usage')
  return Array.isArray(each) && each.length > 0 ? each.length : undefined
}

/** Where the memory cgroup is off the engine says 0 or nothing. Cgroup v1 has `total_inactive_file`, v2 `inactive_file` (docker/cli, `stats_helpers.go`). */
function memoryOf(frame: unknown): bigint | undefined {
  const usage = positive(counterAt(frame, 'memory_stats', 'usage'))
  if (usage === undefined) return undefined
  for (const key of ['total_inactive_file', 'inactive_file']) {
    const cache = counterAt(frame, 'memory_stats', 'stats', key)
    if (cache !== undefined && cache < usage) return usage - cache
  }
  return usage
}

/** Over all interfaces. */
function network(frame: unknown, key: string): bigint | undefined {
  const networks = valueAt(frame, 'networks')
  if (typeof networks !== 'object' || networks === null) return undefined
  return sum(Object.values(networks).map((one) => counterAt(one, key)))
}

/** Over all devices. Cgroup v1 and v2 spell the operation differently. */
function blockIo(frame: unknown, operation: string): bigint | undefined {
  const entries = valueAt(frame, 'blkio_stats', 'io_service_bytes_recursive')
  if (!Array.isArray(entries)) return undefined
  return sum(entries.filter((one) => String(valueAt(one, 'op')).toLowerCase() === operation).map((one) => counterAt(one, 'value')))
}

function sum(values: readonly (bigint | undefined)[]): bigint | undefined {
  const there = values.filter((value) => value !== undefined)
  return there.length === 0 ? undefined : there.reduce((total, value) => total + value, 0n)
}

/** A whole number that is not negative: as a number, or where it has many digits, as a text of them. */
export function counterAt(frame: unknown, ...path: readonly string[]): bigint | undefined {
  const value = valueAt(frame, ...path)
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined
}

const positive = (value: bigint | undefined) => (value === 0n ? undefined : value)

type Maybe<T> = { readonly [Key in keyof T]: T[Key] | undefined }

/** Without the keys that have no value. */
function present(usage: Maybe<Required<Omit<Usage, 'read' | 'diskBytes'>>> & Pick<Usage, 'read'>): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined)) as unknown as Usage
}
