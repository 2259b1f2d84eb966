import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'

/** The measurement that an envelope's point goes to; `discarded` where its kind makes no point. */
export type Kind = 'http_request' | 'log' | 'instance' | 'discarded'

export interface MixOptions {
  /** Spread evenly over that many made-up apps instead of the sample's own 500. */
  readonly apps?: number | undefined
  readonly firstTimestampNs?: bigint
  /** From one envelope to the next; a millisecond by default, which every database tells apart. */
  readonly stepNs?: bigint
}

/** Envelopes as a busy platform sends them, numbered from 0: equal numbers give equal bytes, and no two share a timestamp. */
export interface Mix {
  /** Every app that the envelopes name, and its space and org. */
  readonly apps: readonly AppMetadata[]
  envelope(number: number): Buffer
  kind(number: number): Kind
}

/** The sample's 4,000 envelopes again and again, each time with other timestamps. */
export function loadMix({ apps: appCount, firstTimestampNs = 1_700_000_000_000_000_000n, stepNs = 1_000_000n }: MixOptions = {}): Mix {
  const lines = gunzipSync(readFileSync(fixture('mix-4k.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n')
  const templates = lines.map((line) => new Template(line))
  const apps = appCount === undefined ? sampleApps() : Array.from({ length: appCount }, (_, index) => madeUpApp(index))
  const ids = appCount === undefined ? [] : apps.map((app) => appIdOf(app.app_guid))
  const template = (number: number) => templates[number % templates.length] as Template
  return {
    apps,
    envelope: (number) => {
      const text = template(number).envelope(firstTimestampNs + BigInt(number) * stepNs, ids[Math.floor(scattered(number) * ids.length)])
      return Buffer.from(text)
    },
    kind: (number) => template(number).kind,
  }
}

export const sampleApps = () => JSON.parse(readFileSync(fixture('mix-apps.json'), 'utf8')) as AppMetadata[]

const fixture = (name: string) => new URL(`../../test/fixtures/${name}`, import.meta.url)

/** An app's id as the two kinds of envelopes spell it, in JSON. */
interface AppId {
  readonly guid: string
  readonly halves: string
}

/** The one that is there where none is given. A ContainerMetric's applicationId is text, an HttpStartStop's a pair of numbers. */
function spelledLike(original: string, appId: AppId | undefined): string {
  if (appId === undefined) return original
  return original.startsWith('{') ? appId.halves : appId.guid
}

function appIdOf(guid: string): AppId {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return { guid: `"${guid}"`, halves: `{"low":${bytes.readBigUInt64LE(0)},"high":${bytes.readBigUInt64LE(8)}}` }
}

/** What changes from one use of an envelope to the next. */
const slots = /"(startTimestamp|stopTimestamp|timestamp|app_id|applicationId)":(\d+|"[^"]*"|\{[^}]*\})/

/** One envelope of the sample, cut at its slots. */
class Template {
  readonly kind: Kind
  /** Text, slot's key, slot's value, text, … */
  readonly #pieces: readonly string[]
  readonly #durationNs: bigint

  constructor(line: string) {
    const envelope = JSON.parse(line) as { logMessage?: { source_type: string }; httpStartStop?: object }
    const source = envelope.logMessage?.source_type
    if (source !== undefined) this.kind = /^(APP|App|RTR)/.test(source) ? 'log' : 'discarded'
    else this.kind = envelope.httpStartStop ? 'http_request' : 'instance'
    this.#pieces = line.split(slots)
    this.#durationNs = this.#timestamp('stopTimestamp') - this.#timestamp('startTimestamp')
  }

  envelope(timestampNs: bigint, appId: AppId | undefined): string {
    let text = this.#pieces[0] ?? ''
    for (let i = 1; i < this.#pieces.length; i += 3) {
      const key = this.#pieces[i]
      text += `"${key}":`
      if (key === 'stopTimestamp') text += timestampNs + this.#durationNs
      else if (key === 'startTimestamp' || key === 'timestamp') text += timestampNs
      else text += spelledLike(this.#pieces[i + 1] ?? '', appId)
      text += this.#pieces[i + 2]
    }
    return text
  }

  #timestamp(key: string): bigint {
    const at = this.#pieces.indexOf(key)
    return at === -1 ? 0n : BigInt(this.#pieces[at + 1] ?? 0)
  }
}

function madeUpApp(index: number): AppMetadata {
  const org = index % 40
  const space = index % 120
  return {
    app: `app-${index}`,
    app_guid: madeUpGuid(`app ${index}`),
    space: `space-${space}`,
    space_guid: madeUpGuid(`space ${space}`),
    org: `org-${org}`,
    org_guid: madeUpGuid(`org ${org}`),
  }
}

function madeUpGuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** From 0 to below 1, the same for the same number, neighbours far apart (Knuth's multiplicative hash). */
const scattered = (number: number) => (Math.imul(number + 1, 2_654_435_761) >>> 0) / 2 ** 32
