import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { type Kind, sampleApps } from '../load/mix.ts'
import type { GatewayEnvelope } from './envelope.ts'

export interface NumberedOptions {
  /** Whose they are, in turn. */
  readonly apps?: readonly AppMetadata[]
  /** Time of number 0. */
  readonly firstTimestampNs?: bigint
  /** From one to the next. */
  readonly stepNs?: bigint
  /** Behind commas. */
  readonly comma?: string
  /** Characters of a log line, at least. */
  readonly lineLength?: number
}

/** In turn: three log lines, a request as its caller saw it, a container's usage. */
const TURN = 5
const REQUEST = 3

/**
 * Envelopes of apps as today's gateway spells them, numbered from 0: a number's time is the first time and so many steps, so that what is
 * stored of it tells its number.
 */
export class Numbered {
  readonly apps: readonly AppMetadata[]
  readonly #firstNs: bigint
  readonly #stepNs: bigint
  readonly #comma: string
  readonly #lineLength: number
  readonly #tags: readonly string[]

  constructor({
    apps = sampleApps(),
    firstTimestampNs = 1_700_000_000_000_000_000n,
    stepNs = 1_000_000n,
    comma = '',
    lineLength = 0,
  }: NumberedOptions = {}) {
    this.apps = apps
    this.#firstNs = firstTimestampNs
    this.#stepNs = stepNs
    this.#comma = comma
    this.#lineLength = lineLength
    this.#tags = apps.map((app) => tagsOf(app))
  }

  envelope(number: number): GatewayEnvelope {
    const app = number % this.apps.length
    const sourceId = (this.apps[app] as AppMetadata).app_guid
    const tags = this.#tags[app] as string
    const timestamp = this.#firstNs + BigInt(number) * this.#stepNs
    const instance = String(number % 3)
    const head = `{"timestamp":"${timestamp}","source_id":"${sourceId}","instance_id":"${instance}","deprecated_tags":{},"tags":{`
    const kind = number % TURN
    if (kind < REQUEST) {
      const payload = Buffer.from(`line ${number} `.padEnd(this.#lineLength, 'x')).toString('base64')
      const text = `${head}${tags},"source_type":"APP/PROC/WEB"},"log":{"payload":"${payload}","type":"OUT"}}`
      return { number, selector: 'log', sourceId, text: this.#spaced(text) }
    }
    if (kind === REQUEST) {
      const request = `"content_length":"${number % 5000}","method":"GET","peer_type":"Server","remote_address":"10.0.32.15:41818","request_id":"2f3bd1c5-9c7d-4c5c-8d5e-0a1b2c3d4e5f","status_code":"200","uri":"https://shop.example.org/carts/${number}","user_agent":"curl/8.5.0"`
      const text = `${head}${tags},${request}},"timer":{"name":"http","start":"${timestamp}","stop":"${timestamp + 5_000_000n}"}}`
      return { number, selector: 'timer', sourceId, text: this.#spaced(text) }
    }
    const text = `${head}${tags}},"gauge":{"metrics":{"cpu":{"unit":"percentage","value":${number % 100}.5},"disk":{"unit":"bytes","value":139264},"disk_quota":{"unit":"bytes","value":1073741824},"memory":{"unit":"bytes","value":${1_000_000 + number}},"memory_quota":{"unit":"bytes","value":268435456}}}}`
    return { number, selector: 'gauge', sourceId, names: GAUGES, text: this.#spaced(text) }
  }

  /** The measurement that its point goes to. */
  kind(number: number): Kind {
    const kind = number % TURN
    return kind < REQUEST ? 'log' : kind === REQUEST ? 'http_request' : 'instance'
  }

  /** The number of what is stored with this time, in ns. */
  numberOf(timestampNs: bigint): number {
    return Number((timestampNs - this.#firstNs) / this.#stepNs)
  }

  /** No text of theirs has a comma. */
  #spaced(text: string): string {
    return this.#comma === '' ? text : text.replaceAll(',', `,${this.#comma}`)
  }
}

const GAUGES = ['cpu', 'disk', 'disk_quota', 'memory', 'memory_quota']

function tagsOf({ app, app_guid, org, org_guid, space, space_guid }: AppMetadata): string {
  const tags = {
    ...{ app_id: app_guid, app_name: app, deployment: 'cf', instance_id: '0' },
    ...{ organization_id: org_guid, organization_name: org, origin: 'rep', space_id: space_guid, space_name: space },
  }
  return JSON.stringify(tags).slice(1, -1)
}

export interface FlowOptions {
  readonly numbered: Numbered
  readonly publish: (...envelopes: readonly GatewayEnvelope[]) => void
  readonly perSecond: number
}

const TICK_MS = 20
/** More arguments than a call takes may be due where this process did not run for some time. */
const MOST_AT_ONCE = 1000

/** Publishes numbered envelopes at a rate, until it is stopped. */
export class NumberedFlow {
  readonly #options: FlowOptions
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  /** How many have been published. */
  count = 0

  constructor(options: FlowOptions) {
    this.#options = options
    this.#done = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { numbered, publish, perSecond } = this.#options
    const startedMs = performance.now()
    while (!this.#stop.signal.aborted) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond)
      while (this.count < due) {
        const envelopes: GatewayEnvelope[] = []
        for (; this.count < due && envelopes.length < MOST_AT_ONCE; this.count++) envelopes.push(numbered.envelope(this.count))
        publish(...envelopes)
      }
      await sleep(TICK_MS, this.#stop.signal)
    }
  }
}
