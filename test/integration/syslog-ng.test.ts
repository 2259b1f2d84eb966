import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { makeCertificates } from '../../dev/certificates.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { type SyslogNgServer, startSyslogNg } from '../../dev/syslog-ng.ts'
import { Installation } from '../support/installation.ts'

const mix = loadMix()
const numbers = Array.from({ length: 600 }, (_, number) => number)
const logs = numbers.filter((number) => mix.kind(number) === 'log')
const aLog = mix.envelope(logs[0] as number).toString()

/** What is hard to frame, to escape or to cut. */
const texts = [
  'two\nlines, and\n\na third',
  'a "quoted" word, a ] bracket [x y="z"], a \\ backslash',
  '<14>1 2026-01-01T00:00:00Z other.host forged 1 - - no header',
  '12 34 numbers first',
  'Grüße, 日本語, 👋',
  'x'.repeat(20_000),
]

const withText = (text: string) => Buffer.from(aLog.replace(/"message":"[^"]*"/, `"message":"${Buffer.from(text).toString('base64')}"`))

const folder = scratchFolder('syslog-ng-certificates')
const certificates = { ...makeCertificates(folder), folder }
let server: SyslogNgServer
let site: Installation
beforeAll(async () => {
  server = await startSyslogNg(certificates)
})
afterAll(() => server?.close())
beforeEach(async () => {
  site = await Installation.open()
})
afterEach(() => site?.close())

it.each(['octet', 'lf', 'tls'] as const)(
  'syslog-ng understands every message framed as %s, names and values too, and finds no error',
  async (how) => {
    const topic = await site.kafka.topic()
    await site.kafka.produce(topic, [...numbers.map(mix.envelope), ...texts.map(withText)])
    const before = server.messages().length
    const worker = await site.start({
      CFMR_OUTPUT: 'syslog',
      CFMR_INFLUXDB_ADDR: '',
      CFMR_INFLUXDB_DATABASE: '',
      CFMR_KAFKA_TOPICS: topic,
      CFMR_SYSLOG_URL: `${how === 'tls' ? 'tls' : 'tcp'}://127.0.0.1:${server.ports[how]}`,
      ...(how === 'tls' && { CFMR_SYSLOG_TLSCA: certificates.ca }),
      ...(how === 'lf' && { CFMR_SYSLOG_FRAMING: 'lf' }),
    })
    await site.committed(worker, topic)
    expect((await worker.stats()).outputs['syslog']).toMatchObject({ records: logs.length + texts.length, refused: 0 })
    await worker.waitUntil('they are in its file', async () => server.messages().length - before >= logs.length + texts.length)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })

    const messages = server.messages().slice(before)
    expect(messages.filter(({ PROGRAM, MESSAGE }) => PROGRAM === 'syslog-ng' || MESSAGE.includes('Error processing'))).toEqual([])
    expect(messages).toHaveLength(logs.length + texts.length)
    const sdata = messages.map(({ _SDATA: data }) => data?.['tags@47450'] ?? {})
    expect(new Set(sdata.map(({ event_id: id }) => id)).size).toBe(messages.length)
    for (const [i, { HOST, PROGRAM, PID }] of messages.entries()) {
      const { app_id, organization_name, space_name, app_name } = sdata[i] as Record<string, string>
      expect(PROGRAM).toBe(app_id)
      expect(HOST.split('.')).toHaveLength(3)
      expect(PID).toMatch(/^\[\S+\]$/)
      expect([organization_name, space_name, app_name].every((name) => name !== undefined && name !== '')).toBe(true)
    }
    const special = messages.slice(-texts.length).map(({ MESSAGE }) => MESSAGE)
    expect(special.slice(0, -1)).toEqual(texts.slice(0, -1).map((text) => (how === 'lf' ? text.replaceAll('\n', '\\n') : text)))
    expect(special.at(-1)).toMatch(/^x{6000,8192}$/)
    expect(sdata.at(-1)?.['truncated']).toBe('true')
  },
)
