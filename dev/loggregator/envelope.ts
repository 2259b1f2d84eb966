/** What a stream selects by. */
type Selector = 'log' | 'counter' | 'gauge' | 'timer' | 'event'

/** An envelope on its way through the gateway. */
export interface GatewayEnvelope {
  /** From 0, each once: what tests ask for. Undefined of what the platform says of itself. */
  readonly number?: number
  readonly selector: Selector
  readonly sourceId: string
  /** Of a counter, or of a gauge's metrics. */
  readonly names?: readonly string[]
  /** JSON as the gateway spells it. */
  readonly text: string
}

/** What a stream asked for, as its query says it. */
export class Selection {
  readonly #types: ReadonlySet<string>
  readonly #counters: ReadonlySet<string>
  readonly #gauges: ReadonlySet<string>
  readonly #sources: ReadonlySet<string>

  constructor(query: URLSearchParams) {
    this.#types = new Set(['log', 'counter', 'gauge', 'timer', 'event'].filter((type) => query.has(type)))
    this.#counters = new Set(query.getAll('counter.name'))
    this.#gauges = new Set(query.getAll('gauge.name').map(sorted))
    this.#sources = new Set(query.getAll('source_id'))
  }

  get isEmpty(): boolean {
    return this.#types.size === 0 && this.#counters.size === 0 && this.#gauges.size === 0
  }

  takes({ selector, sourceId, names = [] }: GatewayEnvelope): boolean {
    if (this.#sources.size > 0 && !this.#sources.has(sourceId)) return false
    if (this.#types.has(selector)) return true
    if (selector === 'counter') return names.some((name) => this.#counters.has(name))
    // The doppler compares whole sets.
    return selector === 'gauge' && this.#gauges.has(sorted(names.join()))
  }
}

const sorted = (names: string) => names.split(',').sort().join()

/** The counter in which RLP (`reverse_log_proxy`) or a doppler says how many envelopes it has dropped since it last said so. */
export function dropCounter(source: 'reverse_log_proxy' | 'doppler', delta: number, total: number, comma = ''): GatewayEnvelope {
  const origin = source === 'doppler' ? 'loggregator.doppler' : 'loggregator.rlp'
  const tags = { deployment: 'cf', direction: 'egress', index: '2f6c', ip: '10.0.16.9', job: 'log-api', origin }
  const members = [
    `"timestamp":"${BigInt(Date.now()) * 1_000_000n}"`,
    `"source_id":"${source}"`,
    '"instance_id":"2f6c"',
    '"deprecated_tags":{}',
    `"tags":${JSON.stringify(tags).replaceAll(',', `,${comma}`)}`,
    `"counter":{"name":"dropped",${comma}"delta":"${delta}",${comma}"total":"${total}"}`,
  ]
  return { selector: 'counter', sourceId: source, names: ['dropped'], text: `{${members.join(`,${comma}`)}}` }
}
