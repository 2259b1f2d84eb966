import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadMix } from '../dev/load/mix.ts'
import type { AppMetadata } from '../src/cloud-foundry/metadata.ts'
import { printResult, rounded } from './figures.ts'

/**
 * What known apps take of the memory: V8's heap and the array buffers outside it, after a full collection, of the built
 * program's cache (`npm run build`) with 110,000 apps less that with 10,000, as MB (10^6 bytes) for 10,000 apps. Each came out
 * of a page of JSON, and was then named by events, in both spellings of its id. The yardstick is the JSON text of the same apps.
 */
const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })

const FEW = 10_000
const MANY = 110_000
const PAGE_APPS = 500
/** In so many envelopes for each app, hardly any is not yet named. */
const ENVELOPES_PER_APP = 10

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const { MetadataCache } = await built<typeof import('../src/cloud-foundry/enricher/metadata-cache.ts')>(
  'cloud-foundry/enricher/metadata-cache',
)
const { Decoder } = await built<typeof import('../src/cloud-foundry/decode/decoder.ts')>('cloud-foundry/decode/decoder')
const { AppEvent } = await built<typeof import('../src/cloud-foundry/app-event.ts')>('cloud-foundry/app-event')
const decoder = new Decoder()
const event = new AppEvent()

interface Load {
  readonly count: number
  /** JSON texts. */
  readonly pages: readonly Buffer[]
  readonly envelopes: readonly Buffer[]
}

const loads = { few: load(FEW), many: load(MANY) }
cacheBytes(loads.few)
const few = cacheBytes(loads.few)
const many = cacheBytes(loads.many)

const mbPer10000 = (more: number) => (more / (MANY - FEW) / 1e6) * 10_000
const json = mbPer10000(sizeOf(loads.many.pages) - sizeOf(loads.few.pages))
const memory = mbPer10000(many - few)
const result = {
  json_mb_per_10000_apps: rounded(json),
  mb_per_10000_apps: rounded(memory),
  times_their_json: rounded(memory / json),
}
printResult(result, options.json)

/** Held by the module, so that it is in every measurement and in no difference. */
function load(count: number): Load {
  const mix = loadMix({ apps: count })
  const pages: Buffer[] = []
  for (let at = 0; at < count; at += PAGE_APPS) pages.push(Buffer.from(JSON.stringify(mix.apps.slice(at, at + PAGE_APPS))))
  const named = new Set<string>()
  const envelopes: Buffer[] = []
  for (let number = 0; number < ENVELOPES_PER_APP * count; number++) {
    const envelope = mix.envelope(number)
    const id = /"(app_id|applicationId)":("[^"]*"|\{[^}]*\})/.exec(envelope.toString())?.[2]
    if (mix.kind(number) === 'discarded' || id === undefined || named.has(id)) continue
    named.add(id)
    envelopes.push(envelope)
  }
  return { count, pages, envelopes }
}

function cacheBytes({ count, pages, envelopes }: Load): number {
  const before = bytesInUse()
  const cache = new MetadataCache({ cacheSize: 2 * MANY, negativeCacheSize: MANY, negativeExpireMs: 60_000 })
  for (const page of pages) cache.refresh(JSON.parse(page.toString()) as AppMetadata[], Date.now())
  for (const envelope of envelopes) {
    decoder.decode(envelope, event)
    if (cache.find(event) === undefined) throw new Error('an envelope names an app that the cache does not know')
  }
  const used = bytesInUse() - before
  // Asked last, so that the cache is still needed when its bytes are counted.
  if (cache.known !== count) throw new Error(`the cache knows ${cache.known} of ${count} apps`)
  return used
}

/** The first collection leaves array buffers to a thread, the second waits for it. */
function bytesInUse(): number {
  collectGarbage()
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function sizeOf(pages: readonly Buffer[]): number {
  return pages.reduce((sum, { length }) => sum + length, 0)
}

async function built<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../dist/${name}.js`, import.meta.url).href)) as Module
}
