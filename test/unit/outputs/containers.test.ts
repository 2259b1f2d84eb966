import { expect, it } from 'vitest'
import { App } from '../../../src/cloud-foundry/app.ts'
import { type AppEvent, CONTAINER_EVENT, CONTAINER_USAGE, LOG } from '../../../src/cloud-foundry/app-event.ts'
import type { EventEncoder } from '../../../src/cloud-foundry/translator.ts'
import { EventSource } from '../../../src/flow/event-source.ts'
import { ByteBuffer } from '../../../src/lib/byte-buffer.ts'
import { DocumentLineEncoder } from '../../../src/outputs/document-line-encoder.ts'
import { LineEncoder } from '../../../src/outputs/influxdb/line-encoder.ts'
import { kindNameOf } from '../../../src/outputs/name-template.ts'
import { SampleEncoder } from '../../../src/outputs/statsd/sample-encoder.ts'
import { FrameEncoder } from '../../../src/outputs/syslog/frame-encoder.ts'
import { makeEvent } from '../../support/make-event.ts'

const ID = 'ab'.repeat(32)
const TIMESTAMP = '1764241515123456789'
const nobody = { app_guid: '', space: '', space_guid: '', org: 'acme', org_guid: '' }
const app = App.ofContainer(
  { ...nobody, app: 'shop' },
  { id: ID, name: 'web-1', image: 'registry:5000/shop/web:1.2', host: 'node,1' },
  { documents: true },
)

function encoded(encoder: EventEncoder, event: AppEvent): string {
  const buffer = new ByteBuffer(16)
  const ack = { topic: 'c', partition: 0, isOpen: true, settle: () => {}, offsetOf: () => 7, source: new EventSource('c') }
  expect(encoder.encode(event, app, Buffer.alloc(0), buffer, ack, 0)).toBeUndefined()
  return buffer.bytes.toString('utf8', 0, buffer.length)
}

const usage = () =>
  Object.assign(makeEvent({ kind: CONTAINER_USAGE, timestamp: TIMESTAMP, instance: 'web 1' }), {
    readings: {
      cpu: '150.5',
      memory: '1000',
      memory_quota: '4000',
      pids: '3',
      read_bytes: '5',
      rx_bytes: '9223372036854775807',
      tx_errors: '0',
      throttled_seconds: '0.25',
    },
  })
const happening = (more: object = {}) =>
  Object.assign(makeEvent({ kind: CONTAINER_EVENT, timestamp: TIMESTAMP, instance: 'web-1' }), { happening: { action: 'die', ...more } })

const points = new LineEncoder({ uniqueTimestamps: false })
const documents = new DocumentLineEncoder({ maxBytes: 1000 })
const documentOf = (event: AppEvent) => JSON.parse(encoded(documents, event))

it("writes a container's usage as a point of its instance, with what is there and nothing else", () => {
  const tags = 'app=shop,host=node\\,1,image=registry:5000/shop/web:1.2,instance=web\\ 1,org=acme'
  const fields =
    'cpu=150.5,memory=1000i,memory_pct=0.25,memory_quota=4000i,pids=3i,read_bytes=5i,rx_bytes=9223372036854775807i,tx_errors=0i,throttled_seconds=0.25'
  expect(encoded(points, usage())).toBe(`instance,${tags} ${fields} ${TIMESTAMP}\n`)
})

it('writes what happens to a container as a point, with its id as a field', () => {
  const tags = 'app=shop,host=node\\,1,image=registry:5000/shop/web:1.2,instance=web-1,org=acme'
  expect(encoded(points, happening({ exitCode: '137', isOom: true }))).toBe(
    `container_event,action=die,${tags} count=1i,container="abababababab",exit_code=137i,oom=true ${TIMESTAMP}\n`,
  )
  expect(encoded(points, happening({ action: 'kill', signal: '15' }))).toContain(' count=1i,container="abababababab",signal=15i ')
})

it('writes documents with the container and its host, integers digit by digit', () => {
  expect(encoded(documents, usage())).toContain('"bytes":9223372036854775807}')
  expect(documentOf(usage())).toMatchObject({
    cloudfoundry: {
      app: { name: 'shop', instance: { id: 'web 1' } },
      org: { name: 'acme' },
      container: { cpu: { pct: 1.505 }, memory: { bytes: 1000, quota: { bytes: 4000 } } },
    },
    container: {
      id: ID,
      name: 'web-1',
      image: { name: 'registry:5000/shop/web', tag: '1.2' },
      network: { ingress: {}, egress: { errors: 0 } },
      disk: { read: { bytes: 5 } },
      pids: 3,
    },
    host: { name: 'node,1' },
    event: { kind: 'metric', dataset: 'cloudfoundry.container' },
  })
  const document = documentOf(happening({ exitCode: '3', signal: '9' }))
  expect(document).toMatchObject({
    event: { kind: 'event', dataset: 'docker.event', action: 'die' },
    process: { exit_code: 3 },
    docker: { signal: 9 },
  })
  const log = Object.assign(makeEvent({ kind: LOG, timestamp: TIMESTAMP, instance: 'web-1', messageType: 2 }), {
    payloadBytes: Buffer.from('two\tparts'),
    payload: 0,
    payloadEnd: 9,
    payloadSize: 9,
  })
  expect(documentOf(log)).toMatchObject({
    message: 'two\tparts',
    log: { iostream: 'stderr' },
    container: { name: 'web-1' },
    host: { name: 'node,1' },
  })
})

it('writes documents of an image without a tag, and of one that is named by its digest', () => {
  const imageOf = (image: string) => {
    const other = App.ofContainer({ ...nobody, app: 'x' }, { id: ID, name: '', image, host: '' }, { documents: true })
    const buffer = new ByteBuffer(16)
    const ack = { topic: 'c', partition: 0, isOpen: true, settle: () => {}, offsetOf: () => 7, source: new EventSource('c') }
    documents.encode(happening(), other, Buffer.alloc(0), buffer, ack, 0)
    const { container, host } = JSON.parse(buffer.bytes.toString('utf8', 0, buffer.length))
    expect(host).toBeUndefined()
    return container.image
  }
  expect(imageOf('nginx')).toEqual({ name: 'nginx' })
  expect(imageOf('registry:5000/nginx')).toEqual({ name: 'registry:5000/nginx' })
  expect(imageOf('nginx:1.2@sha256:abc')).toEqual({ name: 'nginx', tag: '1.2' })
  expect(imageOf('sha256:abc')).toEqual({ name: 'sha256:abc' })
  expect(imageOf('')).toBeUndefined()
})

it('writes usage and events for StatsD and for syslog', () => {
  const samples = new SampleEncoder({ format: 'plain', name: 'cf.{app}.{instance}.{metric}', maxAgeMs: 0, worker: 'w', mtu: 1432 })
  expect(encoded(samples, usage())).toContain(`g ${TIMESTAMP} 1000 cf.shop.web_1.instance.memory`)
  expect(encoded(samples, happening())).toContain('1 cf.shop.web-1.container_event.count')
  const frames = new FrameEncoder({ maxBytes: 8192, escapesLf: false, metrics: true })
  expect(encoded(frames, happening({ exitCode: '3' }))).toContain('[event@47450 name="container_event" action="die" exit_code="3"]')
  expect(encoded(frames, usage())).toContain('[gauge@47450 name="throttled_seconds" value="0.25" unit="seconds"]')
})

it('names the kind of each event for indices and topics', () => {
  expect([LOG, CONTAINER_USAGE, CONTAINER_EVENT].map(kindNameOf)).toEqual(['log', 'container', 'docker.event'])
})
