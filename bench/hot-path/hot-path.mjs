/** The worker's parts between Kafka and InfluxDB, from the program's source or as it is built. */
const modules = {
  CloudFoundryTranslator: 'cloud-foundry/translator',
  Decoder: 'cloud-foundry/decode/decoder',
  GROUP_MESSAGES: 'cloud-foundry/decode/decoder',
  LineEncoder: 'outputs/influxdb/line-encoder',
  MetadataCache: 'cloud-foundry/enricher/metadata-cache',
  Batch: 'flow/batch',
  DocumentLineEncoder: 'outputs/document-line-encoder',
  SampleEncoder: 'outputs/statsd/sample-encoder',
  EventSource: 'flow/event-source',
}

/** As many as the worker writes at once: then the lines begin anew. */
const BATCH_LINES = 5000

/** A class, as the worker's lanes are: V8 keeps a literal with getters as a dictionary, and looks each of its properties up. */
class BatchSink {
  speaksForAll = true
  #batch

  constructor(encoder, batch) {
    this.encoder = encoder
    this.#batch = batch
  }

  get isFull() {
    return this.#batch.count >= BATCH_LINES
  }

  get buffer() {
    return this.#batch.lines
  }

  close(ack, index, original) {
    this.#batch.add(ack, index, original)
  }

  bury(_reason, problem) {
    throw new Error(`the load has a message that becomes no point: ${problem}`)
  }
}

/**
 * From message bytes to line bytes (or a document's, or those of StatsD's samples), all apps known: what the worker does with each message. The translator and the batch are
 * its own.
 *
 * @param {(module: string) => string} urlOf
 * @returns {Promise<(metadata: readonly import('../../src/cloud-foundry/metadata.ts').AppMetadata[], spelling?: 'line' | 'document' | 'sample') => (messages: readonly import('../../src/flow/contracts.ts').Message[]) => void>}
 */
export async function loadHotPath(urlOf) {
  const program = {}
  for (const [name, path] of Object.entries(modules)) program[name] = (await import(urlOf(path)))[name]
  const { CloudFoundryTranslator, Decoder, GROUP_MESSAGES, EventSource, MetadataCache, Batch } = program
  const encoderOf = {
    line: () => new program.LineEncoder({ uniqueTimestamps: false }),
    document: () => new program.DocumentLineEncoder({ maxBytes: 262_144 }),
    sample: () =>
      new program.SampleEncoder({
        format: 'plain',
        name: 'cf.{org}.{space}.{app}.{instance}.{metric}',
        maxAgeMs: 0,
        worker: '0',
        mtu: 1432,
      }),
  }

  return (metadata, spelling = 'line') => {
    const documents = spelling !== 'line'
    const cache = new MetadataCache({
      cacheSize: metadata.length,
      negativeCacheSize: 1,
      negativeExpireMs: 1,
      spelling: () => ({ documents }),
    })
    cache.refresh(metadata, 0)
    const nowMs = Date.now()
    const apps = {
      prefetch: (events, count) => cache.prefetch(events, count),
      find: (event) => {
        const app = cache.find(event)
        if (app !== undefined) app.usedAtMs = nowMs
        return app
      },
    }
    const batch = new Batch({ keepsValues: false })
    const sink = new BatchSink(encoderOf[spelling](), batch)
    const translator = new CloudFoundryTranslator({
      decoder: new Decoder(),
      apps,
      notFound: 'discard',
      httpPeer: 'both',
      groupMessages: GROUP_MESSAGES,
    })
    const waiting = {
      hold: (guid) => {
        throw new Error(`the load names the app ${guid}, its metadata does not`)
      },
    }
    const sinks = [sink]
    const ack = { topic: 'load', partition: 0, isOpen: true, settle: () => {}, offsetOf: (index) => index, source: new EventSource('load') }
    return (messages) => {
      const delivery = { messages, ack }
      for (let start = 0; start < messages.length; ) {
        start = translator.take(delivery, start, sinks, waiting)
        if (sink.isFull) batch.reset()
      }
    }
  }
}
