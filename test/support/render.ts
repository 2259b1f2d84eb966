import { App } from '../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT, type Verdict } from '../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../src/cloud-foundry/decode/decoder.ts'
import { DocumentEncoder } from '../../src/cloud-foundry/documents/document.ts'
import { ByteBuffer } from '../../src/lib/byte-buffer.ts'
import { LineEncoder } from '../../src/outputs/influxdb/line-encoder.ts'
import { RecordedAck } from '../fakes/lines.ts'

const METADATA = { app: 'a', space: 's', space_guid: 'sg', org: 'o', org_guid: 'og' }
const ack = new RecordedAck()
const decoder = new Decoder()
const event = new AppEvent()
const lines = new LineEncoder({ uniqueTimestamps: false })
const documents = new DocumentEncoder({ maxBytes: 262_144 })

export interface Rendered {
  readonly verdict: Verdict
  readonly problem?: string
  readonly line?: string | undefined
  readonly document?: { readonly [name: string]: unknown }
}

/** All that outputs see of a message, decoded as the program does it unless told otherwise: the line and the document, as if each app existed. */
export function rendered(
  message: Uint8Array,
  decode: (message: Uint8Array, event: AppEvent) => Verdict = (bytes, to) => decoder.decode(bytes, to),
): Rendered {
  event.problem = ''
  const verdict = decode(message, event)
  if (verdict !== POINT) return event.problem === '' ? { verdict } : { verdict, problem: event.problem }
  const guid = guidOf(event)
  const app = App.of(guid, { ...METADATA, app_guid: guid }, 0, { documents: true })
  const line = text((to) => lines.encode(event, app, message, to))
  return { verdict, line, document: JSON.parse(text((to) => void documents.append(event, app, ack, 0, to))) }
}

function text(append: (to: ByteBuffer) => string | undefined): string {
  const buffer = new ByteBuffer(16)
  return append(buffer) ?? buffer.bytes.toString('utf8', 0, buffer.length)
}
