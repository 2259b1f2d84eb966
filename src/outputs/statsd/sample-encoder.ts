import type { App } from '../../cloud-foundry/app.ts'
import {
  ABSENT_LENGTH,
  ABSENT_METHOD,
  ABSENT_STATUS,
  type AppEvent,
  CONTAINER_EVENT,
  CONTAINER_USAGE,
  HTTP,
  LOG,
  textAt,
  USAGE,
  USAGE_METRICS,
} from '../../cloud-foundry/app-event.ts'
import { METHODS } from '../../cloud-foundry/methods.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import { type EventEncoder, NOT_TAKEN } from '../../cloud-foundry/translator.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { decimal } from './decimal.ts'
import { cleanTag, METRIC, nameOf } from './metric-names.ts'
import type { StatsdSettings } from './variables.ts'

export type SampleEncoderOptions = Pick<StatsdSettings, 'format' | 'name' | 'maxAgeMs' | 'worker'> & { readonly nowMs?: () => number }

/** Instances of an app whose names are kept; what has more forgets them. */
const MOST_INSTANCES = 1000

interface Texts {
  /** With {@link METRIC} in the metric's place. */
  readonly name: string
  readonly tags: readonly (readonly [name: string, value: string])[]
}

/**
 * Writes events as samples: lines `TYPE TIME VALUE NAME TAGS`, with one space between. TYPE is StatsD's `c`, `ms` or `g`, TIME the event's
 * in ns. NAME and TAGS are whole, as the dialect has them. What comes with equal names and tags is added up when it is sent.
 */
export class SampleEncoder implements EventEncoder {
  readonly #options: SampleEncoderOptions
  readonly #apps = new PerApp((): Map<string, Texts> => new Map())

  constructor(options: SampleEncoderOptions) {
    this.#options = options
  }

  encode(event: AppEvent, app: App, _message: Uint8Array, buffer: ByteBuffer): typeof NOT_TAKEN | undefined {
    const { maxAgeMs, format, nowMs = Date.now } = this.#options
    const time = textAt(event, event.timestamp, event.timestampEnd)
    if (maxAgeMs > 0 && nowMs() - Number(time) / 1e6 > maxAgeMs) return NOT_TAKEN
    if (format === 'graphite' && time.startsWith('-')) return NOT_TAKEN
    const texts = this.#textsOf(app, textAt(event, event.instance, event.instanceEnd))
    const append = (type: string, metric: string, value: string, tags: Texts['tags'] = []) => {
      if (value === '') return
      const line = Buffer.from(`${type} ${time} ${value} ${this.#spelled(texts, metric, tags)}\n`)
      buffer.reserve(line.length)
      buffer.bytes.set(line, buffer.length)
      buffer.length += line.length
    }
    if (event.kind === HTTP) appendRequest(event, append)
    else if (event.kind === LOG) {
      append('c', 'log.count', '1')
      append('c', 'log.size', String(event.payloadSize))
    } else if (event.kind === USAGE) appendFurtherUsage(event, append)
    else if (event.kind === CONTAINER_USAGE) {
      for (const [name, digits] of Object.entries(event.readings)) append('g', `instance.${name}`, decimal(digits))
    } else if (event.kind === CONTAINER_EVENT) append('c', 'container_event.count', '1', [['action', event.happening.action]])
    else appendUsage(event, append)
    return undefined
  }

  #textsOf(app: App, instance: string): Texts {
    const instances = this.#apps.of(app)
    let texts = instances.get(instance)
    if (texts === undefined) {
      if (instances.size >= MOST_INSTANCES) instances.clear()
      const { owner } = app
      const tags = [
        ['app', owner.app.name || owner.app.id],
        ['space', owner.space.name || owner.space.id],
        ['org', owner.org.name || owner.org.id],
        ['instance', instance],
      ] as const
      texts = { name: nameOf(this.#options.name, app, instance, this.#options.worker), tags }
      instances.set(instance, texts)
    }
    return texts
  }

  /** `NAME TAGS`: before the value, and behind the type. */
  #spelled({ name, tags: common }: Texts, metric: string, more: Texts['tags']): string {
    const { format } = this.#options
    const whole = name.replaceAll(METRIC, metric)
    if (format === 'plain' || format === 'graphite') return `${whole} `
    const tags = [...common, ...more].filter(([, value]) => value !== '').map(([key, value]) => [key, cleanTag(value)] as const)
    if (format === 'influx') return `${whole}${tags.map(([key, value]) => `,${key}=${value}`).join('')} `
    return `${whole} ${tags.length === 0 ? '' : `|#${tags.map(([key, value]) => `${key}:${value}`).join(',')}`}`
  }
}

type Append = (type: string, metric: string, value: string, tags?: Texts['tags']) => void

function appendRequest(event: AppEvent, append: Append): void {
  const method = event.absent & ABSENT_METHOD ? '' : (METHODS[event.method] ?? String(event.method))
  const status = event.absent & ABSENT_STATUS ? '' : textAt(event, event.statusCode, event.statusCodeEnd)
  const length = event.absent & ABSENT_LENGTH ? '' : textAt(event, event.contentLength, event.contentLengthEnd)
  const tags = [
    ['method', method],
    ['status_code', status],
  ] as const
  append('c', 'http_request.count', '1', tags)
  append('c', 'http_request.response_size', length.startsWith('-') ? '' : length, tags)
  const ms = event.durationSeconds * 1e3 + event.durationNanoseconds / 1e6
  // A timer has no time below zero: StatsD takes such a line for a bad one.
  append('ms', 'http_request.duration', ms < 0 ? '' : decimal(String(ms)), tags)
}

function appendUsage(event: AppEvent, append: Append): void {
  append('g', 'instance.cpu', decimal(textAt(event, event.cpu, event.cpuEnd)))
  append('g', 'instance.memory', textAt(event, event.memory, event.memoryEnd))
  append('g', 'instance.memory_quota', textAt(event, event.memoryQuota, event.memoryQuotaEnd))
  append('g', 'instance.disk', textAt(event, event.disk, event.diskEnd))
  append('g', 'instance.disk_quota', textAt(event, event.diskQuota, event.diskQuotaEnd))
}

function appendFurtherUsage(event: AppEvent, append: Append): void {
  for (const [index, name] of USAGE_METRICS.entries()) {
    append('g', `instance.${name}`, textAt(event, event.usage[2 * index] as number, event.usage[2 * index + 1] as number))
  }
}
