/** The worker's stages between Kafka and InfluxDB, from the program's source or as it is built. */
const modules = {
  AppEvent: 'app-event',
  POINT: 'app-event',
  Decoder: 'decode/decoder',
  GROUP_MESSAGES: 'decode/decoder',
  LineEncoder: 'encode/line-encoder',
  MetadataCache: 'enricher/metadata-cache',
  LineBuffer: 'lib/line-buffer',
}

/** As many as the worker writes at once: then the lines begin anew. */
const BATCH_LINES = 5000

/**
 * From message bytes to line bytes, all apps known: what the worker does with each message.
 *
 * @param {(module: string) => string} urlOf
 * @returns {Promise<(metadata: readonly import('../../src/types.ts').AppMetadata[]) => (messages: readonly import('../../src/types.ts').Message[]) => void>}
 */
export async function loadHotPath(urlOf) {
  const program = {}
  for (const [name, path] of Object.entries(modules)) program[name] = (await import(urlOf(path)))[name]
  const { AppEvent, POINT, Decoder, GROUP_MESSAGES, LineEncoder, MetadataCache, LineBuffer } = program

  return (metadata) => {
    const cache = new MetadataCache({ cacheSize: metadata.length, negativeCacheSize: 1, negativeExpireMs: 1 })
    cache.refresh(metadata, 0)
    const decoder = new Decoder()
    const events = Array.from({ length: GROUP_MESSAGES }, () => new AppEvent())
    const encoder = new LineEncoder({ uniqueTimestamps: false })
    const lines = new LineBuffer(1 << 16)
    let points = 0
    return (messages) => {
      const nowMs = Date.now()
      for (let start = 0; start < messages.length; ) {
        const count = decoder.decodeGroup(messages, start, events)
        cache.prefetch(events, count)
        for (let i = 0; i < count; i++) {
          const event = events[i]
          if (event.verdict !== POINT) continue
          const app = cache.find(event)
          if (app === undefined) throw new Error('the load names an app that its metadata does not')
          app.usedAtMs = nowMs
          if (encoder.encode(event, app, messages[start + i].value, lines) !== undefined) throw new Error('a point of the load is refused')
          if (++points % BATCH_LINES === 0) lines.length = 0
        }
        start += count
      }
    }
  }
}
