import { valueAt } from '../../../lib/value-at.ts'
import { parseTimestamp } from '../logs/timestamp.ts'

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

/** What had been used when a frame was read, of what all cores together had to give until then. */
interface CpuReading {
  readonly totalNs: bigint
  readonly systemNs: bigint
}

export interface UsageReaderOptions {
  /** Podman's service answers: it says 0 of what it does not know. */
  readonly isPodman?: boolean
}

/** Reads the frames of one container's `stats`, as `parseExactJson` has them, in order. Whoever begins to read a new run of it takes a new one. */
export class UsageReader {
  readonly #isPodman: boolean
  #before: CpuReading | undefined

  constructor({ isPodman = false }: UsageReaderOptions = {}) {
    this.#isPodman = isPodman
  }

  /** Undefined where the frame has no reading. */
  read(frame: unknown): Usage | undefined {
    const read = valueAt(frame, 'read')
    if (typeof read !== 'string' || read.startsWith(NEVER)) return undefined
    const throttledNs = this.#isPodman ? undefined : counterAt(frame, 'cpu_stats', 'throttling_data', 'throttled_time')
    const networks = this.#networksOf(frame)
    return present({
      read,
      cpuPercent: this.#cpuPercent(frame, read),
      memoryBytes: memoryOf(frame),
      memoryQuotaBytes: positive(counterAt(frame, 'memory_stats', 'limit')),
      rxBytes: sumOf(networks, 'rx_bytes'),
      txBytes: sumOf(networks, 'tx_bytes'),
      rxErrors: sumOf(networks, 'rx_errors'),
      txErrors: sumOf(networks, 'tx_errors'),
      rxDropped: sumOf(networks, 'rx_dropped'),
      txDropped: sumOf(networks, 'tx_dropped'),
      readBytes: blockIo(frame, 'read'),
      writeBytes: blockIo(frame, 'write'),
      pids: positive(counterAt(frame, 'pids_stats', 'current')),
      throttledSeconds: throttledNs === undefined ? undefined : Number(throttledNs) / 1e9,
    })
  }

  /** As `docker stats` reckons: the container's share of what all cores had between two readings, times their number. */
  #cpuPercent(frame: unknown, read: string): number | undefined {
    const totalNs = counterAt(frame, 'cpu_stats', 'cpu_usage', 'total_usage')
    const cores = coresOf(frame)
    const systemNs = this.#isPodman ? wallClockOf(read, cores) : counterAt(frame, 'cpu_stats', 'system_cpu_usage')
    const before = this.#before
    this.#before = totalNs === undefined || systemNs === undefined ? undefined : { totalNs, systemNs }
    if (this.#before === undefined || before === undefined || cores === undefined) return undefined
    const used = Number(this.#before.totalNs - before.totalNs)
    const passed = Number(this.#before.systemNs - before.systemNs)
    return used < 0 || passed <= 0 ? undefined : (used / passed) * cores * 100
  }

  /** Of a network of which it knows nothing, such as the host's, Podman says that nothing came or went. */
  #networksOf(frame: unknown): readonly unknown[] {
    const networks = valueAt(frame, 'networks')
    if (typeof networks !== 'object' || networks === null) return []
    const all = Object.values(networks)
    return this.#isPodman ? all.filter((one) => valueAt(one, 'rx_bytes') !== 0 || valueAt(one, 'tx_bytes') !== 0) : all
  }
}

/** Podman 4's `system_cpu_usage` is what all control groups have used, without what was idle: no measure of what there was. */
function wallClockOf(read: string, cores: number | undefined): bigint | undefined {
  const timeNs = parseTimestamp(read)
  return timeNs === undefined || cores === undefined ? undefined : timeNs * BigInt(cores)
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

/** Over all devices. Cgroup v1 and v2 spell the operation differently. */
function blockIo(frame: unknown, operation: string): bigint | undefined {
  const entries = valueAt(frame, 'blkio_stats', 'io_service_bytes_recursive')
  if (!Array.isArray(entries)) return undefined
  const ofIt = entries.filter((one) => String(valueAt(one, 'op')).toLowerCase() === operation)
  return sumOf(ofIt, 'value')
}

/** Undefined where none has it. */
function sumOf(objects: readonly unknown[], key: string): bigint | undefined {
  const there = objects.map((one) => counterAt(one, key)).filter((value) => value !== undefined)
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
