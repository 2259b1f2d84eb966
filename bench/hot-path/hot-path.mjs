/** The worker's stages between Kafka and InfluxDB, from the program's source or as it is built. */
const modules = {
  App: 'app',
  AppEvent: 'app-event',
  Decoder: 'decode/decoder',
  LineEncoder: 'encode/line-encoder',
  AppIndex: 'enricher/app-index',
  LineBuffer: 'lib/line-buffer',
}
const POINT = 0

/** As many as the worker writes at once: then the lines begin anew. */
const BATCH_LINES = 5000

/**
 * From message bytes to line bytes, all apps known: what the worker does with each message.
 *
 * @param {(module: string) => string} urlOf
 * @returns {Promise<(metadata: readonly import('../../src/types.ts').AppMetadata[]) => (messages: readonly Buffer[]) => void>}
 */
export async function loadHotPath(urlOf) {
  const classes = {}
  for (const [name, path] of Object.entries(modules)) classes[name] = (await import(urlOf(path)))[name]
  const { App, AppEvent, Decoder, LineEncoder, AppIndex, LineBuffer } = classes

  return (metadata) => {
    const apps = new Map(metadata.map((app) => [app.app_guid, new App(app.app_guid, app, 0)]))
    const index = new AppIndex((guid) => apps.get(guid))
    const decoder = new Decoder()
    const event = new AppEvent()
    const encoder = new LineEncoder({ uniqueTimestamps: false })
    const lines = new LineBuffer(1 << 16)
    let count = 0
    return (messages) => {
      for (const message of messages) {
        if (decoder.decode(message, event) !== POINT) continue
        const app = index.find(event)
        if (app === undefined) throw new Error('the load names an app that its metadata does not')
        if (encoder.encode(event, app, message, lines) !== undefined) throw new Error('a point of the load is refused')
        if (++count % BATCH_LINES === 0) lines.length = 0
      }
    }
  }
}
